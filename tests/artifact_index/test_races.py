"""Upstream changes while it is read, and other syncs write meanwhile: nothing is told wrong."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from artifact_index.listing import MOST_REREADS
from tests.artifact_index.conftest import Index, rows
from tests.support.commands import run
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.github_http import Request, Response
from toolroll_shared.errors import Exit

THERE = "SELECT tag_name FROM releases WHERE gone_at IS NULL"
LOG = "SELECT change FROM changes WHERE change <> 'changed'"


def meanwhile(happens: Callable[[], object]) -> Fault:
    """Let something happen after an answer was made, and before it is sent."""

    def answer(_request: Request, response: Response) -> Response:
        happens()
        return response

    return Fault("meanwhile", answer=answer)


@pytest.fixture
def long(repo: Repository) -> Repository:
    """A repository of three pages: v0 to v249, the newest first."""
    for number in range(250):
        repo.add_release(f"v{number}").add_asset("a", b"a")
    return repo


def delete(repo: Repository, *tags: str) -> None:
    for tag in tags:
        release = repo.tagged(tag)
        assert release is not None
        release.delete()


def upstream(repo: Repository) -> set[str]:
    return {release.tag for release in repo.releases.values()}


def test_what_slips_over_a_border_of_pages_is_not_gone(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    index()
    github.fault("*per_page=100", meanwhile(lambda: delete(long, "v240", "v200")))
    ran = index()
    assert (ran.gone, rows(db, LOG)) == ((0, 0), []), "v240 and v200 were seen, v149 was not"
    assert index().gone == (2, 2)
    assert set(rows(db, THERE)) == upstream(long)


def test_what_slips_over_a_border_of_pages_is_found_where_something_is_missing(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    index()
    delete(long, "v10")
    long.add_release("new")
    github.fault("*per_page=100", meanwhile(lambda: delete(long, "v240")))
    ran = index()
    assert (ran.counts[0], ran.gone) == ((1, 0, 249), (1, 1))
    assert rows(db, LOG) == ["gone", "gone"], "v10 and its asset, and nothing else"


def test_a_run_that_goes_on_misses_nothing_that_is_published_meanwhile(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    github.fault("*page=3", Fault("refused", answer=lambda _request, _response: Response(500)))
    index("--retries", 0)
    assert len(rows(db, THERE)) == 200
    for number in range(60):  # v50 to v109 move from the second page to the third
        long.add_release(f"w{number}")
    publish = meanwhile(lambda: [long.add_release(f"x{number}") for number in range(30)])
    github.fault("*page=3", publish)
    ran = index()
    assert (ran.gone, set(rows(db, THERE))) == ((0, 0), upstream(long))
    assert sum(ran.counts[0]) == 340, "each is counted once"


@pytest.mark.parametrize("since", [(), ("--since", "2024-01-01")])
def test_what_was_thought_gone_is_there_again_if_it_is_listed(
    index: Index, db: Path, github: GitHub, long: Repository, since: tuple[str, ...]
) -> None:
    index()
    hidden = long.tagged("v100")
    assert hidden is not None
    del long.releases[hidden.id]
    long.touch()
    assert index().gone == (1, 1)
    long.releases[hidden.id] = hidden
    long.touch()
    assert index(*since).counts[0] == (0, 1, 249)
    assert index("--since", "2030-01-01").counts[0] == (0, 0, 0)
    assert rows(db, "SELECT count(*) FROM releases WHERE gone_at IS NOT NULL") == [0], github


def test_what_was_thought_gone_is_there_again_even_where_it_is_not_wanted(
    index: Index, db: Path, long: Repository
) -> None:
    index()
    hidden = long.tagged("v0")
    assert hidden is not None
    del long.releases[hidden.id]
    long.touch()
    index()
    long.releases[hidden.id] = hidden
    long.touch()
    assert index("--since", "2030-01-01").counts == ((0, 1, 0), (0, 1, 0))
    assert set(rows(db, THERE)) == upstream(long)
    assert rows(db, "SELECT count(*) FROM assets WHERE gone_at IS NOT NULL") == [0]


def test_a_page_that_another_sync_has_overtaken_is_asked_for_again(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    index()
    newest = long.ordered(drafts=False)[0]

    def changes_and_another_sync() -> None:
        newest.edit(name="new name")
        next(iter(newest.assets.values())).replace(b"other")
        delete(long, "v200")
        other = run("artifact_index", "octo/tool", "--db", db, "--api-url", github.api_url)
        assert (other.code, other.stderr) == (0, "")

    github.fault("*per_page=100", meanwhile(changes_and_another_sync))
    ran = index()
    assert (ran.code, ran.gone) == (0, (0, 0)), "the other one told it"
    assert rows(db, "SELECT name FROM releases WHERE tag_name = 'v249'") == ["new name"]
    assert set(rows(db, THERE)) == upstream(long)
    log = rows(db, "SELECT change, field FROM changes ORDER BY id")
    expected = [("changed", "name"), ("gone", None), ("gone", None), ("gone", None)]
    assert sorted(log, key=str) == sorted(expected, key=str)


def test_syncs_at_once_while_upstream_changes_end_with_the_right_rows(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    def change(number: int) -> None:
        delete(long, f"v{number}")
        long.add_release(f"w{number}").add_asset("a", b"a")
        run("artifact_index", "octo/tool", "--db", db, "--api-url", github.api_url)

    index()
    for number in (30, 130, 230):
        github.fault("*releases*page=*", meanwhile(partial(change, number)))
        assert index().code == 0
    assert index().code == 0
    assert set(rows(db, THERE)) == upstream(long)
    gone = "SELECT tag_name FROM releases WHERE gone_at IS NOT NULL ORDER BY id"
    assert rows(db, gone) == ["v30", "v130", "v230"]
    assert rows(db, LOG) == ["gone"] * 6, "each release and its asset, once"


def test_a_release_that_vanishes_while_its_assets_are_listed_is_not_stored_by_half(
    index: Index, db: Path, github: GitHub, repo: Repository
) -> None:
    release = repo.add_release("v1")
    for number in range(130):
        release.add_asset(f"a{number}", b"a")
    github.fault("*assets*page=2", meanwhile(lambda: None))
    index()
    github.fault("*assets*page=2", Fault("gone", answer=lambda _request, _response: Response(404)))
    repo.touch()
    ran = index("--no-cache")
    assert (ran.code, ran.gone) == (0, (0, 0))
    assert rows(db, "SELECT count(*) FROM assets WHERE gone_at IS NULL") == [130]
    assert "v1 vanished while its assets were listed" in ran.stderr


@pytest.mark.parametrize("page", ["*per_page=100", "*page=2", "*page=3"])
@pytest.mark.parametrize("tag", ["v200", "v100", "v20"])
def test_what_another_sync_found_gone_is_not_brought_back_by_an_older_page(
    index: Index, db: Path, github: GitHub, long: Repository, page: str, tag: str
) -> None:
    index()

    def deletion_and_another_sync() -> None:
        delete(long, tag)
        other = run("artifact_index", "octo/tool", "--db", db, "--api-url", github.api_url)
        assert (other.code, other.stderr) == (0, "")

    github.fault(page, meanwhile(deletion_and_another_sync))
    assert index().code == 0
    assert set(rows(db, THERE)) == upstream(long)
    assert rows(db, LOG) == ["gone", "gone"]


def test_a_page_that_was_overtaken_counts_for_nothing(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    index()

    def deletion_and_half_a_sync() -> None:
        delete(long, "v200")
        long.ordered(drafts=False)[0].edit(name="new name")
        github.fault("*page=2", Fault("no", answer=lambda _request, _response: Response(500)))
        arguments = ("--db", db, "--api-url", github.api_url, "--retries", 0)
        assert run("artifact_index", "octo/tool", *arguments).code == Exit.UNREACHABLE

    github.fault("*per_page=100", meanwhile(deletion_and_half_a_sync))
    ran = index()
    assert (ran.code, ran.gone) == (0, (1, 1)), "the other one never came to tell it"
    assert set(rows(db, THERE)) == upstream(long)


def test_a_page_of_a_repository_that_has_lost_its_name_meanwhile_brings_nothing_back(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    index()

    def another_takes_the_name() -> None:
        long.rename("octo/before")
        github.add_repository("octo/tool").add_release("other")
        run("artifact_index", "octo/tool", "--db", db, "--api-url", github.api_url)

    github.fault("*page=2", meanwhile(another_takes_the_name))
    ran = index()
    assert (ran.code, ran.stderr.count("another repository has taken this name")) == (75, 1)
    assert rows(db, THERE) == ["other"]
    assert index().code == index(repository="octo/before").code == 0
    assert rows(db, "SELECT count(*) FROM releases WHERE gone_at IS NULL") == [251]


def test_what_slips_past_both_readings_is_asked_for(
    index: Index, db: Path, github: GitHub, long: Repository
) -> None:
    index()
    github.fault("*per_page=100", meanwhile(lambda: delete(long, "v248", "v247")))
    github.fault(
        "*page=3", meanwhile(lambda: [long.add_release(f"w{number}") for number in range(2)])
    )
    github.fault("*per_page=100", meanwhile(lambda: delete(long, "v246", "v245")))
    ran = index()
    assert (ran.gone, rows(db, LOG)) == ((0, 0), []), "v149 and v148 are on no page"
    assert [one.status for one in github.requests_to("api", "/releases/1")] == [200, 200]
    assert index().gone == (4, 4)
    assert set(rows(db, THERE)) == upstream(long)


def test_many_that_are_missing_are_not_asked_for_one_by_one(
    index: Index, github: GitHub, long: Repository
) -> None:
    index()
    delete(long, *(f"v{number}" for number in range(21)))
    github.forget_requests()
    assert index().gone == (21, 21)
    assert github.requests_to("api", "/releases/1") == []


def test_a_sync_that_others_overtake_for_ever_gives_up(
    index: Index, db: Path, github: GitHub, repo: Repository
) -> None:
    repo.add_release("v1")
    index()

    def another_writes() -> None:
        with closing(sqlite3.connect(db)) as connection, connection:
            connection.execute("UPDATE repositories SET revision = revision + 1")

    github.fault("*/releases*", meanwhile(another_writes), times=MOST_REREADS)
    ran = index()
    assert (ran.code, ran.stderr.count("\n")) == (Exit.TRY_LATER, 1)
    assert ran.stderr == "artifact-index: octo/tool: other syncs of it keep writing\n"
    assert index().counts[0] == (0, 0, 1)
