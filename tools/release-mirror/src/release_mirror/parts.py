"""Downloads that an earlier run has begun: their temporary files, and what they are of.

Beside a temporary file lies a note, written when its download begins: which asset it is of,
what the server calls that version, and how much of it is certainly on the disk. A file with a
digest is gone on with as far as it goes, because the digest tells in the end; one without a
digest only as far as is certain.
"""

import json
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from .places import Wanted
from .plan import Part, sha256_of
from .reading import open_regular

WORTH_KEEPING = 1024 * 1024
"""Bytes of an asset below which a note would cost more than the download."""

PREFIX = ".toolroll-"
"""All our temporary files begin with it; `safe_name` never makes such."""

_PART, _NOTE = ".part", ".note"

_LONGEST_NOTE = 4096
"""Bytes: a hundred times what ours have; something longer is no note."""


def part_path(path: Path) -> Path:
    """Return the temporary file's place, beside its final one."""
    return path.with_name(f"{PREFIX}{sha256(path.name.encode()).hexdigest()}{_PART}")


def write_note(path: Path, asset_id: int | None, validator: str, *, safe: int) -> None:
    """Note beside a temporary file what it is of; without the note it is begun anew.

    Args:
        path: the final place.
        asset_id: GitHub's id.
        validator: names the version, as in If-Range.
        safe: how many bytes are certainly on the disk.
    """
    note = {"asset_id": asset_id, "validator": validator, "safe": safe}
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        flags |= os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe would wait
        descriptor = os.open(part_path(path).with_suffix(_NOTE), flags, 0o666)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - it is open
            json.dump(note, file)


def remove_note(path: Path) -> None:
    """Remove the note, if there is one."""
    with suppress(OSError):
        part_path(path).with_suffix(_NOTE).unlink()


def make_safe(path: Path) -> int:
    """Have the disk take all of a temporary file, and return its size."""
    descriptor = os.open(part_path(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)


def parts_of(dest: Path, wanted: Iterable[Wanted]) -> dict[str, Part]:
    """Return what earlier runs left that can be gone on with, by the final path below DEST."""
    leftovers: dict[Path, set[str]] = {}
    parts = {}
    for item in wanted:
        if item.kind != "asset" or (item.size or 0) < WORTH_KEEPING:
            continue
        for path in {item.path, item.beside}:
            final = dest / path
            if final.parent not in leftovers:
                leftovers[final.parent] = set(_leftovers_in(final.parent))
            if part_path(final).name in leftovers[final.parent]:
                part = _part(final, item)
                if part is not None:
                    parts[path] = part
    return parts


def remove_leftovers(dest: Path, folders: Iterable[str], keep: Iterable[str]) -> None:
    """Remove what killed runs left; under the lock, no other run can be using it.

    Args:
        dest: the mirror's folder.
        folders: below it, where to look; those that are links are left alone.
        keep: final paths below it whose temporary files are gone on with.
    """
    kept = {part_path(dest / path) for path in keep}
    kept |= {path.with_suffix(_NOTE) for path in kept}
    for folder in folders:
        for name in _leftovers_in(dest / folder):
            path = dest / folder / name
            if path not in kept:
                with suppress(OSError):
                    path.unlink()


def _leftovers_in(folder: Path) -> list[str]:
    try:
        if folder.is_symlink():
            return []
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.name.startswith(PREFIX)]
    except OSError:
        return []


def _part(final: Path, wanted: Wanted) -> Part | None:
    part = part_path(final)
    try:
        status = part.lstat()
        with open_regular(part.with_suffix(_NOTE)) as file:
            note = json.loads(file.read(_LONGEST_NOTE) or b"")
        asset_id, validator, safe = note["asset_id"], note["validator"], note["safe"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if not stat.S_ISREG(status.st_mode) or asset_id != wanted.asset_id:
        return None
    if not isinstance(safe, int) or not _can_be_sent(validator):
        return None
    size = status.st_size if sha256_of(wanted.digest) else min(safe, status.st_size)
    if not 0 < size < (wanted.size or 0):
        return None
    return Part(size, validator)


def _can_be_sent(validator: object) -> bool:
    return isinstance(validator, str) and validator.isascii() and validator.isprintable()
