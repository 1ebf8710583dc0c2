"""Whether a watch gets on: a server that is there, and tells nothing, is left alone for a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from toolroll_shared.retry import Backoff

from .outages import Outage, jitter

if TYPE_CHECKING:
    from collections.abc import Callable

LASTING_S = 10.0
"""A watch that was open for so long did its work, even if there was nothing to tell."""

_BACKOFF = Backoff(first=0.2, cap=5.0)


class Progress:
    """What became of the watches so far; each is open while this is entered.

    Args:
        clock: monotonic seconds.
        sleep: waits.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.outage = Outage(clock=clock, sleep=sleep)
        self._clock = clock
        self._sleep = sleep
        self._begun = 0.0
        self._empty = 0

    def __enter__(self) -> None:
        self._begun = self._clock()

    def __exit__(self, *_: object) -> None:
        if self._clock() - self._begun >= LASTING_S:
            self.made()

    def made(self) -> None:
        """Forget what went wrong: something came."""
        self.outage.over()
        self._empty = 0

    def rest(self) -> None:
        """Wait before the next watch if the last ones ended at once, with nothing told."""
        if self._empty:
            self._sleep(_BACKOFF.wait(self._empty, after=None, random=jitter))
        self._empty += 1
