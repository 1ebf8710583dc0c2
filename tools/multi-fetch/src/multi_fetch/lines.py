"""The list of URLs: one a line, read as it is needed, however long it is."""

import os
from collections import deque
from typing import NamedTuple

from toolroll_shared.errors import UsageError

from .descriptors import never_waits, readable

BLOCK = 64 * 1024
"""Bytes read at once."""

MAX_LINE = 64 * 1024
"""Bytes of a line, its end included; no server takes a longer URL, and memory is bounded."""

_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    """A line that should hold a URL."""

    number: int
    """Counted from 1, comments and blank lines included."""

    url: str | None
    """What it holds, without the white space around it; None if it is too long to be one."""


class Lines:
    """The lines of a file, or of a pipe while it is being filled.

    Comments (from `#` at their start) and blank lines are left out, a byte order mark and
    carriage returns are taken off. What is no UTF-8 stays as lone surrogates: it is no URL.

    Args:
        descriptor: what to read.
        name: what to call it in messages.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        self._rest = b""
        self._too_long = False
        self._number = 0
        self._ready: deque[Line] = deque()
        self._at_start = True
        self._ended = False

    def pop(self) -> Line | None:
        """Return the next line if it has been read already."""
        return self._ready.popleft() if self._ready else None

    async def next(self) -> Line | None:
        """Return the next line, or None after the last one. A cancelled call loses none.

        Raises:
            UsageError: it cannot be read, or is no text.
        """
        while not self._ready and not self._ended:
            self._take(await self._read())
        return self._ready.popleft() if self._ready else None

    def put_back(self, line: Line) -> None:
        """Return a line that could not be dealt with: it is the next one again."""
        self._ready.appendleft(line)

    async def next_at_hand(self) -> Line | None:
        """Return the next line if there is no need to wait for somebody to write it."""
        waits = not self._ready and not self._ended and not never_waits(self._descriptor)
        return None if waits else await self.next()

    async def _read(self) -> bytes:
        try:
            if not never_waits(self._descriptor):
                await readable(self._descriptor)
            return os.read(self._descriptor, BLOCK)
        except OSError as error:
            raise UsageError(f"{self._name}: {error.strerror}") from error

    def _take(self, block: bytes) -> None:
        """Make lines of what was read; nothing means the end."""
        self._ended = not block
        if self._at_start:
            start = self._rest + block
            if len(start) < len(_UTF8_MARK) and not self._ended:
                self._rest = start  # too short to tell
                return
            block = self._without_mark(start)
            self._rest, self._at_start = b"", False
        *whole, self._rest = (self._rest + block).split(b"\n")
        if self._ended and (self._rest or self._too_long):
            whole.append(self._rest)
            self._rest = b""
        for line in whole:
            self._add(line)
        if len(self._rest) > MAX_LINE:
            self._rest, self._too_long = b"", True

    def _without_mark(self, start: bytes) -> bytes:
        if start.startswith(_UTF16_MARKS):
            raise UsageError(f"{self._name}: is UTF-16; convert it to UTF-8")
        return start.removeprefix(_UTF8_MARK)

    def _add(self, line: bytes) -> None:
        self._number += 1
        if self._too_long or len(line) > MAX_LINE:
            self._too_long = False
            self._ready.append(Line(self._number, None))
            return
        text = line.strip()
        if text and not text.startswith(b"#"):
            self._ready.append(Line(self._number, text.decode("utf-8", "surrogateescape")))
