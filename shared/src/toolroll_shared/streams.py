"""Files, pipes and stdin, read in blocks through one buffer, so that memory stays bounded."""

from __future__ import annotations

import mmap
import os
import stat
import sys
from contextlib import contextmanager, suppress
from io import FileIO

from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

STDIN = "-"
"""The name that means standard input."""

BLOCK = 512 * 1024
"""Bytes read by one call: it fits the processor's second-level cache, and calls are few."""


PIPE = 1024 * 1024
"""Bytes that a pipe we read may hold: with the usual 64 KiB, both ends wait for each other."""


class Input:
    """Something open that can be read.

    Args:
        descriptor: a file, a pipe, anything that can be read from its present position on.
        name: what messages call it.

    Attributes:
        taken: how many bytes windows have read of it, for its record in a log.
    """

    def __init__(self, descriptor: int, name: str) -> None:
        self.descriptor = descriptor
        self.name = name
        self.taken = 0
        self._file = FileIO(descriptor, closefd=False)

    def read(self, into: memoryview) -> int:
        """Read as much as there is and fits, waiting for it; 0 is the end.

        Raises:
            UsageError: it cannot be read.
        """
        try:
            while (got := self._file.readinto(into)) is None:  # somebody made it non-blocking
                from select import select

                select([self._file], [], [])
        except OSError as error:
            raise _unreadable(self.name, error) from error
        return got


@contextmanager
def opened(name: str) -> Iterator[Input]:
    """Open a file, or stdin for `-`, for the `with` block.

    Raises:
        UsageError: it cannot be opened, or is a folder.
    """
    if name == STDIN:
        yield _input(0, name)
        return
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(name, flags)
    except OSError as error:
        raise _unreadable(name, error) from error
    try:
        yield _input(descriptor, name)
    finally:
        os.close(descriptor)


def _input(descriptor: int, name: str) -> Input:
    try:
        if stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            _widen(descriptor)
        return Input(descriptor, shown(name))
    except OSError as error:  # a folder, or a standard input that is closed
        raise _unreadable(shown(name), error) from error


def _widen(pipe: int) -> None:
    """Let a pipe hold more, where the system can and we may."""
    if sys.platform == "linux":
        from fcntl import F_SETPIPE_SZ, fcntl

        with suppress(OSError):
            fcntl(pipe, F_SETPIPE_SZ, PIPE)


def blocks(source: Input, *, block: int = BLOCK) -> Iterator[bytes]:
    """Yield the rest of an input, so many bytes at once.

    Raises:
        UsageError: it cannot be read.
    """
    window = Window(source, block=block)
    while window.advance():
        yield bytes(window.view)


def shown(name: str) -> str:
    """Return how messages call an input."""
    return "standard input" if name == STDIN else name


def _unreadable(name: str, error: OSError) -> UsageError:
    return UsageError(f"{name}: {error.strerror or error}")


class Window:
    """An input's bytes as a window that moves over them, block by block.

    Its buffer begins at a page, and so does each block read: the kernel copies into such
    places up to twice as fast. What is kept of a window stands before the next block.

    Args:
        source: what to read, from its present position on.
        block: bytes to read at once.
        keep: the most that will ever be kept of a window; only touched memory is used.

    Attributes:
        view: the window; valid until the next `advance`.
        offset: how many bytes of the input came before the window.
    """

    def __init__(self, source: Input, *, block: int = BLOCK, keep: int = 0) -> None:
        self._source = source
        self._block = block
        self._buffer = memoryview(mmap.mmap(-1, _pages(keep) + block))
        self.view = self._buffer[:0]
        self.offset = 0

    def advance(self, keep: int = 0) -> bool:
        """Read the next block; tell whether there was anything more.

        Args:
            keep: so many bytes at the window's end stay in front of the new ones. They do so
                at the end of the input too.

        Raises:
            UsageError: the input cannot be read.
        """
        self.offset += len(self.view) - keep
        begin = _pages(keep)
        if keep:
            self._buffer[begin - keep : begin] = self.view[len(self.view) - keep :]
        got = self._source.read(self._buffer[begin : begin + self._block])
        self._source.taken += got
        self.view = self._buffer[begin - keep : begin + got]
        return got > 0


def _pages(size: int) -> int:
    """Return a size rounded up to whole pages."""
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
