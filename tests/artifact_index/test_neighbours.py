"""What users put beside our tables: searches, views and triggers of their own."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from artifact_index.cli import main
from tests.artifact_index.conftest import Index, rows
from tests.support.commands import Finished, call
from tests.support.github_data import Repository

SQLITE_UTILS = Path(sys.executable).with_name("sqlite-utils")


def test_a_full_text_search_of_sqlite_utils_follows_the_syncs(
    index: Index, db: Path, repo: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    release = repo.add_release("v1", name="First light")
    index()
    enable = [str(SQLITE_UTILS), "enable-fts", str(db), "releases", "name", "--create-triggers"]
    subprocess.run(enable, check=True, capture_output=True)
    release.edit(name="Second wind")
    repo.add_release("v2", name="Third wind")
    assert index().counts[0] == (1, 1, 0)
    found = "SELECT name FROM releases_fts WHERE releases_fts MATCH 'wind' ORDER BY name"
    assert rows(db, found) == ["Second wind", "Third wind"]
    assert call(Finished, main, capsys, "verify", "--db", db).code == 0
    assert call(Finished, main, capsys, "export", "--csv", "-", "--db", db).code == 0


def test_another_programs_short_locks_are_waited_for(
    index: Index, db: Path, repo: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.add_release("v1").add_asset("a", b"a")
    index()
    code = (
        "import sqlite3, sys, time; db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "while True:\n"
        "    db.execute('BEGIN EXCLUSIVE'); print('held', flush=True); time.sleep(0.4)\n"
        "    db.execute('COMMIT'); time.sleep(0.05)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, db], stdout=subprocess.PIPE) as locker:
        assert locker.stdout
        locker.stdout.readline()
        try:
            assert index().code == 0
            for command in ("status", "changes", "verify"):
                assert call(Finished, main, capsys, command, "--db", db).code == 0
        finally:
            locker.kill()


def test_a_view_is_left_alone(index: Index, db: Path, repo: Repository) -> None:
    repo.add_release("v1")
    index()
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("CREATE VIEW newest AS SELECT tag_name FROM releases")
    repo.add_release("v2")
    index()
    assert sorted(rows(db, "SELECT * FROM newest")) == ["v1", "v2"]
