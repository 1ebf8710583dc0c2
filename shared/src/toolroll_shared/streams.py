"""Files, pipes and stdin, read in blocks through one buffer, so that memory stays bounded."""

from __future__ import annotations

import mmap
import os
from contextlib import contextmanager
from io import FileIO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN = "-"
"""The name that means standard input."""

BLOCK = 512 * 1024
"""Bytes read by one call: it fits the processor's second-level cache, and calls are few."""


@contextmanager
def opened(name: str) -> Iterator[int]:
    """Open a file, or stdin for `-`, and yield its descriptor.

    Raises:
        OSError: it cannot be opened, or is a folder.
    """
    if name == STDIN:
        yield 0
        return
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(name, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def shown(name: str) -> str:
    """Return how messages call an input."""
    return "standard input" if name == STDIN else name


class Window:
    """A descriptor's bytes as a window that moves over them, block by block.

    Its buffer begins at a page, and so does each block read: the kernel copies into such
    places up to twice as fast. What is kept of a window stands before the next block.

    Args:
        descriptor: a file, a pipe, anything that can be read from its present position on.
        block: bytes to read at once.
        keep: the most that will ever be kept of a window; only touched memory is used.

    Attributes:
        view: the window; valid until the next `advance`.
        offset: how many bytes of the input came before the window.
    """

    def __init__(self, descriptor: int, *, block: int = BLOCK, keep: int = 0) -> None:
        self._file = FileIO(descriptor, closefd=False)
        self._block = block
        self._room = _pages(keep)
        self._buffer = memoryview(mmap.mmap(-1, max(1, self._room) + block))
        self._end = self._room
        self.view = self._buffer[:0]
        self.offset = 0

    def advance(self, keep: int = 0) -> bool:
        """Read the next block; tell whether there was anything more.

        Args:
            keep: so many bytes at the window's end stay in front of the new ones. They do so
                at the end of the input too.

        Raises:
            OSError: the input cannot be read.
        """
        self.offset += len(self.view) - keep
        begin = _pages(keep)
        if keep:
            self._buffer[begin - keep : begin] = self.view[len(self.view) - keep :]
        got = self._read(self._buffer[begin : begin + self._block])
        self.view = self._buffer[begin - keep : begin + got]
        return got > 0

    def _read(self, into: memoryview) -> int:
        while (got := self._file.readinto(into)) is None:  # somebody made it non-blocking
            from select import select

            select([self._file], [], [])
        return got


def _pages(size: int) -> int:
    """Return a size rounded up to whole pages."""
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
