"""What cannot be exported: said with its exit code, and no file is made or touched for it."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from artifact_index import SCHEMA
from artifact_index.cli import main
from tests.artifact_index.tables import FORMS, Export, make
from tests.artifact_index.test_refusals import (
    anothers,
    newer,
    newer_in_wal_mode,
    nobodys,
    spoilt_schema,
    text,
    truncated,
    zeros,
)
from tests.support.commands import Finished, call
from toolroll_shared import sqlite
from toolroll_shared.errors import Exit
from toolroll_shared.sqlite import Schema, open_database

Make = Callable[[Path], None]
forms = pytest.mark.parametrize("form", FORMS)


@pytest.fixture
def old(db: Path) -> Path:
    """A file of an earlier export."""
    target = db.with_name("export")
    target.write_text("old")
    return target


def older(path: Path) -> None:
    first = SCHEMA.migrations[:1]
    kind = Schema(kind="old", application_id=SCHEMA.application_id, migrations=first)
    open_database(path, kind).close()


def damaged_inside(path: Path) -> None:
    """Its header and its first rows are sound."""
    make(path, rows=5000)
    whole = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(whole // 2)
        file.write(b"\xa5" * 20_000)


@pytest.mark.parametrize(
    ("put", "why"),
    [
        (Path.touch, "is empty, no artifact-index database"),
        (text, "is no SQLite database"),
        (zeros, "is no SQLite database"),
        (anothers, "belongs to another program"),
        (nobodys, "belongs to another program"),
        (older, "has schema version 1, older than 2: "),
        (newer, "has schema version 3, newer than "),
        (newer_in_wal_mode, "has schema version 3, newer than "),
        (truncated, "is damaged: cut short, "),
        (spoilt_schema, "is damaged: malformed database schema"),
        (damaged_inside, "is damaged: Page "),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@forms
def test_a_database_that_is_none_is_65_and_the_old_file_stays(
    export: Export, db: Path, old: Path, put: Make, why: str, form: str
) -> None:
    put(db)
    before = db.read_bytes()
    ran = export(f"--{form}", old)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (Exit.CORRUPT, "", 1)
    assert ran.stderr.startswith(f"artifact-index: {db}: {why}")
    assert (old.read_text(), db.read_bytes()) == ("old", before)
    assert sorted(db.parent.iterdir()) == [old, db]


@pytest.mark.parametrize("target", ["export", "-", "pipe", "new"])
def test_a_database_that_is_not_there_is_2_and_nothing_is_made(
    export: Export, db: Path, old: Path, target: str
) -> None:
    pipe = db.with_name("pipe")
    os.mkfifo(pipe)  # nobody reads: it must not be opened
    ran = export("--csv", target if target == "-" else db.with_name(target))
    assert (ran.code, ran.stdout) == (Exit.USAGE, "")
    assert ran.stderr == f"artifact-index: {db}: No such file or directory\n"
    assert old.read_text() == "old"
    assert sorted(db.parent.iterdir()) == [old, pipe]


def test_the_usual_database_is_not_made_either(
    old: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = Path(os.environ["XDG_DATA_HOME"])
    ran = call(Finished, main, capsys, "export", "--csv", old)
    assert (ran.code, ran.stdout) == (Exit.USAGE, "")
    usual = home / "toolroll" / "artifact-index.sqlite"
    assert ran.stderr == f"artifact-index: {usual}: No such file or directory\n"
    assert not home.exists()


def test_a_folder_is_no_database(export: Export, db: Path, old: Path) -> None:
    db.mkdir()
    ran = export("--csv", old)
    assert (ran.code, ran.stdout) == (Exit.USAGE, "")
    assert ran.stderr == f"artifact-index: {db}: is a folder, no artifact-index database\n"
    assert old.read_text() == "old"


def test_a_database_that_is_locked_is_75_and_the_old_file_stays(
    export: Export, db: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(db, rows=1)
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    holder = sqlite3.connect(db, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    ran = export("--csv", old)
    holder.close()
    assert (ran.code, ran.stdout) == (Exit.TRY_LATER, "")
    assert ran.stderr == f"artifact-index: {db}: is locked by another process\n"
    assert old.read_text() == "old"


@pytest.mark.parametrize("form", FORMS)
def test_json_and_the_export_do_not_share_stdout(export: Export, db: Path, form: str) -> None:
    make(db, rows=1)
    ran = export(f"--{form}", "-", "--json")
    assert (ran.code, ran.stdout) == (Exit.USAGE, "")
    assert ran.stderr == "artifact-index: --json and - both want stdout\n"


def test_what_a_kill_left_is_put_back_before_it_is_exported(export: Export, db: Path) -> None:
    make(db, rows=500)
    code = (
        "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "db.execute('PRAGMA cache_size = 1'); db.execute('BEGIN IMMEDIATE');"
        "db.execute('UPDATE assets SET name = hex(randomblob(500))');"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, db], check=False).returncode == -9
    assert db.with_name(f"{db.name}-journal").stat().st_size > 0
    lines = export("--csv", "-").stdout.splitlines()
    assert [line.split(",")[4] for line in lines[1:]] == [f"tool_{n}" for n in range(1, 501)]
