"""The pipe through which a command's records come, from all of its processes."""

from __future__ import annotations

import os
import struct
import tempfile
import termios
import threading
from collections.abc import Callable, Iterator
from fcntl import ioctl
from pathlib import Path
from select import select
from types import TracebackType
from typing import Self

from .records import lines_of

BLOCK_BYTES = 64 * 1024


class Channel:
    """A named pipe that is read as long as the `with` block lasts.

    It is open for writing here, too, so that it outlives each of its writers. It is read by a
    thread: no writer ever waits for long. What is written after the end of the block is lost.

    Args:
        take: called with each line, in that thread.

    Attributes:
        path: what writers open.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._folder = tempfile.TemporaryDirectory(prefix="observe-")
        self.path = Path(self._folder.name, "log")
        os.mkfifo(self.path, 0o600)
        self._pipe = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.write(self._waker, b".")
        self._thread.join()
        self._folder.cleanup()
        for descriptor in (self._pipe, self._wake, self._waker):
            os.close(descriptor)

    def _read(self) -> None:
        """Read until the end of the block, and then what is there at that time."""
        for line in lines_of(self._blocks()):
            self._take(line)

    def _blocks(self) -> Iterator[bytes]:
        while self._wake not in select([self._pipe, self._wake], [], [])[0]:
            yield self._block(BLOCK_BYTES)
        left = self._waiting()
        while left and (block := self._block(left)):
            left -= len(block)
            yield block

    def _block(self, size: int) -> bytes:
        try:
            return os.read(self._pipe, size)
        except BlockingIOError:  # somebody else has read it
            return b""

    def _waiting(self) -> int:
        """Return how many bytes are in the pipe; whoever is left behind may write for ever."""
        (count,) = struct.unpack("i", ioctl(self._pipe, termios.FIONREAD, bytes(4)))
        return int(count)
