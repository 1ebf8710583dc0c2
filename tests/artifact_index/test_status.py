"""What `status` says of each repository."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from artifact_index import SCHEMA
from artifact_index.cli import main
from tests.artifact_index.conftest import Index
from tests.support import faults
from tests.support.commands import Finished, argv, call
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.terminal import shown_on_a_terminal
from toolroll_shared.errors import Exit
from toolroll_shared.sqlite import open_database

Status = Callable[..., Finished]


@pytest.fixture
def status(db: Path, capsys: pytest.CaptureFixture[str]) -> Status:
    return lambda *arguments: call(Finished, main, capsys, "status", "--db", db, *arguments)


def only(status: Status) -> dict[str, Any]:
    document = status("--json").json
    assert document.keys() == {"database", "schema_version", "bytes", "repositories"}
    [repository] = document["repositories"]
    return dict(repository)


@pytest.fixture(autouse=True)
def two(repo: Repository) -> None:
    repo.add_release("v1").add_asset("a", b"1234")
    repo.add_release("v2").add_asset("b", b"12345678")


def test_a_whole_sync_is_told_with_what_it_found(
    index: Index, db: Path, status: Status, repo: Repository
) -> None:
    index()
    found = only(status)
    synced_at = found.pop("synced_at")
    assert found == {
        "id": repo.id,
        "repository": "octo/tool",
        "api_host": "127.0.0.1",
        "synced_since": None,
        "listed_from": None,
        "next_page": None,
        "gone_at": None,
        "releases": 2,
        "gone_releases": 0,
        "assets": 2,
        "gone_assets": 0,
        "size": 12,
    }
    assert status().stdout == f"octo/tool\t2\t2\t0\t12\t{synced_at}\twhole\n"
    document = status("--json").json
    assert (document["bytes"], document["schema_version"]) == (db.stat().st_size, 2)


def test_what_is_gone_is_counted_apart(index: Index, status: Status, repo: Repository) -> None:
    index()
    release = repo.tagged("v1")
    assert release is not None
    release.delete()
    index()
    found = only(status)
    assert [found[key] for key in ("releases", "gone_releases", "assets", "gone_assets")] == [1] * 4
    assert (found["size"], status().stdout.split("\t")[3]) == (8, "2")


def test_a_selection_is_told(index: Index, status: Status) -> None:
    index("--since", "2024-01-01T02:00:00+01:00")
    assert only(status)["synced_since"] == "2024-01-01T01:00:00Z"
    assert status().stdout.endswith("\tsince 2024-01-01T01:00:00Z\n")


def test_what_github_does_not_list_is_told(index: Index, status: Status, repo: Repository) -> None:
    for number in range(1000):
        repo.add_release(f"w{number}")
    index()
    first = repo.tagged("w0")
    assert first is not None
    assert only(status)["listed_from"] == first.created_at
    assert status().stdout.endswith(f"\tlisted from {first.created_at} on\n")


def test_a_sync_that_never_came_to_its_end_is_told(
    index: Index, status: Status, github: GitHub, repo: Repository
) -> None:
    github.fault("/releases", faults.status(500))
    index("--retries", 0)
    assert status().stdout == "octo/tool\t0\t0\t0\t0\t\tnever finished\n"
    for number in range(100):
        repo.add_release(f"w{number}")
    github.fault("*page=2", faults.status(500))
    index("--retries", 0)
    assert only(status)["next_page"] == 2
    assert status().stdout.endswith("\tunfinished: page 2 is next\n")


def test_a_repository_that_is_not_found_any_more_is_told(
    index: Index, status: Status, github: GitHub
) -> None:
    index()
    github.fault("/repos/octo/tool", faults.status(404))
    index()
    gone_at = only(status)["gone_at"]
    assert status().stdout.endswith(f"\tnot found since {gone_at}\n")


def test_on_a_terminal_there_is_a_table_with_readable_sizes(index: Index, db: Path) -> None:
    index()
    code, shown = shown_on_a_terminal(argv("artifact_index", "status", "--db", db))
    assert (code, "REPOSITORY" in shown, "12 B" in shown) == (0, True, True)


def test_an_empty_database_has_nothing_to_tell(db: Path, status: Status) -> None:
    open_database(db, SCHEMA).close()
    assert (status().code, status().stdout) == (0, "")
    assert status("--json").json["repositories"] == []


def test_sizes_beyond_what_a_sum_can_hold_are_no_trouble(
    index: Index, db: Path, status: Status
) -> None:
    index()
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE assets SET size = ?", (2**63 - 1,))
    assert only(status)["size"] == pytest.approx(2.0**64)


@pytest.mark.parametrize("command", ["status", "changes"])
def test_a_table_that_is_not_there_is_65(
    index: Index, db: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    index()
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("ALTER TABLE assets RENAME TO mine")
    ran = call(Finished, main, capsys, command, "--db", db)
    assert (ran.code, ran.stdout) == (Exit.CORRUPT, "")
    why = "its tables are not as they were made: no such table: assets"
    assert ran.stderr == f"artifact-index: {db}: {why}\n"


def test_a_link_to_a_database_that_a_kill_left_is_read(
    index: Index, db: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index()
    link = tmp_path / "link" / "index.sqlite"
    link.parent.mkdir()
    link.symlink_to(db)
    with closing(sqlite3.connect(db, isolation_level=None)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE filler (x)")
        connection.executemany("INSERT INTO filler VALUES (?)", [("x" * 3000,)] * 100)
        hot = [(path, path.read_bytes()) for path in db.parent.glob(f"{db.name}*")]
        connection.execute("ROLLBACK")
    for path, content in hot:  # as the disk was in the middle of it
        path.write_bytes(content)
    assert len(hot) == 2, "the database and its journal"
    with db.open("r+b") as file:  # the first page came first, and speaks of pages to come
        file.seek(28)
        file.write((1000).to_bytes(4))
    assert call(Finished, main, capsys, "status", "--db", link).code == 0
    assert call(Finished, main, capsys, "verify", "--db", link).code == 0


READERS: list[list[str]] = [
    ["status"],
    ["changes"],
    ["verify"],
    ["export", "--csv", "-"],
    ["export", "--ndjson", "out"],
]


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_a_command_that_reads_never_makes_a_database(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = call(Finished, main, capsys, *command, "--db", "typo.sqlite")
    assert (ran.code, ran.stdout) == (Exit.USAGE, "")
    assert ran.stderr == "artifact-index: typo.sqlite: No such file or directory\n"
    ran = call(Finished, main, capsys, *command)  # nor the default one, or its folder
    assert (ran.code, ran.stderr.count("\n")) == (Exit.USAGE, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_a_command_that_reads_changes_nothing(
    index: Index,
    db: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    index()
    before = db.read_bytes()
    assert call(Finished, main, capsys, *command, "--db", db).code == 0
    assert db.read_bytes() == before


@pytest.mark.parametrize("command", READERS, ids=lambda command: command[0])
def test_a_database_in_write_ahead_mode_can_be_read(
    index: Index,
    db: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    index()
    with closing(sqlite3.connect(db)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert call(Finished, main, capsys, *command, "--db", db).code == 0
    assert index().counts == ((0, 0, 2), (0, 0, 2))
