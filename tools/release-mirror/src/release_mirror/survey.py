"""What is on disk at the places that matter: looked at, never changed."""

import hashlib
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from .plan import FileRecord, OnDisk, Wanted, in_doubt

_NOT_A_PLACE = OnDisk(regular=False, size=0, mtime_ns=0)


def survey(
    dest: Path, wanted: Sequence[Wanted], records: Mapping[str, FileRecord]
) -> dict[str, OnDisk]:
    """Return what is at the wanted paths, reading only the files that are in doubt.

    A place behind a symbolic link below DEST counts as taken by no file: it is outside, or
    another asset's.

    Raises:
        OSError: DEST cannot be read.
    """
    root = dest.resolve()
    inside: dict[Path, bool] = {}
    disk = {}
    for item in wanted:
        path = dest / item.path
        if path.parent not in inside:
            inside[path.parent] = _is_real(root, Path(item.path).parent)
        found = _look(path, records.get(item.path)) if inside[path.parent] else _NOT_A_PLACE
        if found is not None:
            disk[item.path] = found
    return disk


def _is_real(root: Path, folder: Path) -> bool:
    """Tell whether no part of a folder below the root is a symbolic link."""
    try:
        return not any((root / part).is_symlink() for part in (folder, *folder.parents))
    except OSError:  # a loop of links
        return False


def _look(path: Path, record: FileRecord | None) -> OnDisk | None:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    found = OnDisk(
        regular=stat.S_ISREG(status.st_mode), size=status.st_size, mtime_ns=status.st_mtime_ns
    )
    if not in_doubt(record, found):
        return found
    return OnDisk(regular=True, size=found.size, mtime_ns=found.mtime_ns, sha256=_sha256(path))


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:  # not ours to read, or a broken disk: known as unreadable from here on
        return None
