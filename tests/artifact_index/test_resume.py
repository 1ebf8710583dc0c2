"""A sync that was cut off goes on with the page it missed, and a whole one has seen all."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.artifact_index.conftest import Index, rows
from tests.support import faults
from tests.support.github import GitHub
from tests.support.github_data import Repository
from toolroll_shared.errors import Exit

NEXT = "SELECT next_page FROM repositories"
GONE = "SELECT tag_name FROM releases WHERE gone_at IS NOT NULL"
THERE = "SELECT tag_name FROM releases WHERE gone_at IS NULL"


@pytest.fixture
def long(repo: Repository) -> Repository:
    """A repository of five pages: v0 to v449, the newest first."""
    for number in range(450):
        repo.add_release(f"v{number}").add_asset("a", b"a")
    return repo


def cut_off(index: Index, github: GitHub, page: int) -> None:
    """Run a sync that gets everything before a page, and then no more."""
    github.fault(f"*page={page}", faults.status(500))
    assert index("--retries", 0).code == Exit.UNREACHABLE
    github.forget_requests()


def pages(github: GitHub) -> list[int]:
    """The pages that were asked for, in order."""
    queries = [parse_qs(urlsplit(one.path).query) for one in github.requests_to("api", "/releases")]
    return [int(query.get("page", ["1"])[0]) for query in queries]


def upstream(repo: Repository) -> set[str]:
    return {release.tag for release in repo.releases.values()}


@pytest.mark.parametrize("missed", [2, 3, 5])
def test_a_sync_goes_on_with_the_page_it_missed_and_then_reads_those_before(
    index: Index, db: Path, github: GitHub, long: Repository, missed: int
) -> None:
    cut_off(index, github, missed)
    assert rows(db, NEXT) == [missed]
    ran = index()
    assert pages(github) == [*range(missed, 6), *range(1, missed + 1)]
    assert ran.counts[0] == (450 - 100 * (missed - 1), 0, 100 * (missed - 1))
    assert (rows(db, NEXT), set(rows(db, THERE))) == ([None], upstream(long))


def test_a_sync_that_was_whole_begins_at_the_first_page(
    index: Index, github: GitHub, long: Repository
) -> None:
    index()
    github.forget_requests()
    assert index().counts[0] == (0, 0, 450), long
    assert pages(github) == [1, 2, 3, 4, 5]


def test_every_run_gets_further_however_often_it_is_cut_off(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    for page in (2, 3, 4, 5):
        cut_off(index, github, page)
        assert rows(db, "SELECT count(*) FROM releases") == [100 * (page - 1)]
    assert index().counts[0] == (50, 0, 400)
    assert set(rows(db, THERE)) == upstream(long)


def test_a_run_that_is_cut_off_while_it_reads_the_pages_before_goes_on_there(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    cut_off(index, github, 4)
    cut_off(index, github, 2)
    assert rows(db, NEXT) == [2]
    assert index().counts[0] == (0, 0, 450), long
    assert pages(github) == [2, 3, 4, 5, 1, 2]


def test_releases_that_appear_and_vanish_between_the_runs_are_all_noticed(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    cut_off(index, github, 3)
    for number in range(120):  # what was on page 2 is on page 3 and 4 now
        long.add_release(f"w{number}")
    for tag in ("v449", "v300", "v10"):  # of page 1, of page 2, not seen yet
        release = long.tagged(tag)
        assert release is not None
        release.delete()
    ran = index()
    assert (ran.code, ran.gone) == (0, (2, 2))
    assert (set(rows(db, THERE)), set(rows(db, GONE))) == (upstream(long), {"v449", "v300"})
    assert sum(ran.counts[0]) == len(long.releases), "each is counted once"


def test_releases_that_vanish_before_the_missed_page_hide_none_behind_it(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    cut_off(index, github, 3)
    for release in long.ordered(drafts=True)[:150]:  # page 3 begins where page 4 was
        release.delete()
    assert index().gone == (150, 150)
    assert set(rows(db, THERE)) == upstream(long)


def test_a_missed_page_that_is_not_there_any_more_is_no_trouble(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    cut_off(index, github, 5)
    for release in long.ordered(drafts=True)[50:]:
        release.delete()
    assert index().gone == (350, 350)
    assert (rows(db, NEXT), len(rows(db, THERE))) == ([None], 50)


@pytest.mark.parametrize("page", [11, 12, 10**15])
def test_a_missed_page_beyond_the_limit_of_a_list_is_no_trouble(
    index: Index, db: Path, repo: Repository, page: int
) -> None:
    for number in range(1001):
        repo.add_release(f"v{number}")
    index()
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE repositories SET next_page = ?", (page,))
    ran = index()
    assert (ran.counts[0], ran.gone, rows(db, NEXT)) == ((0, 0, 1000), (0, 0), [None])


def test_the_selection_of_the_run_that_goes_on_is_what_counts(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    middle = long.tagged("v225")
    assert middle is not None
    github.fault("*page=4", faults.status(500))
    assert index("--retries", 0, "--since", middle.published_at).code == Exit.UNREACHABLE
    assert rows(db, "SELECT count(*) FROM releases") == [225]
    assert index().counts[0] == (225, 0, 225)
    assert set(rows(db, THERE)) == upstream(long)


def test_each_repository_goes_on_where_it_was(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    other = github.add_repository("octo/other")
    for number in range(150):
        other.add_release(f"o{number}")
    cut_off(index, github, 3)
    assert index(repository="octo/other").counts[0] == (150, 0, 0)
    assert rows(db, "SELECT next_page FROM repositories ORDER BY id") == [3, None]
    assert index().counts[0] == (250, 0, 200), long
