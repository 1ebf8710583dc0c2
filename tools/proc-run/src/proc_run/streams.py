"""A stream of the command on its way to ours: passed on as it comes, counted, its end kept."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import sys
import termios

from .outlets import widen
from .sinks import Nowhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .sinks import Sink
    from .tails import Tail

BLOCK = 128 * 1024
"""Bytes that are passed on at once."""

_NOTHING = memoryview(b"")


class Stream:
    """One of the command's streams.

    Args:
        name: `stdout`, `stderr`; for messages.
        source: the end that we read; it is closed with the stream.
        sink: where it goes.
        tail: keeps its end.
        is_read_anyway: whether it is read on when nobody reads what is passed on any more;
            otherwise the command is told in the usual way: by a closed pipe.

    Attributes:
        failure: why it could not be passed on to its end.
    """

    def __init__(
        self, name: str, source: int, sink: Sink, tail: Tail, *, is_read_anyway: bool = False
    ) -> None:
        self.name = name
        self.tail = tail
        self.failure: OSError | None = None
        self._source = source
        self._sink = sink
        self._is_read_anyway = is_read_anyway
        self._buffer = memoryview(bytearray(BLOCK))
        self._pending = _NOTHING
        self._left: int | None = None
        os.set_blocking(source, False)

    @property
    def is_open(self) -> bool:
        """Whether more may come."""
        return self._source >= 0

    @property
    def goes_on(self) -> bool:
        """Whether it is read until its end, however late that comes."""
        return self.is_open and self._left is None

    @property
    def waits_for_its_reader(self) -> bool:
        """Whether something was read that is not passed on yet."""
        return bool(self._pending)

    @property
    def is_over(self) -> bool:
        """Whether all has come and was passed on."""
        return not self.is_open and not self._pending

    @property
    def waits_for(self) -> tuple[int, int]:
        """The descriptor, and poll()'s event, with which it goes on."""
        if self._pending:
            return self._sink.descriptor, select.POLLOUT
        return self._source, select.POLLIN

    def step(self) -> bool:
        """Do what can be done at once; tell whether something came or went."""
        before = self.tail.seen, len(self._pending)
        if not self._pending:
            self._read()
        if self._pending:
            self._pass_on()
        return before != (self.tail.seen, len(self._pending))

    def _read(self) -> None:
        room = BLOCK if self._left is None else min(BLOCK, self._left)
        try:
            size = os.readv(self._source, [self._buffer[:room]])
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal that nobody has open any more
                raise
            size = 0
        self._pending = self._buffer[:size]
        self.tail.keep(self._pending)
        if self._left is not None:
            self._left -= size
        if not size or self._left == 0:
            self.close()

    def _pass_on(self) -> None:
        try:
            self._pending = self._pending[self._sink.take(self._pending) :]
        except BrokenPipeError:
            self._give_up()
        except OSError as error:
            self.failure = error
            self._give_up()

    def _give_up(self) -> None:
        self._pending = _NOTHING
        if self._is_read_anyway:
            self._sink = Nowhere()
        else:
            self.close()

    def finish(self) -> None:
        """Read what is there now, and no more."""
        if self.goes_on:
            there = fcntl.ioctl(self._source, termios.FIONREAD, bytes(4))
            self._left = int.from_bytes(there, sys.byteorder)
            if not self._left:
                self.close()

    def close(self) -> None:
        """Read no more; what was read is still passed on."""
        if self.is_open:
            os.close(self._source)
            self._source = -1

    def drop(self) -> None:
        """Read no more, and pass nothing on."""
        self.close()
        self._pending = _NOTHING


def wide_pipe() -> tuple[int, int]:
    """Return a pipe for a fast writer."""
    source, target = os.pipe()
    widen(source)
    return source, target
