"""The pipe through which a command's records come, from all of its processes."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from select import select
from types import TracebackType
from typing import Self

from .records import Lines

BLOCK_BYTES = 64 * 1024


class Channel:
    """A named pipe that is read as long as the `with` block lasts.

    It is open for writing here, too, so that it outlives each of its writers. It is read by a
    thread: no writer ever waits for long.

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
        """Read until the end of the block, and then what is still there."""
        lines, ending = Lines(), False
        while True:
            if not ending:
                ready = select([self._pipe, self._wake], [], [])[0]
                ending = self._wake in ready
            try:
                block = os.read(self._pipe, BLOCK_BYTES)
            except BlockingIOError:
                if ending:
                    return
                continue
            for line in lines.split(block):
                self._take(line)
