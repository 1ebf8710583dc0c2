"""Every older version of the schema is brought up to date, with what is in it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from artifact_index import SCHEMA
from artifact_index.cli import main
from tests.artifact_index.conftest import Index, rows
from tests.support.commands import Finished, call
from tests.support.github_data import Asset, Release, Repository
from tests.support.github_json import release_json
from toolroll_shared.errors import Exit
from toolroll_shared.sqlite import open_database

NEWEST = len(SCHEMA.migrations)
OLDER = range(NEWEST)


def schema_of(db: Path) -> list[str]:
    return rows(db, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")


def make(db: Path, version: int) -> None:
    """Make a database of an older version."""
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(f"PRAGMA application_id = {SCHEMA.application_id}")
        for script in SCHEMA.migrations[:version]:
            connection.executescript(script)
        connection.execute(f"PRAGMA user_version = {version}")


@pytest.fixture
def asset(repo: Repository) -> Asset:
    return repo.add_release("v1").add_asset("tool.zip", b"tool", download_count=5)


def assets_of(release: Release) -> list[dict[str, object]]:
    document: Any = release_json(release)
    return list(document["assets"])


def fill(db: Path, asset: Asset) -> None:
    """Store a release as version 1 did."""
    release = asset.release
    [one] = assets_of(release)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(
            "INSERT INTO repositories (id, full_name, private) VALUES (?, 'octo/tool', 0)",
            (release.repository.id,),
        )
        connection.execute(
            "INSERT INTO releases (id, repository_id, tag_name, name, draft, prerelease, "
            "created_at, published_at, html_url) VALUES (?, ?, 'v1', NULL, 0, 0, ?, ?, ?)",
            (
                release.id,
                release.repository.id,
                release.created_at,
                release.published_at,
                release_json(release)["html_url"],
            ),
        )
        connection.execute(
            "INSERT INTO assets (id, release_id, name, size, digest, content_type, state, "
            "download_count, created_at, updated_at, url, browser_download_url) VALUES "
            "(:id, :release_id, :name, :size, :digest, :content_type, :state, :download_count, "
            ":created_at, :updated_at, :url, :browser_download_url)",
            {**one, "release_id": release.id},
        )


@pytest.mark.parametrize("version", OLDER)
def test_an_empty_database_of_any_version_becomes_a_new_one(
    db: Path, tmp_path: Path, version: int
) -> None:
    make(db, version)
    open_database(db, SCHEMA).close()
    fresh = tmp_path / "fresh.sqlite"
    open_database(fresh, SCHEMA).close()
    assert schema_of(db) == schema_of(fresh)
    assert rows(db, "PRAGMA user_version") == [NEWEST]


@pytest.mark.parametrize("version", range(1, NEWEST))
def test_what_an_older_version_stored_is_kept_and_goes_on(
    index: Index, db: Path, asset: Asset, capsys: pytest.CaptureFixture[str], version: int
) -> None:
    make(db, version)
    fill(db, asset)
    assert index().counts == ((0, 0, 1), (0, 0, 1)), "the rows are as they should be"
    assert rows(db, "SELECT first_seen_at FROM assets") == [None], "nobody knows"
    assert rows(db, "SELECT download_count FROM download_counts") == [5]
    asset.edit(download_count=6)
    assert index().counts == ((0, 0, 1), (0, 1, 0))
    assert call(Finished, main, capsys, "verify", "--db", db).code == 0
    asset.release.delete()
    assert index().gone == (1, 1)


@pytest.mark.parametrize("version", OLDER)
def test_a_command_that_reads_refuses_an_older_version_and_leaves_it_alone(
    db: Path, capsys: pytest.CaptureFixture[str], version: int
) -> None:
    make(db, version)
    before = db.read_bytes()
    for command in ("status", "changes", "verify"):
        ran = call(Finished, main, capsys, command, "--db", db)
        assert (ran.code, ran.stdout) == (Exit.CORRUPT, "")
        assert ran.stderr == (
            f"artifact-index: {db}: has schema version {version}, older than {NEWEST}: "
            "the next command that writes it brings it up to date\n"
        )
    assert db.read_bytes() == before


def test_a_migration_that_fails_leaves_the_older_version(db: Path, asset: Asset) -> None:
    make(db, 1)
    fill(db, asset)
    spoilt = SCHEMA.migrations[1].replace("CREATE INDEX changes", "CREATE INDEX IF changes")
    broken = type(SCHEMA)(
        kind=SCHEMA.kind,
        application_id=SCHEMA.application_id,
        migrations=(SCHEMA.migrations[0], spoilt),
    )
    before = schema_of(db)
    with pytest.raises(Exception, match="syntax error"):
        open_database(db, broken)
    assert (schema_of(db), rows(db, "PRAGMA user_version")) == (before, [1])
    open_database(db, SCHEMA).close()
    assert rows(db, "PRAGMA user_version") == [NEWEST]
