"""Where output goes: a pipe, a terminal, a file; without ever waiting for who reads it."""

from __future__ import annotations

import fcntl
import math
import os
import select
import stat
from contextlib import suppress

from .hearing import ENDING, wait_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hearing import Hearing
    from .sinks import Sink

ATOMIC = 4096
"""Bytes (PIPE_BUF) that a pipe takes without waiting once poll() says that it is writable."""


PIPE_BYTES = 256 * 1024
"""What a pipe holds where the system allows it, so that its writer seldom waits for its reader.

More is hardly faster, and a user who is not root has 64 MiB for all pipes together."""


class Outlet:
    """One of our streams.

    A pipe or terminal is opened once more, not to wait: whether a descriptor waits is known to
    all who share it, so that is not changed. Where it cannot be opened (it belongs to another
    user, it is a socket), only as much is written as poll() promises to be taken.

    What was opened again is open until this process ends.

    Args:
        descriptor: the stream; it is not closed, and only a pipe is changed: it is made wider.
    """

    def __init__(self, descriptor: int) -> None:
        self._given = descriptor
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(mode):
            widen(descriptor)
        self._waits = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
        self._own = _opened_again(descriptor) if self._waits else None
        self.descriptor = self._given if self._own is None else self._own

    def take(self, block: memoryview) -> int:
        """Write what can be written at once, and return how many bytes that were.

        Raises:
            BrokenPipeError: who read it has gone.
            OSError: the disk is full or broken.
        """
        if self._own is None and self._waits:
            return self._take_little(block)
        try:
            return os.write(self.descriptor, block)
        except BlockingIOError:
            return 0

    def _take_little(self, block: memoryview) -> int:
        poll = select.poll()
        poll.register(self._given, select.POLLOUT)
        return os.write(self._given, block[:ATOMIC]) if poll.poll(0) else 0


def pour(block: memoryview, sink: Sink, hearing: Hearing) -> bool:
    """Write a block to its end, however slow its reader is.

    Args:
        block: what to write.
        sink: where.
        hearing: a signal that wants an end, while nothing is taken, is one.

    Returns:
        whether all was written.

    Raises:
        OSError: as the sink does.
    """
    while block:
        taken = sink.take(block)
        block = block[taken:]
        if not taken and not wait_for_reader(sink.descriptor, hearing):
            return False
    return True


def widen(pipe: int) -> None:
    """Let a pipe hold more, unless it does or may not."""
    with suppress(OSError):
        if fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) < PIPE_BYTES:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def wait_for_reader(descriptor: int, hearing: Hearing) -> bool:
    """Wait until something can be written; False if a signal wants an end before."""
    wait_for({descriptor: select.POLLOUT, hearing.descriptor: select.POLLIN}, math.inf)
    return not any(one.number in ENDING for one in hearing.take())


def _opened_again(descriptor: int) -> int | None:
    flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY
    try:
        return os.open(f"/proc/self/fd/{descriptor}", flags)
    except OSError:
        return None
