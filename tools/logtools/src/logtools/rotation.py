"""Which files continue a log from where reading stopped, whatever rotation did meanwhile.

It looks at the generations beside the log and opens those that matter. It emits nothing.
What is found is true of one moment: a look that a rotation disturbed is taken again.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from .generations import Sibling, siblings
from .packing import Damaged
from .positions import PROOF_BYTES
from .reading import Reader, reader_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
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

    def open(self, file: Sibling, offset: int = 0) -> Reader | None:
        """Open a file of this look at an offset; None if it is empty or shorter."""
        return self._keep(reader_at(file.path, offset, packed=file.packed))

    def open_at_end(self, file: Sibling) -> Reader | None:
        """Open a file behind its last byte, to know it again only; compressed as it is."""
        reader = self._keep(reader_at(file.path, file.status.st_size))
        if reader is not None:
            reader.finished = True
        return reader

    def open_holder(self, position: Position) -> tuple[int, Reader] | None:
        """Return the number and the open file that holds a position; the log is after the last."""
        files = [*self.siblings, *([self.present] if self.present else [])]
        same = [at for at, one in enumerate(files) if one.status.st_ino == position.inode]
        others = [at for at, one in enumerate(files) if self._may_be_copy(one, position)]
        for at in [*same, *reversed(others)]:
            packed = files[at].packed
            for how in dict.fromkeys(("" if at in same else packed, packed)):
                reader = self._open_if_holder(files[at], position, how)
                if reader is not None:
                    return at, reader
        return None

    def _open_if_holder(self, file: Sibling, position: Position, packed: str) -> Reader | None:
        with suppress(PermissionError, Damaged):
            reader = reader_at(file.path, position.offset, packed=packed, holding=position)
            return self._keep(reader)
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
    """Return what `see` makes of a look during which no file was renamed.

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
        except FileNotFoundError:
            continue
        finally:
            look.close(but=kept)
    raise Unsettled


def reopened(path: str, positions: list[Position]) -> list[Reader | None]:
    """Return for each position the file that holds it, open there, or None if there is none.

    Raises:
        Unsettled: files are renamed all the time.
        OSError: the log's folder or a file cannot be read.
    """

    def see(look: Look) -> list[Reader | None]:
        readers: list[Reader | None] = []
        for position in positions:
            held = look.open_holder(position)
            readers.append(held[1] if held else _elsewhere(look, position))
            if readers[-1] is not None:
                readers[-1].finished = position.finished
        return readers

    return settled(path, see, lambda readers: [one for one in readers if one is not None])


def _elsewhere(look: Look, position: Position) -> Reader | None:
    """Return the file that a symlink led to before, if it is still there."""
    if position.path != str(Path(look.path).resolve()):
        with suppress(OSError):
            return reader_at(position.path, position.offset, holding=position)
    return None


def copy_of(path: str, reader: Reader) -> Reader | None:
    """Return a copy of a file that was truncated, open where the reader is, or None.

    Raises:
        Unsettled: files are renamed all the time.
        OSError: the log's folder or a file cannot be read.
    """
    position = reader.position(whole_lines=False)

    def see(look: Look) -> Reader | None:
        held = look.open_holder(position)
        return held[1] if held else None

    return settled(path, see, lambda copy: [] if copy is None else [copy])


class Continuation:
    """What continues a log.

    Args:
        readers: open files, the oldest first; the log itself is the last if it has any bytes.
        notes: what a user should know: what of each file's name.
    """

    def __init__(self) -> None:
        self.readers: list[Reader] = []
        self.notes: list[str] = []


def continuation(path: str, reading: list[Reader]) -> Continuation:
    """Return what came after the newest of the files that are being read.

    Args:
        path: the log.
        reading: what is open already; with none, every generation there is continues the log.

    Raises:
        Unsettled: files are renamed all the time.
        OSError: the log, its folder or a file cannot be read.
    """
    return settled(path, lambda look: _continuation(look, reading), lambda found: found.readers)


def _continuation(look: Look, reading: list[Reader]) -> Continuation:
    found = Continuation()
    log = look.open(look.present) if look.present else None
    place = _place(look, reading[-1]) if reading else -1
    if place is None:
        _begin_anew(look, reading[-1], found)
        place = len(look.siblings)
    held = {one.identity for one in reading}
    for file in look.siblings[place + 1 :]:
        if file.is_generation and file.identity not in held:
            _add_generation(look, file, log, found)
    if log is not None:
        found.readers.append(log)
    return found


def _place(look: Look, newest: Reader) -> int | None:
    """Return where a file that is open stands among the siblings now."""
    identity = newest.identity
    for at, file in enumerate(look.siblings):
        if file.identity == identity:
            return at
    held = look.open_holder(newest.position(whole_lines=False))
    return held[0] if held and held[0] < len(look.siblings) else None


def _begin_anew(look: Look, newest: Reader, found: Continuation) -> None:
    """Take the present generations as read: where the newest one belongs is not known."""
    last = next((one for one in reversed(look.siblings) if one.is_generation), None)
    if last is None:
        return
    end = look.open_at_end(last)
    if end is not None:
        found.readers.append(end)
        if last.status.st_mtime_ns > newest.status().st_mtime_ns:
            found.notes.append("was rotated more than once meanwhile: lines may be lost")


def _add_generation(look: Look, file: Sibling, log: Reader | None, found: Continuation) -> None:
    try:
        reader = look.open(file)
    except (PermissionError, Damaged) as error:
        name = Path(file.path).name
        found.notes.append(f"{name} cannot be read, its lines are lost: {error.strerror}")
        return
    if reader is None or (log and not file.packed and reader.begins_like(log)):
        return  # empty, or a copy that is being made of the log, which is still to be truncated
    found.readers.append(reader)


def predecessor(path: str) -> list[Reader]:
    """Return the newest generation of an empty or missing log, open behind its last byte.

    What comes after it is known by it. None where there is no generation yet.

    Raises:
        Unsettled: files are renamed all the time.
        OSError: the log's folder or a file cannot be read.
    """

    def see(look: Look) -> list[Reader]:
        for file in reversed(look.siblings):
            reader = look.open_at_end(file) if file.is_generation else None
            if reader is not None:
                return [reader]
        return []

    return settled(path, see, list)
