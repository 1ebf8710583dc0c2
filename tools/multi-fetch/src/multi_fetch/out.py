"""Standard output as records need it: one write for each, and no reader holds up transfers."""

import asyncio
import select
import sys
from contextlib import suppress
from typing import Any

from toolroll_shared.output import write

from .descriptors import never_waits, writable

_POLLOUT = 0x4  # <poll.h>; Windows has none

_AT_ONCE = getattr(select, "PIPE_BUF", 512)
"""Bytes that a pipe takes at once if it takes any."""


class Out:
    """Writes records to stdout; a reader who is slow is waited for by who writes, not the loop.

    Attributes:
        written: how many lines there were.
        is_waiting: whether a reader is being waited for.
    """

    def __init__(self) -> None:
        self.written = 0
        self.is_waiting = False
        self._turn = asyncio.Lock()
        self._descriptor = -1
        self._poll: Any = None
        with suppress(OSError, ValueError, AttributeError):  # no descriptor
            self._descriptor = sys.stdout.fileno()
            if never_waits(self._descriptor) or not hasattr(select, "poll"):
                return
            poll = select.poll()
            poll.register(self._descriptor, _POLLOUT)
            self._poll = poll

    def begin(self) -> None:
        """Hear that the event loop runs."""

    async def line(self, text: str) -> None:
        """Write a line, at once and as a whole.

        Raises:
            BrokenPipeError: the reader went away.
            OSError: stdout cannot be written.
        """
        if self._poll is not None and not self._poll.poll(0):
            async with self._turn:
                await self._reader(self._poll)
        if self._poll is not None and len(text) > (_AT_ONCE if text.isascii() else _AT_ONCE // 4):
            write(text, flush=True)  # it may wait, and a signal has to break it off
        else:
            _write(text)
        self.written += 1

    async def _reader(self, poll: Any) -> None:
        """Wait until somebody reads."""
        self.is_waiting = True
        try:
            while not poll.poll(0):
                await writable(self._descriptor)
        finally:
            self.is_waiting = False


def _write(text: str) -> None:
    """Write what will not wait: a signal that comes meanwhile is dealt with after it."""
    if sys.stdout is None:
        write(text)
    else:
        sys.stdout.write(text)
        sys.stdout.flush()
