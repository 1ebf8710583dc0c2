import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gh_releases import Selection, client, origin
from tests.gh_releases.conftest import TOKEN, adding, answering, linked, list_releases
from tests.support import faults
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.github_http import Request, Response
from tests.support.github_json import release_json
from toolroll_shared.errors import Exit, Refused, Unreachable


@pytest.fixture
def other() -> Iterator[GitHub]:
    """Another origin, which must never hear of us."""
    with GitHub() as server:
        server.add_repository("octo/tool").add_release("elsewhere")
        yield server
        assert server.requests == []


def fill(repo: Repository, count: int) -> list[str]:
    """Add releases, and return their tags as GitHub lists them: newest first."""
    tags = [f"v{number}" for number in range(count)]
    for tag in tags:
        repo.add_release(tag)
    return tags[::-1]


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (1, 1), (100, 1), (101, 2), (250, 3)])
def test_every_release_comes_once_and_in_order(
    github: GitHub, repo: Repository, count: int, pages: int
) -> None:
    tags = fill(repo, count)
    listing = list_releases(github)
    assert (listing.tags, listing.events, listing.error) == (tags, [], None)
    assert len(github.requests) == pages


def test_the_next_page_is_followed_as_given(github: GitHub, repo: Repository) -> None:
    fill(repo, 101)
    list_releases(github)
    assert [one.path for one in github.requests] == [
        "/repos/octo/tool/releases?per_page=100",
        f"/repositories/{repo.id}/releases?per_page=100&page=2",
    ]


def test_every_request_says_who_asks_and_for_which_version(
    github: GitHub, repo: Repository
) -> None:
    fill(repo, 1)
    list_releases(github)
    headers = github.requests[0].headers
    assert headers["user-agent"] == "toolroll-gh-releases"
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["x-github-api-version"] == "2022-11-28"


def test_a_release_published_between_two_pages_repeats_nothing(
    github: GitHub, repo: Repository
) -> None:
    def publish(_request: Request, page: Response) -> Response:
        repo.add_release("meanwhile")
        return page

    tags = fill(repo, 150)
    github.fault("/repos/", Fault("publish", answer=publish))
    assert list_releases(github).tags == tags


def test_a_release_that_a_page_holds_twice_comes_once(github: GitHub, repo: Repository) -> None:
    release = release_json(repo.add_release("v1"))
    github.fault("/releases", answering([release, release]))
    assert list_releases(github).tags == ["v1"]


def test_githubs_thousand_are_all_there_is_and_it_says_so(github: GitHub, repo: Repository) -> None:
    tags = fill(repo, 1001)
    listing = list_releases(github)
    assert (listing.tags, listing.error) == (tags[:1000], None)
    assert listing.said == ["octo/tool: GitHub lists no more than the newest 1,000 releases"]
    assert len(github.requests) == 11


def test_the_cap_is_known_by_the_number_of_pages_not_of_releases(
    github: GitHub, repo: Repository
) -> None:
    """A page may be short, where something on it is not for us to see."""

    def without_one(_request: Request, page: Response) -> Response:
        return replace(page, body=json.dumps(json.loads(page.content)[1:]).encode())

    tags = fill(repo, 1001)
    github.fault("*per_page=100", Fault("one is hidden", answer=without_one))
    listing = list_releases(github)
    assert (listing.tags, listing.error) == (tags[1:1000], None)
    assert "no more than the newest 1,000" in listing.said[0]


def test_a_draft_that_is_published_between_two_pages_is_listed(
    github: GitHub, repo: Repository
) -> None:
    def publish(_request: Request, page: Response) -> Response:
        draft.edit(draft=False)
        for number in range(50):
            repo.add_release(f"new-{number}")
        return page

    fill(repo, 150)
    draft = repo.add_release("draft", draft=True)
    fill(repo, 90)
    github.fault("*per_page=100", Fault("publish", answer=publish))
    listing = list_releases(github, token=TOKEN, wanted=Selection(drafts=False))
    assert "draft" in listing.tags


@pytest.mark.parametrize("page", ["per_page=100", "page=2"])
def test_a_422_before_the_thousandth_release_is_a_refusal(
    github: GitHub, repo: Repository, page: str
) -> None:
    fill(repo, 101)
    github.fault(f"*{page}", faults.status(422))
    listing = list_releases(github)
    assert isinstance(listing.error, Refused)


def test_a_next_page_that_was_there_before_ends_the_run(github: GitHub, repo: Repository) -> None:
    fill(repo, 101)
    first = f"{github.api_url}/repos/octo/tool/releases?per_page=100"
    github.fault("page=2", linked(first))
    listing = list_releases(github)
    assert isinstance(listing.error, Unreachable)
    assert str(listing.error).endswith("/releases?...: the pages never end; giving up")
    assert len(github.requests) == 2


def test_pages_without_end_end_the_run(
    github: GitHub, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_more(request: Request, page: Response) -> Response:
        number = int(request.query.get("page", "1")) + 1
        url = f"{github.api_url}/repositories/{repo.id}/releases?page={number}"
        return page.with_headers({"link": f'<{url}>; rel="next"'})

    monkeypatch.setattr(client, "MAX_PAGES", 7)
    github.fault("/releases", Fault("one more", answer=one_more), times=7)
    listing = list_releases(github)
    assert isinstance(listing.error, Unreachable)
    assert "the pages never end" in str(listing.error)
    assert len(github.requests) == 7


ELSEWHERE = [
    "{other}/repos/octo/tool/releases",
    "//127.0.0.1:{other_port}/repos/octo/tool/releases",
    "http://localhost:{port}/repos/octo/tool/releases",
    "https://127.0.0.1:{port}/repos/octo/tool/releases",
    "http://127.0.0.1/repos/octo/tool/releases",
    "http://127.0.0.1:{port}@127.0.0.1:{other_port}/",
    "file:///etc/passwd",
]


def place(template: str, github: GitHub, other: GitHub) -> str:
    port, other_port = (server.api_url.rpartition(":")[2] for server in (github, other))
    return template.format(other=other.api_url, port=port, other_port=other_port)


@pytest.mark.parametrize("template", ELSEWHERE)
def test_a_next_page_elsewhere_is_refused_and_never_asked_for(
    github: GitHub, repo: Repository, other: GitHub, template: str
) -> None:
    fill(repo, 1)
    github.fault("/releases", linked(place(template, github, other)))
    listing = list_releases(github, token="t0ken-s3cret")
    assert isinstance(listing.error, Refused)
    assert "has its next page at another origin" in str(listing.error)
    assert (listing.error.exit_code, listing.waits) == (Exit.REFUSED, [])
    assert len(github.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_elsewhere_is_refused_whatever_its_status(
    github: GitHub, repo: Repository, other: GitHub, status: int
) -> None:
    fill(repo, 1)
    github.fault("/releases", faults.redirect(other.api_url + "/repos/octo/tool", status))
    listing = list_releases(github, token="t0ken-s3cret")
    assert isinstance(listing.error, Refused)
    assert "redirects at another origin" in str(listing.error)


@pytest.mark.parametrize("template", ELSEWHERE)
def test_a_redirect_elsewhere_is_refused_and_never_followed(
    github: GitHub, repo: Repository, other: GitHub, template: str
) -> None:
    fill(repo, 1)
    github.fault("/releases", faults.redirect(place(template, github, other)))
    listing = list_releases(github, token="t0ken-s3cret")
    assert isinstance(listing.error, Refused)
    assert (listing.error.exit_code, listing.waits) == (Exit.REFUSED, [])
    assert len(github.requests) == 1


@pytest.mark.parametrize(
    "url",
    ["http://[", "//[::1", "http://a]b/", "http://127.0.0.1:port/", "data:,[]", "http://xn--/"],
)
@pytest.mark.parametrize("header", ["link", "location"])
def test_an_address_that_is_none_is_a_clear_error(
    github: GitHub, repo: Repository, header: str, url: str
) -> None:
    fill(repo, 1)
    fault = linked(url) if header == "link" else faults.redirect(url)
    github.fault("/releases", fault)
    listing = list_releases(github, retries=0)
    assert listing.error is not None
    assert listing.error.exit_code in {Exit.UNREACHABLE, Exit.REFUSED}


@pytest.mark.parametrize(
    "link",
    ["", "nonsense", '<>; rel="next"', ";;;,,,", '<http://other.example/>; rel="last"', "<" * 999],
)
def test_a_link_header_without_a_next_page_ends_the_list(
    github: GitHub, repo: Repository, link: str
) -> None:
    tags = fill(repo, 1)
    github.fault("/releases", adding(link=link))
    listing = list_releases(github)
    assert listing.tags == tags or isinstance(listing.error, Unreachable)
    assert len(github.requests) == 1


def test_a_renamed_repository_is_followed_and_it_says_so_once(
    github: GitHub, repo: Repository
) -> None:
    tags = fill(repo, 201)
    repo.rename("octo/instrument")
    listing = list_releases(github)
    assert (listing.tags, listing.error) == (tags, None)
    [message] = listing.said
    assert message == "octo/tool is octo/instrument now: the repository was renamed or moved"


@pytest.mark.parametrize(("name", "most"), [("MAX_LISTING_REQUESTS", 3), ("MAX_LISTING_BYTES", 1)])
def test_one_listing_has_one_budget_for_all_its_pages(
    github: GitHub, repo: Repository, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    for number in range(5):
        release = repo.add_release(f"v{number}")
        for count in range(client.MOST_EMBEDDED):
            release.add_asset(f"a{count}", b"")
    monkeypatch.setattr(client, name, most)
    listing = list_releases(github)
    assert "the pages never end; giving up" in str(listing.error)
    assert len(github.requests) <= 4


def test_redirects_without_end_end_the_run(github: GitHub, repo: Repository) -> None:
    fill(repo, 1)
    times = origin.MAX_REDIRECTS + 1
    github.fault("/releases", faults.redirect("/repos/octo/tool/releases", 301), times=times)
    listing = list_releases(github)
    assert isinstance(listing.error, Unreachable)
    assert "redirects without end" in str(listing.error)
    assert len(github.requests) == times
