"""Which releases are listed, and how many requests that takes."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gh_releases import Release, Selection
from gh_releases.cli import last_instant
from tests.gh_releases.conftest import TOKEN, Run, list_releases
from tests.support.github import GitHub
from tests.support.github_data import Repository
from toolroll_shared.cli import instant
from toolroll_shared.errors import Exit


@pytest.fixture
def varied(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Five releases and two drafts."""
    repo.add_release("v1.0", published_at="2024-01-31T23:59:59Z")
    repo.add_release("v1.1", published_at="2024-02-01T00:00:00Z")
    repo.add_release("v1.2-rc.1", published_at="2024-02-29T12:00:00Z", prerelease=True)
    repo.add_release("release/v2.0", published_at="2024-02-29T23:59:59Z")
    repo.add_release("v2.0", published_at="2024-03-01T00:00:00Z")
    repo.add_release("v3.0", draft=True)
    repo.add_release("v3.0-rc.1", draft=True, prerelease=True)
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    return repo


ALL = ["v3.0-rc.1", "v3.0", "v2.0", "release/v2.0", "v1.2-rc.1", "v1.1", "v1.0"]


@pytest.mark.parametrize(
    ("arguments", "tags"),
    [
        ("", ALL),
        ("--exclude-drafts", ALL[2:]),
        ("--exclude-prereleases", ["v3.0", "v2.0", "release/v2.0", "v1.1", "v1.0"]),
        ("--exclude-drafts --exclude-prereleases", ["v2.0", "release/v2.0", "v1.1", "v1.0"]),
        ("--until 2024-02-29", ["release/v2.0", "v1.2-rc.1", "v1.1", "v1.0"]),
        ("--until 2024-02-29T12:00:00Z", ["v1.2-rc.1", "v1.1", "v1.0"]),
        ("--until 2024-02-29T13:00:00+01:00", ["v1.2-rc.1", "v1.1", "v1.0"]),
        ("--until 2024-02-29T11:59:59", ["v1.1", "v1.0"]),
        ("--until 2024-01-31", ["v1.0"]),
        ("--until 2024-01-30", []),
        ("--since 2024-02-01 --until 2024-02-29", ["release/v2.0", "v1.2-rc.1", "v1.1"]),
        ("--since 2024-03-01 --until 2024-03-01", ["v2.0"]),
        ("--tag v2.0", ["v2.0"]),
        ("--tag *v2.0", ["v2.0", "release/v2.0"]),
        ("--tag v1.*", ["v1.2-rc.1", "v1.1", "v1.0"]),
        ("--tag V1.*", []),
        ("--tag v1.0 --tag *rc*", ["v3.0-rc.1", "v1.2-rc.1", "v1.0"]),
        ("--tag v[12].0", ["v2.0", "v1.0"]),
        ("--limit 1", ["v3.0-rc.1"]),
        ("--limit 2 --exclude-drafts", ["v2.0", "release/v2.0"]),
        ("--limit 100", ALL),
        ("--limit 1 --tag v1.*", ["v1.2-rc.1"]),
    ],
)
@pytest.mark.parametrize("form", ["rows", "--json", "--ndjson"])
def test_filters_and_the_limit_say_what_is_listed(
    gh_releases: Run, varied: Repository, arguments: str, tags: list[str], form: str
) -> None:
    ran = gh_releases(*arguments.split(), *([form] if form != "rows" else []))
    assert (ran.code, ran.stderr, len(varied.releases)) == (0, "", 7)
    match form:
        case "rows":
            assert ran.tags == tags
        case "--json":
            assert [one["tag_name"] for one in ran.json] == tags
        case _:
            assert [one["tag_name"] for one in ran.records] == tags


def test_nothing_lies_between_a_later_since_and_an_earlier_until(
    gh_releases: Run, github: GitHub
) -> None:
    ran = gh_releases("--since", "2024-03-01", "--until", "2024-02-29")
    assert (ran.code, ran.stdout, github.requests) == (Exit.USAGE, "", [])
    assert ran.stderr == ("gh-releases: --since is later than --until: nothing lies between them\n")


@pytest.mark.parametrize("limit", [0, -1, "many", ""])
def test_a_limit_is_at_least_one(gh_releases: Run, limit: object) -> None:
    assert gh_releases(f"--limit={limit}").code == Exit.USAGE


@pytest.mark.parametrize(
    ("arguments", "paths"),
    [
        (["--limit", 3], ["/repos/octo/tool/releases?per_page=3"]),
        (["--limit", 3, "--tag", "v*"], ["/repos/octo/tool/releases?per_page=100"]),
        (["--limit", 100], ["/repos/octo/tool/releases?per_page=100"]),
        (["--limit", 101], ["/repos/octo/tool/releases?per_page=100", "page=2"]),
    ],
)
def test_a_limit_asks_for_no_more_than_it_needs(
    github: GitHub, gh_releases: Run, repo: Repository, arguments: list[object], paths: list[str]
) -> None:
    for number in range(250):
        repo.add_release(f"v{number}")
    ran = gh_releases("--json", *arguments)
    assert len(ran.json) == arguments[1]
    asked = [request.path for request in github.requests]
    assert len(asked) == len(paths)
    assert all(path in one for path, one in zip(paths, asked, strict=True))


def test_only_what_is_listed_is_completed(github: GitHub, repo: Repository) -> None:
    for number in range(4):
        release = repo.add_release(f"v{number}", prerelease=number == 3)
        for count in range(120):
            release.add_asset(f"a{count}", b"")
    listing = list_releases(github, wanted=Selection(prereleases=False), limit=2)
    assert [(one.tag_name, len(one.assets)) for one in listing.releases] == [
        ("v2", 120),
        ("v1", 120),
    ]
    assert len(github.requests) == 1 + 2 * 2


FIRST, LAST = datetime(1990, 1, 1), datetime(2090, 1, 1)  # noqa: DTZ001 - hypothesis adds UTC
INSTANTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


def release(published: datetime | None) -> Release:
    return Release(
        id=1,
        tag_name="v1",
        draft=published is None,
        prerelease=False,
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        published_at=published,
        html_url="",
        assets=(),
    )


@given(published=st.none() | INSTANTS, since=st.none() | INSTANTS, until=st.none() | INSTANTS)
def test_any_time_is_in_exactly_if_it_lies_within(
    published: datetime | None, since: datetime | None, until: datetime | None
) -> None:
    chosen = Selection(since=since, until=until)(release(published))
    if published is None:
        assert chosen == (since is None and until is None)
    else:
        assert chosen == ((since or published) <= published <= (until or published))


@given(moment=INSTANTS, hours=st.integers(-14, 14))
def test_an_instant_is_the_same_in_any_zone_for_since_and_until(
    moment: datetime, hours: int
) -> None:
    text = moment.astimezone(timezone(timedelta(hours=hours))).isoformat()
    assert instant(text) == last_instant(text) == moment


@given(day=st.dates(FIRST.date(), LAST.date()))
@pytest.mark.parametrize("spell", ["%Y-%m-%d", "%Y%m%d", "%G-W%V-%u"])
def test_a_date_is_a_whole_day_in_utc(day: date, spell: str) -> None:
    text = day.strftime(spell)
    assert last_instant(text) - instant(text) == timedelta(days=1, microseconds=-1)
    assert instant(text).date() == last_instant(text).date() == day


@pytest.mark.parametrize("parse", [instant, last_instant])
def test_the_ends_of_time_are_instants_too(parse: Callable[[str], datetime]) -> None:
    assert parse("0001-01-01").year == 1
    assert parse("9999-12-31").year == 9999
