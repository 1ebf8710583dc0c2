"""A log and its generations at one moment: a look that a rotation disturbed is taken again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from .generations import Sibling, siblings
from .packing import Damaged
from .positions import PROOF_BYTES
from .reading import Reader, reader_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from typing import TypeAlias, TypeVar

    from .positions import Position

    Say: TypeAlias = Callable[[str], object]
    T = TypeVar("T")

LOOKS = 50
"""How often a look that is disturbed is taken again at once; each takes about a millisecond."""

SLACK_S = 2
"""How much older a file may seem than it is: the coarsest file system counts in so many seconds."""


class Unsettled(Exception):
    """Files are renamed faster than they can be looked at: look again later."""


class Disturbed(Exception):
    """A file changed during the look at it."""


class Look:
    """The generations beside a log at one moment, the oldest first, and which file is the log."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.present = _log(path)
        self.siblings = siblings(path)
        if self.present is not None:
            same = self.present.identity
            self.siblings = [one for one in self.siblings if one.identity != same]
        self._opened: list[Reader] = []

    @property
    def names(self) -> list[tuple[str, tuple[int, int]]]:
        """Return which file had which name."""
        found = [*self.siblings, *([self.present] if self.present else [])]
        return sorted((one.path, one.identity) for one in found)

    def open(self, file: Sibling, *, empty: bool = False) -> Reader | None:
        """Open a file of this look at its beginning; None if it is empty, unless that will do."""
        return self._keep(reader_at(file.path, 0, packed=file.packed, empty=empty))

    def open_newest(self) -> Reader | None:
        """Open the newest generation that has any bytes behind its last one, to know it again."""
        for file in reversed(self.siblings):
            if file.is_generation:  # compressed ones as they are
                reader = self._keep(reader_at(file.path, file.status.st_size))
                if reader is not None and reader.is_provable and reader.offset:
                    reader.finished = True
                    return reader
        return None

    def is_newer(self, reader: Reader) -> bool:
        """Whether a generation was written after a file that is open."""
        last = reader.status().st_mtime_ns
        return any(one.is_generation and one.status.st_mtime_ns > last for one in self.siblings)

    def open_holder(self, position: Position) -> tuple[int, Reader] | None:
        """Return the number and the open file that holds a position; the log is after the last."""
        for at, file, packed in self._candidates(position):
            reader = self._open_if_holder(file, position, packed)
            if reader is not None:
                return at, reader
        return None

    def _candidates(self, position: Position) -> Iterator[tuple[int, Sibling, str]]:
        """Yield what may hold a position, with its number and the way to read it."""
        files = list(enumerate([*self.siblings, *([self.present] if self.present else [])]))
        same = [(at, one) for at, one in files if one.status.st_ino == position.inode]
        if not position.proof_length:  # an empty file is known by its inode only
            yield from ((at, one, "") for at, one in same if not one.packed)
            return
        for at, one in same:
            yield from ((at, one, packed) for packed in dict.fromkeys(("", one.packed)))
        for at, one in reversed(files):
            if self._may_be_copy(one, position):
                yield at, one, one.packed

    def _open_if_holder(self, file: Sibling, position: Position, packed: str) -> Reader | None:
        with suppress(PermissionError, Damaged):
            empty = not position.proof_length
            return self._keep(
                reader_at(file.path, position.offset, packed=packed, holding=position, empty=empty)
            )
        return None

    def _may_be_copy(self, file: Sibling, position: Position) -> bool:
        if file is self.present and position.proof_length < PROOF_BYTES:
            return False  # many logs begin with the same few bytes
        return file.status.st_mtime + SLACK_S >= position.modified

    def _keep(self, reader: Reader | None) -> Reader | None:
        if reader is not None:
            self._opened.append(reader)
        return reader

    def close(self, but: Collection[Reader] = ()) -> None:
        """Close what was opened, but for what is used."""
        for reader in self._opened:
            if reader not in but:
                reader.close()


def _log(path: str) -> Sibling | None:
    try:
        return Sibling(path, Path(path).stat(), "", "")
    except FileNotFoundError:
        return None


def settled(path: str, see: Callable[[Look], T], used: Callable[[T], Collection[Reader]]) -> T:
    """Return what `see` makes of a look during which no file was renamed, and it was not disturbed.

    Raises:
        Unsettled: there is no such moment.
        OSError: the log's folder or a file cannot be read.
    """
    for _ in range(LOOKS):
        look = Look(path)
        kept: Collection[Reader] = ()
        try:
            seen = see(look)
            if Look(path).names == look.names:
                kept = used(seen)
                return seen
        except (FileNotFoundError, Disturbed):
            continue
        finally:
            look.close(but=kept)
    raise Unsettled
