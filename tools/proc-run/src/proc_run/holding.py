"""Output that is held back until it is known whether anybody has to see it."""

from __future__ import annotations

import os

from .outlets import pour
from .sinks import Nowhere

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import IO

    from .hearing import Hearing
    from .sinks import Sink

IN_MEMORY = 1024 * 1024
"""Bytes of output that are held back in memory; what is more goes to a temporary file."""

AT_ONCE = 64 * 1024
"""Bytes that are read again at once."""


class Held:
    """Output of several streams, held back in the order in which it came.

    Args:
        sinks: where each stream's output goes when it is let go, by the stream's number.
        say: told why output cannot be held back any longer.

    Attributes:
        is_holding: whether it still can.
    """

    def __init__(self, sinks: Mapping[int, Sink], say: Callable[[str], None]) -> None:
        self._sinks = sinks
        self._say = say
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._size = 0
        self._pieces: list[tuple[int, int]] = []
        self.is_holding = True

    def sink(self, stream: int) -> HeldStream:
        """Return where a stream's output goes."""
        return HeldStream(self, stream, self._sinks[stream])

    def put(self, stream: int, block: memoryview) -> int:
        """Hold a block back; once that cannot be, everything is let go and passes."""
        if self.is_holding:
            try:
                self._keep(block)
            except OSError as error:
                self.let_go()
                self._say(f"output could not be held back any longer: {error.strerror}")
            else:
                self._count(stream, len(block))
                return len(block)
        return self._sinks[stream].take(block)

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

    def let_go(self, hearing: Hearing | None = None) -> bool:
        """Write what was held back, waiting for who reads it; what comes later passes.

        Args:
            hearing: a signal that wants an end is heeded while nobody reads.

        Returns:
            whether all was written that somebody wants to read.

        Raises:
            OSError: it cannot be written.
        """
        self.is_holding = False
        for stream, block in self._blocks():
            try:
                if not pour(block, self._sinks[stream], hearing):
                    return False
            except BrokenPipeError:  # the other stream may have a reader still
                self._sinks = {**self._sinks, stream: Nowhere()}
        self.forget()
        return True

    def _blocks(self) -> Iterator[tuple[int, memoryview]]:
        place = 0
        for stream, size in self._pieces:
            for start in range(place, place + size, AT_ONCE):
                yield stream, self._read(start, min(AT_ONCE, place + size - start))
            place += size

    def _read(self, start: int, size: int) -> memoryview:
        if self._file is None:
            return memoryview(bytes(self._memory[start : start + size]))
        return memoryview(os.pread(self._file.fileno(), size, start))

    def forget(self) -> None:
        """Drop what is held back."""
        self._pieces.clear()
        self._memory.clear()
        self._size = 0
        if self._file is not None:
            self._file.close()
            self._file = None


class HeldStream:
    """The sink of a stream that is held back."""

    def __init__(self, held: Held, stream: int, sink: Sink) -> None:
        self._held = held
        self._stream = stream
        self._sink = sink

    @property
    def descriptor(self) -> int:
        """Of the sink behind, for what is not held back any more."""
        return self._sink.descriptor

    def take(self, block: memoryview) -> int:
        """Hold it back."""
        return self._held.put(self._stream, block)


def _write_at(descriptor: int, block: memoryview, place: int) -> None:
    while block:
        written = os.pwrite(descriptor, block, place)
        block, place = block[written:], place + written
