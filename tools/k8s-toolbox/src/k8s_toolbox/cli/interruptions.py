"""Watches that are cut off: each reason is said once, however often it is tried again."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from toolroll_shared.output import oneline

from .cluster import say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from k8s_toolbox.lists import Lost
    from k8s_toolbox.queries import Query
    from toolroll_shared.logs import Log


class Interruptions:
    """What was said of them.

    Args:
        log: for a record of each.
        path: what is watched.

    Attributes:
        number: how many there were.
    """

    def __init__(self, log: Log, path: str) -> None:
        self.number = 0
        self._log = log
        self._path = path
        self._last = ""
        self._since: float | None = None

    def tell(self, lost: Lost) -> None:
        """Say that a watch was cut off, if that is news."""
        if lost.why != self._last:
            say(f"{oneline(lost.why)}; going on")
        self._last = lost.why
        if self._since is None:
            self._since = time.monotonic()

    def over(self) -> None:
        """Forget it: something came."""
        self._last = ""
        if self._since is not None:
            self.number += 1
            self._log.record("reconnect", self._path, duration_s=time.monotonic() - self._since)
            self._since = None


@contextmanager
def watching(log: Log, query: Query) -> Iterator[Interruptions]:
    """Record a watch, and yield what its interruptions are told to."""
    interruptions = Interruptions(log, query.path)
    with log.action("watch", query.path) as fields:
        try:
            yield interruptions
        finally:
            fields["reconnects"] = interruptions.number
