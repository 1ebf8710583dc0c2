"""A limit for all bodies together: each block is paid for before it is taken.

Who has to wait stands in a line for its next block, so that all share alike, however much each
of them is sent. What waits does so at the server: nothing is read from its socket meanwhile.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

SAVED_S = 0.25
"""That many seconds' worth are saved up at most while nobody wants it: enough for an event loop
that is late, and no burst to speak of."""

TICK_S = 0.005
"""Nobody is let go on sooner than that: one by one would take longer than their blocks do."""

MOST, LEAST = 16 * 1024, 1024
"""Bytes of a block, between what libcurl hands over at once and what it can be told to read; of
HTTP/2 it may hand over the most in any case."""

BLOCKS_PER_S = 16
"""Smaller blocks where the rate is low: nobody should wait for seconds for a turn."""


class Body(Protocol):
    """Whoever takes blocks."""

    def go_on(self) -> None:
        """Ask for the block again that was not admitted."""


def block_size(per_second: float) -> int:
    """Return how much should be read at once under a limit."""
    return int(min(MOST, max(LEAST, per_second / BLOCKS_PER_S)))


class Rate:
    """What may be taken in all.

    Args:
        per_second: bytes.
        call_later: as the event loop has it.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        per_second: float,
        *,
        call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_second
        self._call_later = call_later
        self._clock = clock
        self._saved = 0.0
        self._saved_at = clock()
        self._line: OrderedDict[Body, int] = OrderedDict()
        self._paid: dict[Body, int] = {}
        self._timer: asyncio.TimerHandle | None = None

    def admits(self, body: Body, size: int) -> bool:
        """Tell whether a block may be taken now; if not, its body is told when to ask again."""
        self._save()
        paid = self._paid.pop(body, None)
        self._saved += paid or 0
        is_first = paid is not None or not self._line
        if is_first and size <= self._saved:
            self._saved -= size
            return True
        self._line[body] = size
        if is_first:
            self._line.move_to_end(body, last=False)
        if self._timer is None:
            self._wake_later()
        return False

    def leave(self, body: Body) -> None:
        """Hear that a body has ended, whether it was waiting or not."""
        paid, waiting = self._paid.pop(body, 0), self._line.pop(body, 0)
        if paid or waiting:
            self._save()
            self._saved += paid
            self._wake_later()

    def close(self) -> None:
        """Let nobody go on any more."""
        self._line.clear()
        self._wake_later()

    def _save(self) -> None:
        """Add what time has brought; who is first in the line may save up for a whole block."""
        now = self._clock()
        needed = next(iter(self._line.values()), 0)
        most = max(self._per_second * SAVED_S, needed)
        brought = (now - self._saved_at) * self._per_second
        self._saved, self._saved_at = min(self._saved + brought, most), now

    def _wake_later(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._line:
            missing = next(iter(self._line.values())) - self._saved
            delay = max(TICK_S, missing / self._per_second)
            self._timer = self._call_later(delay, self._serve)

    def _serve(self) -> None:
        """Let those go on, in their order, for whose blocks there is enough."""
        self._save()
        try:
            while self._line:
                body, size = next(iter(self._line.items()))
                if size > self._saved:
                    break
                del self._line[body]
                self._saved -= size
                self._paid[body] = size
                body.go_on()
        finally:
            self._wake_later()
