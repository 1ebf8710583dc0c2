"""A log through its rotations: the generations that are being read, and the lines out of them.

It reads what is there and never waits; `following` and `cursors` decide when to look.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path

from .cutting import MAX_LINE_BYTES, Lines
from .looks import Unsettled
from .reading import Reader, Truncated
from .rotation import continuation, copy_of, newest_generation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from .cutting import Piece
    from .rotation import Continuation

    Emit: TypeAlias = Callable[[Piece], object]
    Say: TypeAlias = Callable[[str], object]


class Trail:
    """The generations of one log that are being read, the oldest first.

    A generation that was rotated away stays until it is known that nobody writes to it any more.
    A log that is empty is not among them yet: what continues it is known by what came before.
    If the newest is deleted, the mark tells what came later: the generation before it.

    Args:
        path: the log.
        emit: takes whole lines.
        say: takes what a user should know.
        clock: tells since when a generation is quiet.
    """

    def __init__(
        self,
        path: str,
        *,
        emit: Emit,
        say: Say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.reading: list[Reader] = []
        self.mark: Reader | None = None
        self.after_mark: list[Reader] = []  # they were empty when the log came after them
        self.is_adrift = False  # the newest one was truncated and has no copy
        self._emit = emit
        self.say = say
        self.max_line_bytes = MAX_LINE_BYTES
        self._clock = clock

    @property
    def newest(self) -> Reader | None:
        """Return the newest generation of which anything was there."""
        if self.is_adrift:
            return None
        return next((one for one in reversed(self.reading) if one.is_provable), None)

    def begin_with(self, reader: Reader | None) -> None:
        """Read from here on; with None, what comes after the generations that are there now."""
        self.mark = newest_generation(self.path)
        if reader is not None:
            self.add(reader)

    def add(self, reader: Reader) -> None:
        """Read one more generation, which is newer than the others."""
        reader.lines = Lines(self.max_line_bytes)
        reader.quiet_since = self._clock()
        self.is_adrift = self.is_adrift and not reader.is_provable
        self.reading.append(reader)

    def look(self) -> os.stat_result:
        """See what is at the path now, and open what continues the log; return its status.

        Raises:
            Unsettled: files are renamed all the time.
            OSError: nothing readable is there now.
        """
        status = Path(self.path).stat()
        if not stat.S_ISREG(status.st_mode):
            kind = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
            raise OSError(kind, os.strerror(kind), self.path)
        newest = self.newest
        if newest and newest.identity == (status.st_dev, status.st_ino):
            newest.finished = False  # it may have come back to its name
        else:
            self.extend()
        return status

    def extend(self) -> None:
        """Open what continues the newest generation, also if the log itself is not there.

        Raises:
            Unsettled: files are renamed all the time.
            OSError: the log cannot be read.
        """
        try:
            found = self._continuation()
        except Truncated:
            assert self.newest is not None  # noqa: S101 - it is the one
            self._go_on_in_copy(self.newest)
            found = self._continuation()
        for text in found.notes:
            self.say(text)
        for reader in found.readers:
            self.add(reader)
        if found.is_marked:
            self._move_mark(found.mark)
            earlier = self.reading[:-1] if found.readers else self.reading
            self.after_mark = _last_unprovable(earlier)

    def _continuation(self) -> Continuation:
        newest = self.newest  # what else is finished may have been written anew since
        held = [one for one in self.reading if one is newest or not one.finished]
        return continuation(self.path, newest, self.mark, held=held)

    def sweep(self) -> bool:
        """Emit what is new, the older generations' first; return whether there was anything.

        A writer that goes from one generation to the next has its lines in order: the newer one
        is read first, so what was written to the older before is seen when that is read.
        """
        blocks = [(one, self._read(one)) for one in reversed(self.reading) if not one.finished]
        newest = self.reading[-1] if self.reading else None
        anything = False
        for reader, first in reversed(blocks):
            block = first
            while block:
                anything = True
                for piece in reader.lines.whole(block):
                    self._emit(piece)
                block = b"" if reader is newest else self._read(reader)
        return anything

    def finish(self, is_done: Callable[[Reader], bool]) -> None:
        """End generations that were rotated away, where `is_done`; the newest stays known.

        Their unfinished line is emitted with a newline.
        """
        for reader in self.reading[:]:
            if not reader.finished and is_done(reader):
                reader.finished = True
            if reader.finished:
                for piece in reader.lines.rest():
                    self._emit(piece)
            if reader.finished and reader is not self.newest:
                self.reading.remove(reader)
                reader.close()

    def close(self) -> None:
        """Close all files."""
        self._move_mark(None)
        while self.reading:
            self.reading.pop().close()

    def _move_mark(self, mark: Reader | None) -> None:
        if self.mark is not None:
            self.mark.close()
        self.mark = mark

    def _read(self, reader: Reader) -> bytes:
        """Read on, in a copy where the file was truncated; say what cannot be read."""
        try:
            block = self._read_on(reader)
        except Unsettled:
            return b""  # the next sweep will see
        except OSError as error:
            self.say(f"{error.strerror}: lines may be lost")
            reader.finished = True
            return b""
        if block and reader.is_copy_of(self.reading, block):
            reader.finished = True
            return b""
        if block:
            reader.quiet_since = self._clock()
        if block and reader in self.after_mark:
            self._move_mark(reader.as_mark())
            self.after_mark = self.after_mark[self.after_mark.index(reader) + 1 :]
        return block

    def _read_on(self, reader: Reader) -> bytes:
        try:
            return reader.read()
        except Truncated:
            self._go_on_in_copy(reader)
        return b"" if reader.finished else reader.read()

    def _go_on_in_copy(self, reader: Reader) -> None:
        """Give a reader the copy of its file, which was truncated, or let it end."""
        copy = copy_of(self.path, reader)
        if copy is not None:
            self.say("was truncated; reading on in its copy")
            reader.go_on_in(copy)
            return
        self.say("was truncated: what was not read before is lost")
        self.is_adrift = self.is_adrift or reader is self.newest
        reader.finished = True


def _last_unprovable(readers: list[Reader]) -> list[Reader]:
    at = len(readers)
    while at and not readers[at - 1].is_provable:
        at -= 1
    return readers[at:]
