"""DEST/manifest.sqlite: artifact_index's tables, and which file of ours holds which asset."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from artifact_index import SCHEMA as INDEX_SCHEMA
from artifact_index import Store
from toolroll_shared.sqlite import Schema, errors_of, open_database, transaction

from .plan import FileRecord

MANIFEST_NAME = "manifest.sqlite"

_FILES_VERSION_1 = """
CREATE TABLE files (
    path        TEXT PRIMARY KEY,
    asset_id    INTEGER NOT NULL REFERENCES assets (id),
    size        INTEGER NOT NULL,
    sha256      TEXT NOT NULL CHECK (length(sha256) = 64),
    mtime_ns    INTEGER NOT NULL,
    verified_by TEXT NOT NULL CHECK (verified_by IN ('digest', 'size')),
    stored_at   TEXT NOT NULL
) STRICT;
"""

SCHEMA = Schema(
    kind="release-mirror manifest",
    application_id=0x54524D46,  # "TRMF"
    # Only ever appended to: a later step of the index goes behind the steps that are here.
    migrations=(INDEX_SCHEMA.migrations[0], _FILES_VERSION_1, INDEX_SCHEMA.migrations[1]),
)


class Manifest:
    """The manifest on an open connection.

    Attributes:
        index: the repositories, releases and assets that upstream has.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.index = Store(connection)

    def files(self) -> dict[str, FileRecord]:
        """Return all recorded files by their path below DEST."""
        rows = self._connection.execute(
            "SELECT path, asset_id, size, sha256, mtime_ns, verified_by FROM files"
        )
        return {
            path: FileRecord(
                path=path,
                asset_id=asset_id,
                size=size,
                sha256=sha256,
                mtime_ns=mtime_ns,
                verified_by=verified_by,
            )
            for path, asset_id, size, sha256, mtime_ns, verified_by in rows
        }

    def record(self, record: FileRecord) -> None:
        """Record a file that is in place, durably."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET "
                "asset_id = excluded.asset_id, size = excluded.size, sha256 = excluded.sha256, "
                "mtime_ns = excluded.mtime_ns, verified_by = excluded.verified_by, "
                "stored_at = excluded.stored_at",
                (
                    record.path,
                    record.asset_id,
                    record.size,
                    record.sha256,
                    record.mtime_ns,
                    record.verified_by,
                    datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                ),
            )


@contextmanager
def open_manifest(dest: Path, *, create: bool) -> Iterator[Manifest]:
    """Open DEST's manifest.

    Args:
        dest: the mirror's folder.
        create: to write it, made or brought up to date if need be; else it is only read.

    Raises:
        CorruptStore: it is not ours, damaged, or of a newer schema; or, to be read, of an older.
        ToolError: it cannot be opened, or is not there and should not be created.
    """
    path = dest / MANIFEST_NAME
    with (
        closing(open_database(path, SCHEMA, reading=not create)) as connection,
        errors_of(path),
    ):
        yield Manifest(connection)
