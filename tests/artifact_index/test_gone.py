"""What disappears upstream is marked with when, never deleted, and never by mistake."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.artifact_index.conftest import Index, rows
from tests.support import faults
from tests.support.github import GitHub
from tests.support.github_data import Asset, Release, Repository
from toolroll_shared.errors import Exit

GONE_RELEASES = "SELECT tag_name FROM releases WHERE gone_at IS NOT NULL ORDER BY id"
GONE_ASSETS = "SELECT name FROM assets WHERE gone_at IS NOT NULL ORDER BY id"
LOG = "SELECT change, asset_id IS NOT NULL, field FROM changes ORDER BY id"


@pytest.fixture
def old(repo: Repository) -> Release:
    """v1 with two assets; v2 has one."""
    release = repo.add_release("v1")
    release.add_asset("a", b"a")
    release.add_asset("b", b"b")
    repo.add_release("v2").add_asset("c", b"c")
    return release


def hide(release: Release) -> None:
    """Let a release vanish upstream in such a way that it can come back as itself."""
    del release.repository.releases[release.id]
    release.touch()


def show(release: Release) -> None:
    release.repository.releases[release.id] = release
    release.touch()


def test_a_release_that_disappears_is_marked_with_its_assets_and_stays(
    index: Index, db: Path, old: Release
) -> None:
    index()
    old.delete()
    ran = index()
    assert (ran.gone, ran.counts) == ((1, 2), ((0, 0, 1), (0, 0, 1)))
    assert (rows(db, GONE_RELEASES), rows(db, GONE_ASSETS)) == (["v1"], ["a", "b"])
    [marked] = rows(db, "SELECT DISTINCT gone_at FROM assets WHERE gone_at IS NOT NULL")
    assert marked >= rows(db, "SELECT max(first_seen_at) FROM assets")[0]
    assert rows(db, "SELECT count(*) FROM assets") == [3]
    assert index().gone == (0, 0), "once is enough"


def test_an_asset_that_disappears_is_marked_and_stays(index: Index, db: Path, old: Release) -> None:
    index()
    next(iter(old.assets.values())).delete()
    ran = index()
    assert (ran.gone, ran.counts) == ((0, 1), ((0, 0, 2), (0, 0, 2)))
    assert rows(db, GONE_ASSETS) == ["a"]


def test_a_replaced_asset_is_gone_under_its_old_id_and_new_under_another(
    index: Index, db: Path, old: Release
) -> None:
    index()
    next(iter(old.assets.values())).replace(b"other")
    ran = index()
    assert (ran.gone, ran.counts) == ((0, 1), ((0, 0, 2), (1, 0, 2)))
    assert rows(db, "SELECT gone_at IS NULL FROM assets WHERE name = 'a' ORDER BY id") == [0, 1]


def test_what_comes_back_is_marked_no_more_and_counts_as_changed(
    index: Index, db: Path, old: Release
) -> None:
    index()
    hide(old)
    index()
    show(old)
    ran = index()
    assert (ran.gone, ran.counts) == ((0, 0), ((0, 1, 1), (0, 2, 1)))
    assert (rows(db, GONE_RELEASES), rows(db, GONE_ASSETS)) == ([], [])
    gone = [("gone", 0, None), ("gone", 1, None), ("gone", 1, None)]
    assert rows(db, LOG) == [*gone, *(("back", asset, None) for _, asset, _ in gone)]


def test_releases_that_were_not_asked_for_are_not_gone(
    index: Index, db: Path, repo: Repository, old: Release
) -> None:
    index()
    old.edit(name="changed, but not looked at")
    ran = index("--since", old.repository.ordered(drafts=True)[0].published_at)
    assert (ran.gone, ran.counts) == ((0, 0), ((0, 0, 1), (0, 0, 1)))
    assert (rows(db, GONE_RELEASES), repo.full_name) == ([], "octo/tool")


def test_a_release_is_found_gone_even_if_it_was_not_asked_for(
    index: Index, db: Path, old: Release
) -> None:
    index()
    newest = old.repository.ordered(drafts=True)[0].published_at
    old.delete()
    assert index("--since", newest).gone == (1, 2)
    assert rows(db, GONE_RELEASES) == ["v1"]


def test_nothing_is_found_gone_by_a_run_that_did_not_see_everything(
    index: Index, db: Path, github: GitHub, repo: Repository, old: Release
) -> None:
    for number in range(150):
        repo.add_release(f"w{number}")
    index()
    old.delete()
    github.fault("*page=2", faults.status(500))
    ran = index("--retries", 0)
    assert (ran.code, ran.gone, rows(db, GONE_RELEASES)) == (Exit.UNREACHABLE, (0, 0), [])
    assert index().gone == (1, 2)


def test_a_draft_is_gone_only_for_a_run_that_saw_drafts(
    index: Index, db: Path, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.add_release("v1", draft=True)
    draft = repo.add_release("v2", draft=True)
    monkeypatch.setenv("GH_TOKEN", "t0ken-s3cret")
    assert index().counts[0] == (2, 0, 0)
    draft.delete()
    monkeypatch.delenv("GH_TOKEN")
    assert index().gone == (0, 0), "without a token no draft is listed"
    monkeypatch.setenv("GH_TOKEN", "t0ken-s3cret")
    repo.push = False
    repo.touch()
    assert index().gone == (0, 0), "nor with one that may not push"
    repo.push = True
    repo.touch()
    assert (index().gone, rows(db, GONE_RELEASES)) == ((1, 0), ["v2"])


def test_what_lies_beyond_the_limit_of_a_list_is_not_gone(
    index: Index, db: Path, repo: Repository
) -> None:
    for number in range(1000):
        repo.add_release(f"v{number}")
    assert index().counts[0] == (1000, 0, 0)
    repo.add_release("newer")
    ran = index()
    assert (ran.counts[0], ran.gone) == ((1, 0, 999), (0, 0)), "v0 is there, but listed no more"
    middle = repo.tagged("v500")
    assert middle is not None
    middle.delete()
    repo.add_release("newest")
    repo.add_release("newest of all")
    assert index().gone == (1, 0)
    assert rows(db, GONE_RELEASES) == ["v500"]


def test_an_asset_that_moves_to_a_release_of_another_page_is_there_in_the_end(
    index: Index, db: Path, repo: Repository, old: Release
) -> None:
    for number in range(150):
        repo.add_release(f"w{number}")
    index()
    asset = next(iter(old.assets.values()))
    for home in (repo.ordered(drafts=True)[0], old):
        _move(asset, home)
        ran = index()
        assert (ran.code, rows(db, GONE_ASSETS)) == (0, [])
        assert rows(db, "SELECT release_id FROM assets WHERE name = 'a'") == [home.id]


def _move(asset: Asset, home: Release) -> None:
    del asset.release.assets[asset.id]
    asset.release.touch()
    asset.release = home
    home.assets[asset.id] = asset
    home.touch()


def test_a_repository_that_is_not_found_any_more_is_marked_until_it_is(
    index: Index, db: Path, github: GitHub, old: Release
) -> None:
    marked = "SELECT gone_at IS NOT NULL FROM repositories"
    index()
    github.fault("/repos/Octo/Tool", faults.status(404))
    ran = index(repository="Octo/Tool")
    assert (ran.code, ran.summary["ok"], rows(db, marked)) == (Exit.FAILED, False, [1])
    assert rows(db, GONE_RELEASES) == [], "of its releases nothing is known"
    ran = index()
    assert (ran.counts[0], rows(db, marked)) == ((0, 0, 2), [0])
    assert rows(db, "SELECT change, release_id FROM changes") == [("gone", None), ("back", None)]
    assert old.id in rows(db, "SELECT id FROM releases")


def test_a_repository_whose_name_another_one_has_now_is_gone(
    index: Index, db: Path, github: GitHub, old: Release
) -> None:
    index()
    old.repository.rename("octo/before")
    github.add_repository("Octo/Tool").add_release("v9")
    assert index().counts[0] == (1, 0, 0)
    assert rows(db, "SELECT gone_at IS NULL FROM repositories ORDER BY id") == [0, 1]
    assert rows(db, "SELECT tag_name FROM releases WHERE gone_at IS NULL") == ["v9"]
    assert rows(db, GONE_ASSETS) == ["a", "b", "c"]
    index(repository="octo/before")
    assert (rows(db, GONE_RELEASES), rows(db, GONE_ASSETS)) == ([], [])
    assert rows(db, "SELECT full_name FROM repositories WHERE gone_at IS NULL ORDER BY id") == [
        "octo/before",
        "Octo/Tool",
    ]


def test_repositories_of_several_servers_do_not_meet_in_one_database(
    index: Index, db: Path, old: Release
) -> None:
    index()
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE repositories SET api_host = 'ghe.example'")
    before = rows(db, "SELECT * FROM repositories")
    ran = index()
    assert (ran.code, ran.stdout) == (Exit.CORRUPT, "")
    assert ran.stderr == (
        f"artifact-index: {db}: holds repositories of ghe.example, whose ids mean others "
        "on 127.0.0.1: use a database for each server\n"
    )
    assert (rows(db, "SELECT * FROM repositories"), old.tag) == (before, "v1")
