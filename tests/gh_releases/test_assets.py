"""Assets: all of them, however many, and one a row where that is asked for."""

import pytest

from tests.gh_releases.conftest import Run, answering, linked, list_releases
from tests.gh_releases.test_output import ASSET_FIELDS
from tests.support import faults
from tests.support.github import GitHub
from tests.support.github_data import Release, Repository
from tests.support.github_json import asset_json
from toolroll_shared.errors import Refused, Unreachable


def with_assets(repo: Repository, tag: str, count: int) -> Release:
    release = repo.add_release(tag)
    for number in range(count):
        release.add_asset(f"a{number}", b"x" * number, download_count=number)
    return release


@pytest.mark.parametrize(
    ("count", "requests"), [(0, 1), (1, 1), (99, 1), (100, 2), (101, 3), (230, 4)]
)
def test_a_release_comes_with_all_its_assets(
    github: GitHub, repo: Repository, count: int, requests: int
) -> None:
    with_assets(repo, "v1", count)
    [release] = list_releases(github).releases
    assert [asset.name for asset in release.assets] == [f"a{number}" for number in range(count)]
    assert len(github.requests) == requests


def test_the_pages_of_assets_are_found_where_the_releases_were(
    github: GitHub, repo: Repository
) -> None:
    release = with_assets(repo, "v1", 150)
    for number in range(100):
        repo.add_release(f"new-{number}")
    list_releases(github)
    assert [one.path for one in github.requests[2:]] == [
        f"/repositories/{repo.id}/releases/{release.id}/assets?per_page=100",
        f"/repositories/{repo.id}/releases/{release.id}/assets?per_page=100&page=2",
    ]


def test_a_renamed_repository_costs_one_redirect(github: GitHub, repo: Repository) -> None:
    for number in range(3):
        with_assets(repo, f"v{number}", 100)
    repo.rename("octo/instrument")
    listing = list_releases(github)
    assert [one.status for one in github.requests] == [301, *[200] * 4]
    assert (len(listing.said), len(listing.tags)) == (1, 3)


def test_an_asset_that_two_pages_hold_comes_once(github: GitHub, repo: Repository) -> None:
    release = with_assets(repo, "v1", 150)
    first = [asset_json(asset) for asset in list(release.assets.values())[90:120]]
    github.fault("*/assets*page=2", answering(first))
    [listed] = list_releases(github).releases
    assert [asset.name for asset in listed.assets] == [f"a{number}" for number in range(120)]


@pytest.mark.parametrize("page", ["/assets", "/assets*page=2"])
def test_a_release_that_vanishes_while_its_assets_are_listed_is_said_and_left_out(
    github: GitHub, repo: Repository, page: str
) -> None:
    with_assets(repo, "v1", 150)
    github.fault(f"*{page}*", faults.status(404))
    listing = list_releases(github)
    assert listing.releases == []
    assert listing.said == ["octo/tool: v1 vanished while its assets were listed"]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("{api}/repos/octo/tool/releases/1/assets?page=2", Unreachable),
        ("http://elsewhere.invalid/", Refused),
        ("file:///etc/passwd", Refused),
    ],
)
def test_pages_of_assets_that_lead_astray_end_the_run(
    github: GitHub, repo: Repository, url: str, error: type[Exception]
) -> None:
    with_assets(repo, "v1", 100)
    page = answering([], link=f'<{url.format(api=github.api_url)}>; rel="next"')
    github.fault("/assets", page, times=2 if error is Unreachable else 1)
    assert isinstance(list_releases(github).error, error)


def test_assets_are_one_row_each(gh_releases: Run, repo: Repository) -> None:
    release = repo.add_release("v1")
    release.add_asset("a.zip", b"12345", download_count=7)
    release.add_asset("b\tb.zip", b"", digest=False, state="open")
    repo.add_release("empty")
    ran = gh_releases("--assets")
    a, b = release.assets.values()
    assert ran.stdout.splitlines() == [
        f"v1\ta.zip\t5\t{a.created_at}\tuploaded\t7\t{a.digest}",
        f"v1\tb\\tb.zip\t0\t{b.created_at}\topen\t0\t",
    ]


def test_assets_as_json_name_their_release(gh_releases: Run, repo: Repository) -> None:
    release = repo.add_release("v1")
    for name in ("a", "b"):
        release.add_asset(name, b"1")
    about = {"release_id": release.id, "tag_name": "v1"}
    expected = [
        about | {field: asset_json(asset)[field] for field in ASSET_FIELDS}
        for asset in release.assets.values()
    ]
    assert gh_releases("--assets", "--json").json == expected
    assert gh_releases("--assets", "--ndjson").records == expected
    meta = gh_releases("--assets", "--json", "--meta").json
    assert (meta["assets"], set(meta)) == (expected, {"meta", "assets"})


def test_the_limit_counts_releases_not_assets(gh_releases: Run, repo: Repository) -> None:
    for number in range(3):
        with_assets(repo, f"v{number}", 2)
    ran = gh_releases("--assets", "--limit", 2)
    assert ran.tags == ["v2", "v2", "v1", "v1"]


def test_linking_a_page_of_assets_to_itself_is_no_way_to_keep_us(
    github: GitHub, repo: Repository
) -> None:
    release = with_assets(repo, "v1", 100)
    itself = f"{github.api_url}/repos/octo/tool/releases/{release.id}/assets?per_page=100"
    github.fault("/assets", linked(itself))
    assert "the pages never end" in str(list_releases(github).error)
