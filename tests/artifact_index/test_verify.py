"""`verify` says of a sound database that it is, and finds what is wrong with another."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from artifact_index.cli import main
from tests.artifact_index.conftest import Index
from tests.support.commands import Finished, call
from tests.support.github_data import Repository
from toolroll_shared.errors import Exit

Verify = Callable[..., Finished]


@pytest.fixture
def verify(db: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    return lambda *arguments: call(Finished, main, capsys, "verify", "--db", db, *arguments)


@pytest.fixture(autouse=True)
def filled(index: Index, repo: Repository) -> None:
    """A database with a history: counted again, gone, back."""
    release = repo.add_release("v1")
    asset = release.add_asset("a", b"a")
    repo.add_release("v2").add_asset("b", b"b")
    index()
    asset.edit(download_count=3)
    release.edit(name="First")
    index()
    release.delete()
    index()


def change(db: Path, *statements: str) -> None:
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            connection.execute(statement)


def test_a_sound_database_is_said_to_be_sound(db: Path, verify: Verify) -> None:
    ran = verify()
    assert (ran.code, ran.stdout, ran.stderr) == (0, f"{db}: sound\n", "")
    assert verify("--json").json == {"database": str(db), "ok": True, "problems": []}


def test_what_users_add_is_theirs(db: Path, verify: Verify, index: Index) -> None:
    change(
        db,
        "CREATE VIEW newest AS SELECT * FROM releases ORDER BY published_at DESC",
        "CREATE INDEX by_name ON assets (name)",
        "CREATE TABLE notes (asset_id INTEGER, text TEXT)",
        "CREATE VIRTUAL TABLE words USING fts5 (name)",
        "ANALYZE",
    )
    assert verify().code == 0
    assert index().code == 0


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DROP INDEX assets_by_release", "its index assets_by_release is not there"),
        ("DROP TABLE changes", "its table changes is not there"),
        (
            "ALTER TABLE releases ADD COLUMN mine TEXT",
            "its table releases is not that of this schema version",
        ),
        (
            "UPDATE sqlite_schema SET sql = replace(sql, ' STRICT', '') WHERE name = 'assets'",
            "its table assets is not that of this schema version",
        ),
        ("DELETE FROM releases WHERE tag_name = 'v2'", "assets {b}: belongs to no row of releases"),
        (
            "UPDATE assets SET download_count = 77 WHERE id = {a}",
            "asset {a}: its last count in download_counts is not its download_count",
        ),
        (
            "UPDATE assets SET gone_at = NULL WHERE id = {a}",
            "asset {a}: is there, but its release is gone",
        ),
        (
            "UPDATE assets SET created_at = 'yesterday' WHERE id = {a}",
            "assets {a}: created_at is no time in UTC",
        ),
        (
            "UPDATE assets SET created_at = '2026-02-30T25:00:00Z' WHERE id = {a}",
            "assets {a}: created_at is no time in UTC",
        ),
        (
            "UPDATE download_counts SET day = 'soon' WHERE asset_id = {a}",
            "asset {a}: a day of its download_counts is none",
        ),
        ("UPDATE repositories SET next_page = -3", "repository {r}: its next_page is none"),
        (
            "INSERT INTO repositories (id, full_name, private) VALUES (7, 'Octo/TOOL', 0)",
            "another that is there has its name",
        ),
        (
            "UPDATE changes SET old_value = x'00' WHERE id = 1",
            "changes 1: holds a value that no field has",
        ),
        (
            "UPDATE releases SET gone_at = '2026-01-01T00:00:00+01:00' WHERE id = {v2}",
            "releases {v2}: gone_at is no time in UTC",
        ),
    ],
)
def test_what_is_wrong_is_named(db: Path, verify: Verify, statement: str, problem: str) -> None:
    with closing(sqlite3.connect(db)) as connection:
        ids = dict(connection.execute("SELECT name, id FROM assets"))
        ids |= dict(connection.execute("SELECT tag_name, id FROM releases"))
        ids |= dict(connection.execute("SELECT 'r', id FROM repositories"))
    change(db, statement.format(**ids))
    ran = verify()
    assert (ran.code, ran.stdout) == (Exit.CORRUPT, "")
    assert ran.stderr.startswith(f"artifact-index: {db}: ")
    assert f"{problem.format(**ids)}\n" in ran.stderr
    document = verify("--json").json
    assert document["ok"] is False
    assert any(problem.format(**ids) in found for found in document["problems"])


def page_overwritten(db: Path) -> None:
    whole = db.read_bytes()
    db.write_bytes(whole[:4096] + b"\xa5" * 4096 + whole[8192:])


def test_a_damaged_page_is_found_and_a_sync_refuses_to_write_there(
    db: Path, verify: Verify, index: Index
) -> None:
    page_overwritten(db)
    before = db.read_bytes()
    for ran in (verify(), index()):
        assert (ran.code, ran.stdout) == (Exit.CORRUPT, "")
        assert ran.stderr.startswith(f"artifact-index: {db}: is damaged: ")
    assert db.read_bytes() == before


def test_a_sync_refuses_damage_that_it_would_not_meet(
    db: Path, verify: Verify, index: Index
) -> None:
    with closing(sqlite3.connect(db)) as connection:
        [(root,)] = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'changes_by_time'"
        )
    with db.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xa5" * 4096)
    assert (index().code, verify().code) == (Exit.CORRUPT, Exit.CORRUPT)


def test_an_index_that_lacks_an_entry_is_found(db: Path, verify: Verify) -> None:
    with closing(sqlite3.connect(db)) as connection, connection:
        [(root,)] = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'assets_by_release'"
        )
    whole = bytearray(db.read_bytes())
    start = (root - 1) * 4096
    assert whole[start] == 0x0A, "a leaf of an index"
    whole[start + 3 : start + 5] = b"\x00\x01"  # it says that it has one entry
    db.write_bytes(whole)
    ran = verify()
    assert ran.code == Exit.CORRUPT
    assert "is damaged: " in ran.stderr


def test_text_that_is_none_is_damage_to_every_command_that_meets_it(
    db: Path, verify: Verify, capsys: pytest.CaptureFixture[str]
) -> None:
    change(db, "UPDATE assets SET name = CAST(x'61FF' AS TEXT)")
    said = f"artifact-index: {db}: is damaged: holds text that is not UTF-8\n"
    assert (verify().code, verify().stderr) == (Exit.CORRUPT, said)
    for form in ("--csv", "--ndjson"):
        ran = call(Finished, main, capsys, "export", form, "-", "--db", db)
        assert (ran.code, ran.stderr) == (Exit.CORRUPT, said)


def test_a_name_that_is_no_text_is_damage_to_a_sync_too(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(db, "UPDATE repositories SET full_name = CAST(x'61FF' AS TEXT)")
    ran = call(Finished, main, capsys, "--all", "--db", db)
    assert (ran.code, ran.stdout) == (Exit.CORRUPT, "")
    assert ran.stderr == f"artifact-index: {db}: is damaged: holds text that is not UTF-8\n"


def test_of_many_problems_some_are_told(db: Path, verify: Verify) -> None:
    change(
        db,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
        "INSERT INTO assets SELECT i, 1, 'x', 1, NULL, 'x', 'x', 0, 'x', 'x', 'x', 'x', NULL, NULL "
        "FROM n",
    )
    assert verify().stderr.count("\n") == 100
