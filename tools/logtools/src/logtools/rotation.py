"""Which files continue a log from where reading stopped, whatever rotation did meanwhile.

It looks at the generations beside the log and opens those that matter. It emits nothing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from .generations import CLEARLY_S
from .looks import Disturbed, Look, settled
from .packing import Damaged
from .reading import Reader, Truncated, reader_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from .generations import Sibling
    from .positions import Position


def reopened(path: str, positions: list[Position]) -> list[Reader | None]:
    """Return for each position the file that holds it, open there, or None if there is none.

    Raises:
        Unsettled: files are renamed all the time.
        OSError: the log's folder or a file cannot be read.
    """

    def see(look: Look) -> list[Reader | None]:
        readers: list[Reader | None] = []
        later = -1  # where the next newer one is
        for position in reversed(positions):
            place, reader = look.open_holder(position) or (-1, _elsewhere(look, position))
            if not position.proof_length and place >= later:
                reader = None  # it was empty, and has only its inode to be known by: that is reused
            if reader is not None:
                reader.finished = position.finished
                later = place if place >= 0 else later
            readers.insert(0, reader)
        return readers

    return settled(path, see, lambda readers: [one for one in readers if one is not None])


def _elsewhere(look: Look, position: Position) -> Reader | None:
    """Return the file that a symlink led to before, if it is still there."""
    if position.proof_length and position.path != str(Path(look.path).resolve()):
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

    Attributes:
        readers: open files, the oldest first; the log itself is the last if it has any bytes.
        mark: the newest generation that the log itself came after, or None if there is none.
        is_marked: whether that is known now.
        notes: what a user should know of the log.
    """

    def __init__(self) -> None:
        self.readers: list[Reader] = []
        self.mark: Reader | None = None
        self.is_marked = False
        self.notes: list[str] = []

    @property
    def opened(self) -> list[Reader]:
        """Return all that was opened."""
        return [*self.readers, *([self.mark] if self.mark else [])]


def continuation(
    path: str, newest: Reader | None, mark: Reader | None, *, held: Collection[Reader] = ()
) -> Continuation:
    """Return what came after the newest file that was read, if it is still there, else the mark.

    Args:
        path: the log.
        newest: what was read last, if that is known.
        mark: the generation before it; None: there was none, so all there are came later.
        held: what is being read already.

    Raises:
        Truncated: the newest one holds other content by now.
        Unsettled: files are renamed all the time.
        OSError: the log, its folder or a file cannot be read.
    """

    def see(look: Look) -> Continuation:
        found = Continuation()
        log = look.open(look.present) if look.present else None
        place = _place_of_either(look, newest, mark)
        if place is None:
            place = len(look.siblings)
            if newest is not None and look.is_newer(newest):
                found.notes.append("was rotated more than once meanwhile: lines may be lost")
        known = {one.identity for one in held}
        for file in look.siblings[place + 1 :]:
            if file.is_generation and file.identity not in known:
                _add_generation(look, file, log, found)
        if log is not None:
            _prove(log)
            found.readers.append(log)
        if log is not None or place == len(look.siblings):
            found.mark, found.is_marked = look.open_newest(), True
        return found

    return settled(path, see, lambda found: found.opened)


def _prove(log: Reader) -> None:
    """Check that what was compared with the log was compared with what it still is."""
    try:
        log.prove()
    except Truncated:
        raise Disturbed from None


def _place_of_either(look: Look, newest: Reader | None, mark: Reader | None) -> int | None:
    """Return which sibling is the newest or else the mark; -1: there was no mark.

    Raises:
        Truncated: the newest one holds other content by now.
    """
    place = None
    if newest is not None:
        newest.prove()
        place = _place(look, newest)
    if place is None and mark is None:
        return -1
    if place is None and mark is not None:
        with suppress(Truncated):
            mark.prove()
            place = _place(look, mark)
    return place


def _place(look: Look, reader: Reader) -> int | None:
    """Return which sibling an open file is now, or which one is its copy."""
    identity = reader.identity
    for at, file in enumerate(look.siblings):
        if file.identity == identity:
            return at
    held = look.open_holder(reader.position(whole_lines=False))
    return held[0] if held and held[0] < len(look.siblings) else None


def _add_generation(look: Look, file: Sibling, log: Reader | None, found: Continuation) -> None:
    try:
        reader = look.open(file, empty=True)  # a writer may still have it open
    except (PermissionError, Damaged) as error:
        name = Path(file.path).name
        found.notes.append(f"{name} cannot be read, its lines are lost: {error.strerror}")
        return
    is_recent = time.time() - file.status.st_mtime < CLEARLY_S and not file.packed
    if reader is None or (log and is_recent and reader.begins_like(log)):
        return  # a copy that is being made of the log, which is still to be truncated
    found.readers.append(reader)


def newest_generation(path: str) -> Reader | None:
    """Return the newest generation beside a log, open behind its last byte; None without any.

    Raises:
        Unsettled: files are renamed all the time.
        OSError: the log's folder or a file cannot be read.
    """
    return settled(path, Look.open_newest, lambda reader: [] if reader is None else [reader])
