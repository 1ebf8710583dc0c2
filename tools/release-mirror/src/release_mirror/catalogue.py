"""What a mirror has to show: the releases and files that the manifest says are there.

Releases and assets that are gone upstream are shown like all others: that they are kept is
what a mirror is for. A release shows up once it has a file here.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from toolroll_shared.errors import CorruptStore
from toolroll_shared.sqlite import errors_of, open_database, patiently

from .manifest import MANIFEST_NAME, FileKind, with_remedy
from .names import safe_name
from .schema import SCHEMA


class Held(NamedTuple):
    """A file that is there, as it was recorded, and the name that it is downloaded as."""

    path: str
    kind: FileKind
    size: int
    sha256: str
    mtime_ns: int
    name: str
    content_type: str


class HeldAsset(NamedTuple):
    """An asset whose file is there."""

    id: int
    file: Held
    download_count: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRelease:
    """A release of which something is there.

    Attributes:
        id: GitHub's.
        tag: its tag.
        name: its title, if it has one.
        prerelease: whether it is one.
        created_at: the date of the tagged commit; times are UTC text.
        published_at: the date of its publication.
        gone: whether it is so upstream, or a draft again.
        assets: by their ids.
        others: the archives and our own checksums.
    """

    id: int
    tag: str
    name: str | None
    prerelease: bool
    created_at: str
    published_at: str
    gone: bool
    assets: Mapping[int, HeldAsset]
    others: Sequence[Held]

    def named(self, name: str) -> Held | None:
        """Return the asset's file of that name, or our own checksums."""
        sums = (file for file in self.others if file.kind == "checksums")
        files = [*(asset.file for asset in self.assets.values()), *sums]
        return next((file for file in files if file.name == name), None)

    def archive(self, kind: str) -> Held | None:
        """Return its `tarball` or `zipball`, if that is mirrored."""
        return next((file for file in self.others if file.kind == kind), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRepository:
    """A repository of which something is there; its releases newest first, as GitHub has them."""

    id: int
    full_name: str
    private: bool
    latest_id: int | None
    releases: Sequence[HeldRelease]

    def latest(self) -> HeldRelease | None:
        """Return what upstream shows as its latest, else the newest that is no pre-release."""
        shown = self.release(self.latest_id) if self.latest_id is not None else None
        full = (release for release in self.releases if not release.prerelease)
        return shown or next(full, None)

    def release(self, key: int) -> HeldRelease | None:
        """Return the release of that id."""
        return next((release for release in self.releases if release.id == key), None)

    def tagged(self, tag: str) -> Sequence[HeldRelease]:
        """Return the releases of a tag: who has it now comes first."""
        return sorted((one for one in self.releases if one.tag == tag), key=lambda one: one.gone)

    def asset(self, key: int) -> tuple[HeldRelease, HeldAsset] | None:
        """Return the asset of that id, and its release."""
        for release in self.releases:
            if key in release.assets:
                return release, release.assets[key]
        return None


_NAMES = """
SELECT DISTINCT full_name FROM repositories
JOIN releases ON repository_id = repositories.id JOIN files ON release_id = releases.id
WHERE removed_at IS NULL AND kind <> 'checksums' ORDER BY full_name COLLATE NOCASE
"""

# A name can have been another repository's before: who has it now is the last.
_REPOSITORY = """
SELECT repositories.id, full_name, private, latest_release_id
FROM repositories LEFT JOIN runs ON repository_id = repositories.id
WHERE full_name = ? COLLATE NOCASE ORDER BY gone_at IS NULL DESC, repositories.id DESC LIMIT 1
"""

_FILES = """
SELECT releases.id, tag_name, releases.name, prerelease, releases.created_at,
       coalesce(published_at, releases.created_at), releases.gone_at IS NOT NULL OR draft,
       path, kind, files.size, sha256, mtime_ns,
       assets.id, assets.name, content_type, download_count, assets.created_at, assets.updated_at
FROM files JOIN releases ON releases.id = files.release_id LEFT JOIN assets ON assets.id = asset_id
WHERE repository_id = ? AND removed_at IS NULL
ORDER BY releases.created_at DESC, releases.id DESC, assets.id, path
"""

_TYPES = {
    "tarball": "application/gzip",
    "zipball": "application/zip",
    "checksums": "text/plain; charset=utf-8",
}


_Row = tuple[Any, ...]  # the tables are strict: its types are those of the columns


class Reader:
    """Reads DEST's manifest; each call opens it anew, and holds it for some milliseconds."""

    def __init__(self, dest: Path) -> None:
        self._dest = dest
        self.path = dest / MANIFEST_NAME

    def stamp(self) -> tuple[int, int, int]:
        """Return what differs once the manifest was written.

        Raises:
            OSError: it is not there.
        """
        status = self.path.stat()
        return status.st_ino, status.st_size, status.st_mtime_ns

    def names(self) -> list[str]:
        """Return the repositories that have something here.

        Raises:
            CorruptStore: the manifest is not ours, damaged, or of another schema.
            TryLater: another process keeps it locked.
            UsageError: it is not there, or cannot be read.
        """
        with self._open() as connection:
            rows = patiently(lambda: connection.execute(_NAMES).fetchall())
        return [name for (name,) in rows]

    def repository(self, name: str) -> HeldRepository | None:
        """Return a repository by its OWNER/REPO in any case; None if nothing of it is here.

        Raises:
            ToolError: as `names` does.
        """
        with self._open() as connection:
            return patiently(lambda: _repository(connection, name))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with (
                closing(open_database(self.path, SCHEMA, reading=True)) as connection,
                errors_of(self.path, reading=True),
            ):
                yield connection
        except CorruptStore as error:
            raise _with_remedy(error, self._dest) from error


def _with_remedy(error: CorruptStore, dest: Path) -> CorruptStore:
    if "older than" in str(error):
        return CorruptStore(f"{error}; that is: release-mirror sync ... --dest {dest}")
    return with_remedy(error, dest)


def _repository(connection: sqlite3.Connection, name: str) -> HeldRepository | None:
    connection.execute("BEGIN")  # one state for both questions
    try:
        row = connection.execute(_REPOSITORY, (name,)).fetchone()
        rows = [] if row is None else connection.execute(_FILES, row[:1]).fetchall()
    finally:
        connection.execute("COMMIT")
    releases = [_release(list(group)) for _, group in groupby(rows, itemgetter(0))]
    shown = [one for one in releases if one.assets or any(map(_is_archive, one.others))]
    if not shown:
        return None
    key, full_name, private, latest_id = row
    return HeldRepository(
        id=key,
        full_name=full_name,
        private=bool(private),
        latest_id=latest_id,
        releases=shown,
    )


def _is_archive(file: Held) -> bool:
    return file.kind != "checksums"


def _release(rows: Sequence[_Row]) -> HeldRelease:
    key, tag, name, prerelease, created_at, published_at, gone = rows[0][:7]
    parts = [row[7:] for row in rows]
    return HeldRelease(
        id=key,
        tag=tag,
        name=name,
        prerelease=bool(prerelease),
        created_at=created_at,
        published_at=published_at,
        gone=bool(gone),
        assets=_assets([part for part in parts if part[1] == "asset"]),
        others=[_other(part) for part in parts if part[1] != "asset"],
    )


def _assets(parts: Sequence[_Row]) -> dict[int, HeldAsset]:
    """Return a release's assets, each with a name that no other one has.

    Where an asset was replaced and both are kept, the first keeps the name, and the other is
    NAME~ID as its file is: a mirror of this mirror gets the same files.
    """
    names: dict[str, int] = {}
    for part in sorted(parts, key=_is_elsewhere):
        key, name = part[5:7]
        while names.setdefault(name, key) != key:
            name = f"{name}~{key}"
    name_of = {key: name for name, key in names.items()}
    # An asset that is in two places is shown from the one that has its name.
    chosen = {part[5]: part for part in sorted(parts, key=_is_elsewhere, reverse=True)}
    return {key: _asset(chosen[key], name_of[key]) for key in sorted(chosen)}


def _is_elsewhere(part: _Row) -> bool:
    path, name = part[0], part[6]
    return bool(path.rpartition("/")[2] != safe_name(name))


def _asset(part: _Row, name: str) -> HeldAsset:
    path, kind, size, sha256, mtime_ns, key, _, content_type, count, created, updated = part
    file = Held(path, kind, size, sha256, mtime_ns, name, content_type)
    return HeldAsset(key, file, count, created, updated)


def _other(part: _Row) -> Held:
    path, kind, size, sha256, mtime_ns = part[:5]
    return Held(path, kind, size, sha256, mtime_ns, path.rpartition("/")[2], _TYPES[kind])
