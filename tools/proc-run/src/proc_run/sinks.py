"""Where output goes on its way to an outlet, or instead: limits, and nowhere."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Sink(Protocol):
        """Takes output."""

        @property
        def descriptor(self) -> int:
            """What to wait for when nothing was taken."""

        def take(self, block: memoryview) -> int:
            """Take what can be taken at once, and return how many bytes that were."""


class Nowhere:
    """Where output goes that nobody is to see."""

    descriptor = -1

    def take(self, block: memoryview) -> int:
        """Take it all."""
        return len(block)


class Allowance:
    """How many bytes of output may still pass, on all streams together.

    Attributes:
        dropped: how many did not.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self.dropped = 0

    def of(self, wanted: int) -> int:
        """Return how many of so many bytes may pass."""
        return min(wanted, self._left)

    def use(self, size: int) -> None:
        """Count what passed."""
        self._left -= size

    def drop(self, size: int) -> None:
        """Count what did not."""
        self.dropped += size


class Capped:
    """A sink that drops what is beyond an allowance."""

    def __init__(self, sink: Sink, allowance: Allowance) -> None:
        self._sink = sink
        self._allowance = allowance

    @property
    def descriptor(self) -> int:
        """The sink's."""
        return self._sink.descriptor

    def take(self, block: memoryview) -> int:
        """Take it all once nothing may pass any more."""
        allowed = self._allowance.of(len(block))
        if not allowed:
            self._allowance.drop(len(block))
            return len(block)
        taken = self._sink.take(block[:allowed])
        self._allowance.use(taken)
        return taken
