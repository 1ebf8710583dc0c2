"""Releases, assets and repositories in the JSON of GitHub's REST API, with our own addresses.

What the manifest does not know (a release's text, its author) is empty, or the owner; links to
parts that a mirror does not have are well-formed, and lead to a 404.
"""

import base64
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .catalogue import HeldAsset, HeldRelease, HeldRepository

Json = dict[str, Any]

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
_ZERO = (
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
_FALSE = (
    "archived",
    "disabled",
    "fork",
    "has_discussions",
    "has_issues",
    "has_pages",
    "has_projects",
    "has_wiki",
    "is_template",
)
_NULL = ("description", "homepage", "language", "license", "mirror_url")


@dataclass(frozen=True, slots=True)
class Base:
    """Where we are, as the client sees it.

    Attributes:
        web: of the pages and downloads; no slash at the end.
        api: of the API; the same, or with `/api/v3` behind it.
    """

    web: str
    api: str


def release_json(base: Base, repository: HeldRepository, release: HeldRelease) -> Json:
    """Return the schema `release`."""
    api = f"{base.api}/repos/{repository.full_name}"
    url, tag = f"{api}/releases/{release.id}", quote(release.tag)
    balls = {
        f"{kind}_url": f"{api}/{kind}/refs/tags/{tag}" if release.archive(kind) else None
        for kind in ("tarball", "zipball")
    }
    return {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": f"{url}/assets{{?name,label}}",
        "html_url": f"{base.web}/{repository.full_name}/releases/tag/{tag}",
        "id": release.id,
        "author": _owner(base, repository),
        "node_id": _node("RE", release.id),
        "tag_name": release.tag,
        "target_commitish": "",
        "name": release.name,
        "draft": False,
        "prerelease": release.prerelease,
        "created_at": release.created_at,
        "published_at": release.published_at,
        "assets": [
            asset_json(base, repository, release, asset) for asset in release.assets.values()
        ],
        **balls,
        "body": None,
    }


def asset_json(
    base: Base, repository: HeldRepository, release: HeldRelease, asset: HeldAsset
) -> Json:
    """Return the schema `release-asset`; the digest is what the file here has."""
    name = repository.full_name
    place = f"{quote(release.tag)}/{quote(asset.file.name, safe='')}"
    return {
        "url": f"{base.api}/repos/{name}/releases/assets/{asset.id}",
        "id": asset.id,
        "node_id": _node("RA", asset.id),
        "name": asset.file.name,
        "label": None,
        "uploader": None,
        "content_type": asset.file.content_type,
        "state": "uploaded",
        "size": asset.file.size,
        "digest": f"sha256:{asset.file.sha256}",
        "download_count": asset.download_count,
        "created_at": asset.created_at,
        "updated_at": asset.updated_at,
        "browser_download_url": f"{base.web}/{name}/releases/download/{place}",
    }


def repository_json(base: Base, repository: HeldRepository) -> Json:
    """Return the schema `full-repository`."""
    url = f"{base.api}/repos/{repository.full_name}"
    web = f"{base.web}/{repository.full_name}"
    host = base.web.partition("//")[2]
    times = [release.created_at for release in repository.releases]
    return {
        "id": repository.id,
        "node_id": _node("R", repository.id),
        "name": repository.full_name.partition("/")[2],
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": _owner(base, repository),
        "html_url": web,
        "url": url,
        **{name: url + path for name, path in _REPOSITORY_LINKS.items()},
        "git_url": f"git://{host}/{repository.full_name}.git",
        "ssh_url": f"git@{host}:{repository.full_name}.git",
        "clone_url": f"{web}.git",
        "svn_url": web,
        **dict.fromkeys(_NULL),
        **dict.fromkeys(_ZERO, 0),
        **dict.fromkeys(_FALSE, False),
        "created_at": min(times),
        **dict.fromkeys(("updated_at", "pushed_at"), max(times)),
        "has_downloads": True,
        "topics": [],
        "visibility": "private" if repository.private else "public",
        "default_branch": "HEAD",
    }


def _owner(base: Base, repository: HeldRepository) -> Json:
    """Return the schema `simple-user`; 0, as accounts are not mirrored."""
    login = repository.full_name.partition("/")[0]
    url = f"{base.api}/users/{login}"
    return {
        "login": login,
        "id": 0,
        "node_id": _node("U", 0),
        "avatar_url": f"{base.web}/{login}.png",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{base.web}/{login}",
        **{name: url + path for name, path in _USER_LINKS.items()},
        "type": "User",
        "site_admin": False,
    }


def _node(kind: str, number: int) -> str:
    return f"{kind}_{base64.urlsafe_b64encode(number.to_bytes(8)).decode().rstrip('=')}"
