"""Releases, assets, users and repositories in the JSON of GitHub's REST API 2022-11-28.

Links to parts that the stand-in does not serve are well-formed, and lead to a 404.
"""

import base64
import json
from urllib.parse import quote

from tests.support.github_data import Asset, Release, Repository, Site

MAX_EMBEDDED = 100
"""Assets in a release; GitHub names no such cap, but a client must not count on its absence."""

_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}
_COUNTS = (
    "forks",
    "forks_count",
    "network_count",
    "open_issues",
    "open_issues_count",
    "size",
    "stargazers_count",
    "subscribers_count",
    "watchers",
    "watchers_count",
)


def render(value: object) -> bytes:
    """Write JSON as the API does: compact, in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def releases_body(releases: list[Release]) -> bytes:
    """Render a page of releases from its rendered releases."""
    return b"[" + b",".join(map(release_body, releases)) + b"]"


def release_body(release: Release) -> bytes:
    """Render a release, once between two changes."""
    if release.rendered is None:
        release.rendered = render(release_json(release))
    return release.rendered


def release_json(release: Release) -> dict[str, object]:
    """The schema `release`."""
    repository = release.repository
    url = f"{_api(repository)}/releases/{release.id}"
    tag = quote(release.tag, safe="")
    owner = user_json(repository.site, repository.owner)
    return {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": f"{url}/assets{{?name,label}}",
        "html_url": f"{_web(repository)}/releases/tag/{_web_tag(release)}",
        "id": release.id,
        "author": owner,
        "node_id": _node("RE", release.id),
        "tag_name": release.tag,
        "target_commitish": release.target_commitish,
        "name": release.name,
        "draft": release.draft,
        "immutable": release.immutable,
        "prerelease": release.prerelease,
        "created_at": release.created_at,
        "updated_at": release.published_at or release.created_at,
        "published_at": release.published_at,
        "assets": [
            asset_json(asset, owner) for asset in list(release.assets.values())[:MAX_EMBEDDED]
        ],
        "tarball_url": None if release.draft else f"{_api(repository)}/tarball/{tag}",
        "zipball_url": None if release.draft else f"{_api(repository)}/zipball/{tag}",
        "body": release.body,
    }


def asset_json(asset: Asset, uploader: dict[str, object] | None = None) -> dict[str, object]:
    """The schema `release-asset`."""
    repository = asset.release.repository
    place = f"{_web_tag(asset.release)}/{quote(asset.name, safe='')}"
    return {
        "url": f"{_api(repository)}/releases/assets/{asset.id}",
        "id": asset.id,
        "node_id": _node("RA", asset.id),
        "name": asset.name,
        "label": asset.label,
        "uploader": uploader or user_json(repository.site, repository.owner),
        "content_type": asset.content_type,
        "state": asset.state,
        "size": asset.size,
        "digest": asset.digest,
        "download_count": asset.download_count,
        "created_at": asset.created_at,
        "updated_at": asset.created_at,
        "browser_download_url": f"{_web(repository)}/releases/download/{place}",
    }


def user_json(site: Site, login: str) -> dict[str, object]:
    """The schema `simple-user`."""
    url, number = f"{site.api_url}/users/{login}", site.user_id(login)
    return {
        "login": login,
        "id": number,
        "node_id": _node("U", number),
        "avatar_url": f"{site.api_url}/u/{number}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{site.api_url}/{login}",
        **{name: url + path for name, path in _USER_LINKS.items()},
        "type": "User",
        "user_view_type": "public",
        "site_admin": False,
    }


def repository_json(repository: Repository) -> dict[str, object]:
    """The schema `full-repository`."""
    url, web = _api(repository), _web(repository)
    host = repository.site.api_url.partition("//")[2]
    return {
        "id": repository.id,
        "node_id": _node("R", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": user_json(repository.site, repository.owner),
        "html_url": web,
        "description": None,
        "fork": False,
        "url": url,
        **{name: url + path for name, path in _REPOSITORY_LINKS.items()},
        "git_url": f"git://{host}/{repository.full_name}.git",
        "ssh_url": f"git@{host}:{repository.full_name}.git",
        "clone_url": f"{web}.git",
        "svn_url": web,
        **dict.fromkeys(("homepage", "language", "license", "mirror_url")),
        **dict.fromkeys(_COUNTS, 0),
        **dict.fromkeys(("created_at", "updated_at", "pushed_at"), repository.created_at),
        **dict.fromkeys(("has_issues", "has_projects", "has_wiki", "has_downloads"), True),
        **dict.fromkeys(("has_pages", "has_discussions", "archived", "disabled"), False),
        **dict.fromkeys(("is_template", "web_commit_signoff_required"), False),
        "allow_forking": True,
        "topics": [],
        "visibility": "private" if repository.private else "public",
        "default_branch": "main",
    }


def _api(repository: Repository) -> str:
    return f"{repository.site.api_url}/repos/{repository.full_name}"


def _web(repository: Repository) -> str:
    """github.com; the stand-in serves it from the API's origin."""
    return f"{repository.site.api_url}/{repository.full_name}"


def _web_tag(release: Release) -> str:
    """A draft's pages have a made-up tag until it is published."""
    return f"untagged-{release.id:020x}" if release.draft else quote(release.tag, safe="")


def _node(kind: str, number: int) -> str:
    return f"{kind}_{base64.urlsafe_b64encode(number.to_bytes(8)).decode().rstrip('=')}"
