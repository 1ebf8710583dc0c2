"""A log through its rotations: the generations that are being read, and the lines out of them.

It reads what is there and never waits; `following` and `cursors` decide when to look.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from contextlib import suppress
from pathlib import Path

from .cutting import MAX_LINE_BYTES, Lines
from .reading import Reader, Truncated
from .rotation import Unsettled, continuation, copy_of, predecessor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from .cutting import Piece

    Emit: TypeAlias = Callable[[Piece], object]
    Say: TypeAlias = Callable[[str], object]


class Trail:
    """The generations of one log that are being read, the oldest first.

    A generation that was rotated away stays until it is known that nobody writes to it any more.
    A log that is empty is not among them yet: what continues it is known by what came before.

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
        self._emit = emit
        self.say = say
        self.max_line_bytes = MAX_LINE_BYTES
        self._clock = clock

    def begin_with(self, reader: Reader | None) -> None:
        """Read from here on; with None, what comes after the generations that are there now."""
        readers = predecessor(self.path) if reader is None else [reader]
        for one in readers:
            self.add(one)

    def add(self, reader: Reader) -> None:
        """Read one more generation, which is newer than the others."""
        reader.lines = Lines(self.max_line_bytes)
        reader.quiet_since = self._clock()
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
        if not self.is_reading(status):
            self.extend()
        return status

    def is_reading(self, status: os.stat_result) -> bool:
        """Whether the newest generation that is read is this file."""
        if not self.reading:
            return False
        return self.reading[-1].identity == (status.st_dev, status.st_ino)

    def extend(self) -> None:
        """Open what continues the newest generation, the log itself also if it is not there.

        Raises:
            Unsettled: files are renamed all the time.
            OSError: the log cannot be read.
        """
        found = continuation(self.path, self.reading)
        for text in found.notes:
            self.say(text)
        for reader in found.readers:
            self.add(reader)

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
        """End generations that were rotated away, where `is_done`; the newest is kept as a mark.

        Their unfinished line is emitted with a newline.
        """
        had_any = bool(self.reading)
        for reader in self.reading[:]:
            if reader.is_lost or (not reader.finished and is_done(reader)):
                self._end(reader)
            if reader.is_lost or (reader.finished and reader is not self.reading[-1]):
                self.reading.remove(reader)
                reader.close()
        if had_any and not self.reading:
            with suppress(OSError, Unsettled):  # then what there is continues the log
                self.begin_with(None)

    def close(self) -> None:
        """Close all files."""
        while self.reading:
            self.reading.pop().close()

    def _end(self, reader: Reader) -> None:
        for piece in reader.lines.rest():
            self._emit(piece)
        reader.finished = True

    def _read(self, reader: Reader) -> bytes:
        """Read on, in a copy where the file was truncated; note what cannot be read."""
        try:
            block = reader.read()
        except Truncated:
            with suppress(Unsettled):  # the next sweep will see
                self._go_on_in_copy(reader)
        except OSError as error:
            self.say(f"{reader.path}: {error.strerror}: lines may be lost")
            reader.finished = True
        else:
            if block:
                reader.quiet_since = self._clock()
            return block
        return b""

    def _go_on_in_copy(self, reader: Reader) -> None:
        copy = copy_of(self.path, reader)
        if copy is None:
            self.say("was truncated: what was not read before is lost")
            reader.is_lost = True
            reader.finished = True
        else:
            self.say("was truncated; reading on in its copy")
            reader.go_on_in(copy)
