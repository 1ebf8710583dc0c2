"""How long to go on trying when a cluster that we could read from is gone."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from toolroll_shared.errors import Refused, ToolError, TryLater, Unreachable
from toolroll_shared.retry import Backoff

from .troubles import Gone

if TYPE_CHECKING:
    from collections.abc import Callable

GIVE_UP_S = 300.0
"""Without any answer: an API server that is replaced is back by then."""

REFUSED_S = 30.0
"""With refusals only: a server that has just started does not know its users yet."""

_BACKOFF = Backoff(first=0.2, cap=5.0)

jitter = random.Random().random  # noqa: S311 - it decides about waits
"""Uniform in [0, 1); of our own, so that threads leave the order of `random` to who has set it."""


class Outage:
    """Failures in a row.

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
        self._clock = clock
        self._sleep = sleep
        self._since = 0.0
        self._failures = 0

    def over(self) -> None:
        """Forget the failures: something came."""
        self._failures = 0

    def bear(self, error: ToolError) -> None:
        """Wait before the next try.

        Raises:
            ToolError: the same one, where trying again is of no use, or no longer.
        """
        if not self._failures:
            self._since = self._clock()
        patience = REFUSED_S if isinstance(error, Refused) else GIVE_UP_S
        passing = isinstance(error, (Unreachable, TryLater, Refused)) and not isinstance(
            error, Gone
        )
        if not passing or self._clock() - self._since > patience:
            raise error
        if self._failures:  # the first try again comes at once
            self._sleep(_BACKOFF.wait(self._failures, after=None, random=jitter))
        self._failures += 1
