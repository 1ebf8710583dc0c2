import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from artifact_index import SCHEMA
from artifact_index.cli import main
from tests.artifact_index.conftest import Index, rows
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.limits import disk_of
from toolroll_shared import sqlite
from toolroll_shared.errors import Exit

Make = Callable[[Path], None]


@pytest.fixture(autouse=True)
def one_release(repo: Repository) -> None:
    repo.add_release("v1").add_asset("a", b"a")


def text(path: Path) -> None:
    path.write_text("tag,name\nv1,First\n" * 100)


def short(path: Path) -> None:
    path.write_bytes(b"short")


def zeros(path: Path) -> None:
    path.write_bytes(bytes(8192))


def _database(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def anothers(path: Path) -> None:
    _database(path, "CREATE TABLE notes (text)", "PRAGMA application_id = 252006674")


def nobodys(path: Path) -> None:
    _database(path, "CREATE TABLE releases (id)")


def anothers_in_wal_mode(path: Path) -> None:
    _database(path, "PRAGMA journal_mode = WAL", "CREATE TABLE notes (text)")


def _version(path: Path, version: int) -> None:
    sqlite.open_database(path, SCHEMA).close()
    _database(path, f"PRAGMA user_version = {version}", "CREATE TABLE news (x)")


def newer(path: Path) -> None:
    _version(path, len(SCHEMA.migrations) + 1)


def much_newer(path: Path) -> None:
    _version(path, 2**31 - 1)


def newer_in_wal_mode(path: Path) -> None:
    newer(path)
    _database(path, "PRAGMA journal_mode = WAL", "CREATE TABLE more (x)")


def truncated(path: Path) -> None:
    sqlite.open_database(path, SCHEMA).close()
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    sqlite.open_database(path, SCHEMA).close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xa5" * (len(whole) - 4096))


def spoilt_schema(path: Path) -> None:
    sqlite.open_database(path, SCHEMA).close()
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"CREATE TABLE assets", b"CREATE TABEL assets"))


NEWER = f"newer than the {len(SCHEMA.migrations)} that this command knows: upgrade it"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (Path.touch, "is empty, no artifact-index database: remove it to start anew"),
        (short, "is no SQLite database"),
        (text, "is no SQLite database"),
        (zeros, "is no SQLite database"),
        (anothers, "belongs to another program, it is no artifact-index database"),
        (nobodys, "belongs to another program, it is no artifact-index database"),
        (anothers_in_wal_mode, "belongs to another program, it is no artifact-index database"),
        (newer, f"has schema version 3, {NEWER}"),
        (much_newer, f"has schema version 2147483647, {NEWER}"),
        (newer_in_wal_mode, f"has schema version 3, {NEWER}"),
        (truncated, "is damaged: cut short, "),
        (overwritten, "is damaged: "),
        (spoilt_schema, "is damaged: malformed database schema (assets)"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_file_that_is_not_ours_or_not_sound_is_refused_and_left_alone(
    index: Index, db: Path, make: Make, why: str
) -> None:
    make(db)
    before = db.read_bytes()
    ran = index()
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (Exit.CORRUPT, "", 1)
    assert ran.stderr.startswith(f"artifact-index: {db}: {why}")
    assert db.read_bytes() == before
    assert list(db.parent.iterdir()) == [db]


@pytest.mark.parametrize("make", [anothers, newer, truncated], ids=lambda make: make.__name__)
def test_a_refused_file_costs_no_request(
    index: Index, github: GitHub, db: Path, make: Make
) -> None:
    make(db)
    index()
    assert github.requests == []


def test_a_folder_is_refused(index: Index, db: Path) -> None:
    db.mkdir()
    ran = index()
    assert (ran.code, ran.stdout) == (Exit.USAGE, "")
    assert ran.stderr == f"artifact-index: {db}: is a folder, no artifact-index database\n"


@pytest.mark.parametrize(
    ("make", "why"), [(Path.mkdir, "No such file or directory"), (Path.touch, "Not a directory")]
)
def test_a_folder_that_is_not_there_is_told_in_the_users_words(
    index: Index, db: Path, make: Make, why: str
) -> None:
    make(db)
    folder = db / "missing" if db.is_dir() else db
    ran = index(path=folder / "index.sqlite")
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (Exit.FAILED, "", 1)
    assert ran.stderr.startswith(f"artifact-index: {folder}")
    assert why in ran.stderr
    assert ".new" not in ran.stderr, "the temporary name is nobody's business"


def test_a_link_to_nowhere_is_a_clear_error(index: Index, db: Path) -> None:
    db.symlink_to(db.parent / "nowhere")
    ran = index()
    assert (ran.code, ran.stdout) == (Exit.FAILED, "")
    assert ran.stderr == f"artifact-index: {db}: No such file or directory\n"
    assert list(db.parent.iterdir()) == [db]


def test_a_name_that_is_too_long_is_a_clear_error(index: Index, db: Path) -> None:
    ran = index(path=db.with_name("x" * 300))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (Exit.FAILED, "", 1)
    assert ran.stderr.endswith("x: File name too long\n")


@pytest.mark.parametrize(
    "name", ["a b", "100%", "what?", "#1", "\u7b2c", "x" * 200, "file:a", "a&b=c"]
)
def test_any_other_name_will_do(index: Index, db: Path, name: str) -> None:
    path = db.with_name(name)
    assert index(path=path).code == 0
    assert [found.name for found in db.parent.iterdir()] == [name]


@pytest.mark.parametrize("hold", ["EXCLUSIVE", "IMMEDIATE"])
def test_a_file_that_another_process_keeps_locked_is_75(
    index: Index, db: Path, monkeypatch: pytest.MonkeyPatch, hold: str
) -> None:
    index()
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    code = (
        "import sqlite3, sys; held = sqlite3.connect(sys.argv[1], isolation_level=None); "
        f"held.execute('BEGIN {hold}'); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, db], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        ran = index()
        holder.communicate()
    assert (ran.code, ran.stdout) == (Exit.TRY_LATER, "")
    assert ran.stderr == f"artifact-index: {db}: is locked by another process\n"
    assert index().code == 0


@pytest.mark.parametrize("size", [0, 512, 8192])
def test_a_disk_that_is_full_leaves_no_half_database(index: Index, db: Path, size: int) -> None:
    with disk_of(size):
        ran = index()
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (Exit.FAILED, "", 1)
    assert ran.stderr.startswith(f"artifact-index: {db}: ")
    assert list(db.parent.iterdir()) == []


def test_a_disk_that_gets_full_keeps_the_database_as_it_was(
    index: Index, db: Path, repo: Repository
) -> None:
    index()
    for number in range(100):
        repo.add_release(f"v1.{number}")
    with disk_of(db.stat().st_size):
        ran = index()
    assert (ran.code, ran.summary["ok"], ran.stderr.count("\n")) == (Exit.FAILED, False, 1)
    assert ran.stderr.startswith(f"artifact-index: {db}: ")
    assert rows(db, "SELECT tag_name FROM releases") == ["v1"]
    assert rows(db, "PRAGMA integrity_check") == ["ok"]
    assert index().counts[0] == (100, 0, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["octo", "--db", "x"],
        ["octo/tool", "--db"],
        ["octo/tool", "--db", "x", "--since", "soon"],
        ["octo/tool", "--db", "x", "--retries", "-1"],
        ["octo/tool", "--db", "x", "--api-url", "ftp://x"],
        ["octo/tool", "--all", "--db", "x"],
        ["octo/tool", "github.com/octo/other", "ghe.example/octo/other", "--db", "x"],
        ["octo/tool", "--db", ""],
        ["--db", "x"],
        ["exprot", "--db", "x", "--csv", "y"],
        ["--db", "x", "export", "--csv", "y"],
        ["export"],
        ["export", "--db", "x"],
        ["export", "--db", "x", "--csv", "y", "--ndjson", "z"],
        ["export", "--db", "x", "--ndjson", "y", "--no-formulas"],
        ["export", "--db", "x", "--csv", "-", "--json"],
        ["export", "--db", "x", "--csv", "y", "--table", "users"],
        ["status", "octo/tool"],
        ["changes", "--since", "soon"],
        ["verify", "--nonsense"],
        ["octo/tool", "--d", "x"],
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_bad_usage_is_2_and_one_line_and_makes_no_file(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == Exit.USAGE
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert captured.err.startswith("artifact-index: ")
    assert list(tmp_path.iterdir()) == []


def test_what_github_refuses_is_told_as_gh_releases_does(index: Index, db: Path) -> None:
    ran = index(repository="octo/nothing")
    why = "octo/nothing: not found (404), or private: no token was sent"
    assert (ran.code, ran.stderr) == (Exit.FAILED, f"artifact-index: {why}\n")
    assert (ran.summary["ok"], ran.summary["error"]) == (False, why)
    assert rows(db, "SELECT count(*) FROM repositories") == [0]
