"""Output that is held back until it is known whether anybody has to see it."""

from __future__ import annotations

import os
from collections import deque

from .outlets import wait_for_reader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

    from .hearing import Hearing
    from .sinks import Sink

IN_MEMORY = 1024 * 1024
"""Bytes of output that are held back in memory; what is more goes to a temporary file."""

AT_ONCE = 64 * 1024
"""Bytes that are read again at once."""


class Held:
    """Output of several streams, held back in the order in which it came.

    Once it cannot be held back any more, because a disk is full, it is let go; nothing waits
    for who reads it.

    Args:
        sinks: where each stream's output goes when it is let go, by the stream's number.
        say: told why output cannot be held back any longer.
    """

    def __init__(self, sinks: Mapping[int, Sink], say: Callable[[str], None]) -> None:
        self._sinks = sinks
        self._say = say
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._gone = 0
        self._pieces: deque[tuple[int, int]] = deque()
        self._failures: dict[int, OSError] = {}
        self._is_holding = True

    def sink(self, stream: int) -> HeldStream:
        """Return where a stream's output goes."""
        return HeldStream(self, stream)

    def hold(self, stream: int, block: memoryview) -> bool:
        """Hold a block back, if that can be."""
        if self._is_holding:
            try:
                self._keep(block)
            except OSError as error:
                self._is_holding = False
                self._say(f"output could not be held back any longer: {error.strerror}")
            else:
                self._count(stream, len(block))
        return self._is_holding

    def put(self, stream: int, block: memoryview) -> int:
        """Take a block: hold it back or, when all that was is gone, pass it on.

        Raises:
            OSError: the stream's output could not be written.
        """
        if self.hold(stream, block):
            return len(block)
        if not self._pour_what_can_be():
            return 0
        if stream in self._failures:
            raise self._failures[stream]
        return self._sinks[stream].take(block)

    def descriptor(self, stream: int) -> int:
        """Return what a stream waits for that nothing was taken of."""
        first = self._pieces[0][0] if self._pieces else stream
        return self._sinks[first].descriptor

    def _keep(self, block: memoryview) -> None:
        if self._file is None and self._size + len(block) > IN_MEMORY:
            self._spill()
        if self._file is None:
            self._memory += block
        else:
            _write_at(self._file.fileno(), block, self._size)
        self._size += len(block)

    def _spill(self) -> None:
        import tempfile

        file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `forget` closes it
        _write_at(file.fileno(), memoryview(bytes(self._memory)), 0)
        self._file = file
        self._memory.clear()

    def _count(self, stream: int, size: int) -> None:
        if self._pieces and self._pieces[-1][0] == stream:
            size += self._pieces.pop()[1]
        self._pieces.append((stream, size))

    def let_go(self, hearing: Hearing) -> None:
        """Write what was held back, waiting for who reads it, unless a signal wants an end.

        Raises:
            OSError: some of it cannot be written.
        """
        self._is_holding = False
        while not self._pour_what_can_be():
            if not wait_for_reader(self.descriptor(self._pieces[0][0]), hearing):
                return
        for failure in self._failures.values():
            if not isinstance(failure, BrokenPipeError):
                raise failure

    def _pour_what_can_be(self) -> bool:
        """Write what can be written at once of what was held back; tell whether that was all."""
        while self._pieces:
            stream, size = self._pieces.popleft()
            taken = size
            if stream not in self._failures:  # the other stream may take its own still
                taken = self._pour(stream, self._read(self._gone, min(AT_ONCE, size)))
            self._gone += taken
            if taken < size:
                self._pieces.appendleft((stream, size - taken))
            if not taken:
                return False
        self.forget()
        return True

    def _pour(self, stream: int, block: memoryview) -> int:
        try:
            return self._sinks[stream].take(block)
        except OSError as error:
            self._failures[stream] = error
            return len(block)

    def _read(self, start: int, size: int) -> memoryview:
        if self._file is None:
            return memoryview(bytes(self._memory[start : start + size]))
        return memoryview(os.pread(self._file.fileno(), size, start))

    def forget(self) -> None:
        """Drop what is held back."""
        self._pieces.clear()
        self._memory.clear()
        self._size = self._gone = 0
        if self._file is not None:
            self._file.close()
            self._file = None


class HeldStream:
    """The sink of a stream that is held back."""

    def __init__(self, held: Held, stream: int) -> None:
        self._held = held
        self._stream = stream

    @property
    def descriptor(self) -> int:
        """Of the sink behind, for what is not held back any more."""
        return self._held.descriptor(self._stream)

    def take(self, block: memoryview) -> int:
        """Hold it back."""
        return self._held.put(self._stream, block)


def _write_at(descriptor: int, block: memoryview, place: int) -> None:
    while block:
        written = os.pwrite(descriptor, block, place)
        block, place = block[written:], place + written
