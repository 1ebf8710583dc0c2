"""What is to happen when, unless something else happens first."""

from __future__ import annotations

import math
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Act = Callable[[], None]


class Agenda:
    """Acts, each with the moment when it is due; each is there once at most.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[Act, float] = {}

    def __contains__(self, act: Act) -> bool:
        return act in self._due

    def plan(self, act: Act, seconds: float | None) -> None:
        """Let an act be due in so many seconds, and not when it was before; None: never."""
        if seconds is None:
            self.cancel(act)
        else:
            self._due[act] = self._clock() + seconds

    def cancel(self, *acts: Act) -> None:
        """Let acts never be due, whether they were planned or not."""
        for act in acts:
            self._due.pop(act, None)

    @property
    def seconds(self) -> float:
        """Seconds until something is due."""
        return min(self._due.values(), default=math.inf) - self._clock()

    def do_what_is_due(self) -> None:
        """Do it; an act that an earlier one cancels or puts off is not done."""
        now = self._clock()
        for act in sorted(self._due, key=self._due.__getitem__):
            if self._due.get(act, math.inf) <= now:
                del self._due[act]
                act()
