"""One file that is followed by its name: what is said of it, and when its generations end."""

from __future__ import annotations

import os
import time
from contextlib import suppress

from .cutting import MAX_LINE_BYTES
from .looks import Unsettled
from .reading import reader_at
from .starting import Start, start_offset
from .trails import Trail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .cutting import Piece
    from .lasting import Emit
    from .reading import Reader
    from .trails import Say

GRACE_S = 5.0
"""A generation that was rotated away is read until it was silent for so many seconds."""

LATE_GENERATIONS = 64
"""How many of them are kept open for one log; with more, the oldest is ended earlier."""

SWEEPS = 64
"""How often a log is read before the others have their turn, a block of each generation a time."""


class Following:
    """How files are followed.

    Args:
        start: where each file starts; None: 10 lines before its end. One that appears later is
            read from its beginning.
        headers: whether each change of the file is announced; None: with several files.
        max_line_bytes: a longer line is cut, with a mark.
        pid: the writer's process: when it has ended, so does the following.
        grace: seconds of silence after which a file that was rotated away is closed.
    """

    __slots__ = ("grace", "headers", "max_line_bytes", "pid", "start")

    def __init__(
        self,
        *,
        start: Start | None = None,
        headers: bool | None = None,
        max_line_bytes: int = MAX_LINE_BYTES,
        pid: int | None = None,
        grace: float = GRACE_S,
    ) -> None:
        self.start = start
        self.headers = headers
        self.max_line_bytes = max_line_bytes
        self.pid = pid
        self.grace = grace


class Headers:
    """Announces whose lines come next, as `==> app.log <==`."""

    def __init__(self, emit: Emit, *, shown: bool) -> None:
        self.emit = emit
        self._shown = shown
        self._last: str | None = None

    def show(self, name: str) -> None:
        """Emit the header of a file, unless the last one was its own."""
        if self._shown and name != self._last:
            self.emit(b"%s==> %s <==\n" % (b"\n" if self._last else b"", os.fsencode(name)))
            self._last = name


class Followed:
    """A file that is followed by its name.

    Args:
        name: as the user gave it.
        how: where to start, and so on.
        heads: what emits, and announces the file first.
        say: takes what a user should know.
        clock: seconds that only increase.
    """

    def __init__(
        self,
        name: str,
        how: Following,
        *,
        heads: Headers,
        say: Say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._how = how
        self._heads = heads
        self._say_all = say
        self._clock = clock
        self._there: tuple[int, int] | None = None
        self._missing = ""
        self.trail = Trail(name, emit=self._emit, say=self._say, clock=clock)
        self.trail.max_line_bytes = how.max_line_bytes

    def _say(self, text: str) -> None:
        self._say_all(f"{self.name}: {text}")

    def _emit(self, piece: Piece) -> None:
        self._heads.show(self.name)
        self._heads.emit(piece)

    def begin(self) -> None:
        """Open the file where it starts; if it cannot be read, wait for it."""
        reader = None
        try:
            reader = reader_at(self.name, self._start)
            self._heads.show(self.name)
        except OSError as error:
            self._missing = error.strerror or ""
            self._say(f"cannot be read: {self._missing}; waiting for it")
        with suppress(OSError, Unsettled):  # its folder is not there either
            self.trail.begin_with(reader)
        if reader is not None:
            self._there = reader.identity

    def _start(self, descriptor: int) -> int:
        return start_offset(descriptor, self._how.start or Start(10))

    def read(self) -> bool:
        """Look at the path, emit what is new, and return whether there may be more at once."""
        self._look()
        for _ in range(SWEEPS):
            if not self.trail.sweep():
                self.trail.finish(self._is_done)
                return False
        return True

    def _look(self) -> None:
        try:
            status = self.trail.look()
        except Unsettled:
            return  # look again soon
        except FileNotFoundError as error:
            self._miss(error.strerror or "")
            with suppress(OSError, Unsettled):  # it may have been rotated more than once
                self.trail.extend()
            return
        except OSError as error:
            self._miss(error.strerror or "")
            return
        there = (status.st_dev, status.st_ino)
        if there != self._there:
            for reader in self.trail.reading:  # their silence counts from now on
                reader.quiet_since = self._clock()
        if self._missing:
            self._say("has appeared; following the new file")
        elif self._there not in {None, there}:
            self._say("has been replaced; following the new file")
        self._there, self._missing = there, ""

    def _miss(self, reason: str) -> None:
        if reason != self._missing:
            self._say(f"has become inaccessible: {reason}")
        self._missing = reason

    def _is_done(self, reader: Reader) -> bool:
        """Whether nothing more is to come of a generation."""
        if self._missing or reader.identity == self._there:
            return False
        reading = self.trail.reading
        if reader.is_copy or (reader is reading[0] and len(reading) > LATE_GENERATIONS):
            return True
        return self._clock() - reader.quiet_since >= self._how.grace
