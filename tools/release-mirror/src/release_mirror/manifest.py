"""DEST/manifest.sqlite: what upstream has, and which file of ours holds which of it."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from artifact_index import Store
from toolroll_shared.errors import CorruptStore, UsageError
from toolroll_shared.sqlite import errors_of, open_copy, open_database, patiently, transaction

from .rules import Release
from .schema import SCHEMA

MANIFEST_NAME = "manifest.sqlite"

FileKind = Literal["asset", "tarball", "zipball", "checksums"]
Trust = Literal["digest", "published", "size", "nothing"]
"""What a file was checked against: GitHub's digest, checksums that the release publishes, the
size alone (from then on also its own digest), or nothing (what is made anew each time)."""


class Asset(NamedTuple):
    """An asset as the index has it, of a release that is there and no draft."""

    id: int
    release_id: int
    name: str
    size: int
    digest: str | None
    state: str
    url: str
    browser_download_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What the manifest says of a file that the mirror put in place.

    Attributes:
        path: below DEST, with forward slashes.
        release_id: GitHub's id of the release it belongs to.
        asset_id: GitHub's id of the asset it holds, or None if it holds none.
        kind: what it holds; `checksums` are our own SHA256SUMS.
        size: in bytes.
        sha256: of its content, in hex.
        mtime_ns: its time of modification, to notice later changes cheaply.
        verified_by: what it was checked against.
        published_sha256: what the checksums say that the release publishes, if they do.
        removed_at: when it was pruned; None if it is there.
        tag: of its release, at present.
        name: of its asset, at present.
        gone_at: since when its asset or release is gone upstream; None if it is there.
    """

    path: str
    release_id: int
    asset_id: int | None
    kind: FileKind
    size: int
    sha256: str
    mtime_ns: int
    verified_by: Trust
    published_sha256: str | None = None
    removed_at: str | None = None
    tag: str = ""
    name: str = ""
    gone_at: str | None = None


class Mirrored(NamedTuple):
    """A repository in the manifest, and how its last run ended; times are UTC text."""

    id: int
    name: str
    gone_at: str | None
    synced_at: str | None
    finished_at: str | None
    failed: int | None
    complete_at: str | None
    latest_release_id: int | None


_FILES = """
SELECT path, files.release_id, asset_id, kind, files.size, sha256, mtime_ns, verified_by,
       published_sha256, removed_at, releases.tag_name, coalesce(assets.name, ''),
       coalesce(assets.gone_at, releases.gone_at)
FROM files JOIN releases ON releases.id = files.release_id LEFT JOIN assets ON assets.id = asset_id
WHERE releases.repository_id = ? ORDER BY path
"""

_RECORD = """
INSERT INTO files (path, release_id, asset_id, kind, size, sha256, mtime_ns, verified_by,
                   published_sha256, removed_at, stored_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET
    release_id = excluded.release_id, asset_id = excluded.asset_id, kind = excluded.kind,
    size = excluded.size, sha256 = excluded.sha256, mtime_ns = excluded.mtime_ns,
    verified_by = excluded.verified_by, published_sha256 = excluded.published_sha256,
    removed_at = excluded.removed_at, stored_at = excluded.stored_at
"""

_MIRRORED = """
SELECT repositories.id, full_name, gone_at, synced_at, finished_at, failed, complete_at,
       latest_release_id
FROM repositories LEFT JOIN runs ON repository_id = repositories.id
ORDER BY full_name COLLATE NOCASE, gone_at IS NULL
"""


class Manifest:
    """The manifest on an open connection.

    Attributes:
        index: the repositories, releases and assets that upstream has.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.index = Store(connection)

    def repositories(self) -> list[Mirrored]:
        """Return the repositories that are known, by name; who has a name now comes last."""
        return [Mirrored(*row) for row in self._read(_MIRRORED)]

    def repository(self, name: str) -> Mirrored | None:
        """Return the repository that has that name now, whatever its case."""
        found = [one for one in self.repositories() if one.name.lower() == name.lower()]
        return found[-1] if found else None

    def releases(self, repository_id: int) -> list[Release]:
        """Return all releases of a repository, also those that are gone, by their ids."""
        rows = self._read(
            "SELECT id, tag_name, draft, prerelease, published_at, html_url, gone_at IS NOT NULL "
            "FROM releases WHERE repository_id = ? ORDER BY id",
            repository_id,
        )
        return [
            Release(key, tag, bool(draft), bool(prerelease), published_at, html_url, bool(gone))
            for key, tag, draft, prerelease, published_at, html_url, gone in rows
        ]

    def assets(self, repository_id: int) -> list[Asset]:
        """Return the assets of a repository's releases that are there, by their ids."""
        rows = self._read(
            "SELECT assets.id, release_id, assets.name, size, digest, state, url, "
            "browser_download_url FROM assets JOIN releases ON releases.id = release_id "
            "WHERE repository_id = ? AND assets.gone_at IS NULL AND releases.gone_at IS NULL "
            "AND NOT draft ORDER BY assets.id",
            repository_id,
        )
        return [Asset(*row) for row in rows]

    def files(self, repository_id: int) -> dict[str, FileRecord]:
        """Return all recorded files of a repository by their path, also those that were pruned."""
        rows = self._read(_FILES, repository_id)
        return {row[0]: _file_record(row) for row in rows}

    def record(self, records: Iterable[FileRecord]) -> None:
        """Record files that are in place, or were pruned, durably and all at once."""
        at = utc_now()
        with transaction(self._connection):
            self._connection.executemany(_RECORD, [(*_row(record), at) for record in records])

    def mark_removed(self, paths: Sequence[str], at: str) -> None:
        """Note that files were pruned; what they held is remembered."""
        with transaction(self._connection):
            self._connection.executemany(
                "UPDATE files SET removed_at = ? WHERE path = ?", [(at, path) for path in paths]
            )

    def forget(self, paths: Sequence[str]) -> None:
        """Remove the records of files."""
        with transaction(self._connection):
            self._connection.executemany(
                "DELETE FROM files WHERE path = ?", [(path,) for path in paths]
            )

    def finish(
        self, repository_id: int, *, failed: int, latest_id: int | None, complete: bool
    ) -> None:
        """Note that a run over a repository came to its end.

        Args:
            repository_id: the repository.
            failed: how many of its files could not be mirrored.
            latest_id: of the release that upstream shows as its latest.
            complete: whether all that was wanted is here.
        """
        at = utc_now()
        with transaction(self._connection):
            self._connection.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
                "finished_at = excluded.finished_at, failed = excluded.failed, "
                "complete_at = coalesce(excluded.complete_at, complete_at), "
                "latest_release_id = excluded.latest_release_id",
                (repository_id, at, failed, at if complete else None, latest_id),
            )

    def _read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return patiently(lambda: self._connection.execute(sql, values).fetchall())


def _file_record(row: tuple[Any, ...]) -> FileRecord:
    return FileRecord(**dict(zip(_FIELDS, row, strict=True)))


_FIELDS = tuple(FileRecord.__dataclass_fields__)


def _row(record: FileRecord) -> tuple[object, ...]:
    return (
        record.path,
        record.release_id,
        record.asset_id,
        record.kind,
        record.size,
        record.sha256,
        record.mtime_ns,
        record.verified_by,
        record.published_sha256,
        record.removed_at,
    )


def utc_now() -> str:
    """Return the time as UTC text to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def require_manifest(dest: Path) -> None:
    """Refuse a folder without a manifest.

    Raises:
        UsageError: it has none.
    """
    if not (dest / MANIFEST_NAME).exists():
        raise UsageError(f"{dest}: is no mirror: it has no {MANIFEST_NAME}")


@contextmanager
def open_manifest(dest: Path, *, writing: bool, name: str = MANIFEST_NAME) -> Iterator[Manifest]:
    """Open DEST's manifest.

    Args:
        dest: the mirror's folder.
        writing: the file itself, made or brought up to date if need be. Else a copy of it in
            memory, or an empty one where there is none: nothing that is done to it lasts.
        name: of the file.

    Raises:
        CorruptStore: it is not ours, damaged, or of a newer schema.
        ToolError: it cannot be opened.
    """
    path = dest / name
    try:
        connection = _connect(path, writing=writing)
    except CorruptStore as error:
        raise with_remedy(error, dest) from error
    with closing(connection):
        try:
            with errors_of(path):
                yield Manifest(connection)
        except CorruptStore as error:
            if isinstance(error.__cause__, sqlite3.Error):
                raise with_remedy(error, dest) from error
            raise


def _connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    return open_database(path, SCHEMA) if writing else open_copy(path, SCHEMA)


def with_remedy(error: CorruptStore, dest: Path) -> CorruptStore:
    """Return an error of DEST's manifest that says what to do about it."""
    if "upgrade it" in str(error):
        return error
    return CorruptStore(
        f"{error}; to make a new one from the files that are here: "
        f"release-mirror verify --rebuild --dest {dest}"
    )
