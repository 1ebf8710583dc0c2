"""A log's generations by their names: `app.log.1`, `app.log.2.gz`, `app.log-20260101`, ...

It says which files beside a log belong to it, and in which order they were written. It opens
none of them; see `rotation` for which of them continues what.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import PurePath

from .packing import split_packed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CLEARLY_S = 60
"""Seconds between two files' times that a writer which reopens late does not explain."""

_SEPARATORS = ".-_"
_NUMBERS = re.compile(r"[.\-_][0-9][0-9.:TZ_+\-]*")
_A_STAMP = 10_000_000  # 20260101 and seconds since 1970; a plain number counts rotations
_A_YEAR = 1900


class Sibling:
    """A file beside the log that may have been it.

    Args:
        path: where it is.
        status: what the system says of it.
        suffix: what rotation added to the name, without the ending of compression.
        packed: the ending of compression, or nothing.
    """

    __slots__ = ("identity", "is_generation", "numbers", "packed", "path", "status", "suffix")

    def __init__(self, path: str, status: os.stat_result, suffix: str, packed: str) -> None:
        self.path = path
        self.status = status
        self.suffix = suffix
        self.packed = packed
        self.identity = (status.st_dev, status.st_ino)
        self.is_generation = _NUMBERS.fullmatch(suffix) is not None
        self.numbers = tuple(map(int, re.findall("[0-9]+", suffix))) if self.is_generation else ()

    @property
    def is_numbered(self) -> bool:
        """Whether its name counts rotations."""
        return len(self.numbers) == 1 and self.numbers[0] < _A_STAMP

    @property
    def is_stamped(self) -> bool:
        """Whether its name tells a time, the year or the seconds first."""
        first = self.numbers[0] if self.numbers else 0
        return first >= _A_STAMP or (len(self.numbers) > 1 and first >= _A_YEAR)


def siblings(path: str) -> list[Sibling]:
    """Return what may be generations of a log, the oldest first, without the log itself.

    Where the path is a symlink, what it leads to may have generations too. A folder that may be
    passed through but not listed has none.

    Raises:
        OSError: its folder cannot be read.
    """
    found: dict[str, Sibling] = {}
    for place in dict.fromkeys((path, os.path.realpath(path))):
        folder, name = os.path.split(place)
        with suppress(PermissionError), os.scandir(folder or ".") as entries:
            for entry in entries:
                sibling = _sibling(entry, name)
                if sibling is not None:
                    found[sibling.path] = sibling
    return in_order(_without_twins(found.values()))


def _sibling(entry: os.DirEntry[str], log: str) -> Sibling | None:
    plain, packed = split_packed(entry.name)
    suffix = suffix_of(plain, log, packed=bool(packed))
    if suffix is None:
        return None
    with suppress(OSError):  # gone meanwhile
        status = entry.stat()
        if stat.S_ISREG(status.st_mode):
            return Sibling(entry.path, status, suffix, packed)
    return None


def suffix_of(name: str, log: str, *, packed: bool) -> str | None:
    """Return what rotation added to a log's name, as in `app.log.1` or `app-20260101.log`."""
    root, extension = PurePath(log).stem, PurePath(log).suffix
    if name == log:
        return "" if packed else None
    if name.startswith(log) and name[len(log)] in _SEPARATORS:
        return name[len(log) :]
    middle = name[len(root) : len(name) - len(extension)]
    if extension and middle[:1] and middle[0] in _SEPARATORS and name == root + middle + extension:
        return middle
    return None


def _without_twins(found: Iterable[Sibling]) -> list[Sibling]:
    """Drop the compressed file beside the plain one: it may be only half written."""
    kept: dict[str, Sibling] = {}
    for sibling in sorted(found, key=lambda one: (one.packed, one.path)):
        kept.setdefault(sibling.path.removesuffix(sibling.packed), sibling)
    return list(kept.values())


def in_order(found: Iterable[Sibling]) -> list[Sibling]:
    """Sort siblings, the oldest first.

    Their times decide, but among names with a number the number, and among those with a time
    the time: a writer that reopened late or a compressor may have touched an older file last.
    """
    order = sorted(found, key=lambda one: (one.status.st_mtime_ns, one.path))
    numbered = [one for one in order if one.is_numbered]
    upward = _count_upward(numbered)
    numbered.sort(key=lambda one: one.numbers, reverse=not upward)
    stamped = sorted((one for one in order if one.is_stamped), key=lambda one: one.numbers)
    for kind in (numbered, stamped):
        places = [place for place, one in enumerate(order) if one in kind]
        for place, one in zip(places, kind, strict=True):
            order[place] = one
    return order


def _count_upward(numbered: list[Sibling]) -> bool:
    """Whether the highest number is the newest file: few rotators do so, most the other way.

    Compressed files do not tell, since some compressors give them a new time.
    """
    plain = sorted((one for one in numbered if not one.packed), key=lambda one: one.numbers)
    if len(plain) < 2:  # noqa: PLR2004 - a direction needs two
        return False
    return plain[-1].status.st_mtime - plain[0].status.st_mtime > CLEARLY_S
