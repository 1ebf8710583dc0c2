"""Which lines of a log were read already, so that reading it again goes on where it was cut.

A server can be asked for lines since a second, not since a line. So what comes again is told
by its stamps: a log has them in the order of its lines, or nearly (what a container writes to
stdout and to stderr may change places), and several lines may have the same.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import TYPE_CHECKING

from .records import NS, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

MARGIN_NS = NS // 10
"""Lines may be this much out of the order of their stamps."""


class Seen:
    """The lines of one container's log that were read.

    Attributes:
        last: the latest stamp; None where nothing was read.
        is_broken: whether the last line was not among those that came again: the log was
            rotated meanwhile, so lines may be missing.
    """

    def __init__(self) -> None:
        self.last: int | None = None
        self.is_broken = False
        self._first: Record | None = None
        self._stamps: deque[int] = deque()
        self._again: Counter[int] | None = None
        self._is_before_first = False

    def resume(self) -> str | None:
        """Return the second from which lines have to come again, for `sinceTime`.

        What comes next is taken to come from there; None where nothing was read.
        """
        if self.last is None:
            return None
        since = (self.last - MARGIN_NS) // NS
        self._again = Counter(one for one in self._stamps if one >= since * NS)
        self._is_before_first = bool(self._first and since * NS <= (self._first.stamp or 0))
        self.is_broken = False
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))

    def turn_over(self) -> None:
        """Know that what comes next is the log of a container started again: a new file."""
        self._stamps.clear()
        self._first = None

    def fresh(self, records: Sequence[Record]) -> list[Record]:
        """Return those of the records that were not read before, and remember them."""
        if self._again is None:
            new = list(records)
        else:
            new = [record for record in records if self._is_new(record)]
        for record in new:
            self._remember(record)
        self._forget()
        return new

    def _is_new(self, record: Record) -> bool:
        again = self._again
        if again is None or record.stamp is None:
            return True
        if self._is_before_first and self._comes_before_first(record):
            return False
        if again[record.stamp]:
            self._is_before_first = False
            for stamp in (record.stamp, *record.pieces):
                again[stamp] -= 1
            return False
        self._again = None  # all that was read came again, or is no longer there
        self.is_broken = again[self.last or 0] > 0
        return True

    def _comes_before_first(self, record: Record) -> bool:
        """Tell whether a line is older than what was asked for at first (`--tail`, `--since`)."""
        first, stamp = self._first, record.stamp
        if first is None or first.stamp is None or stamp is None or stamp > first.stamp:
            return False
        return stamp < first.stamp or record.line != first.line

    def _remember(self, record: Record) -> None:
        if record.stamp is None:
            return
        if self._first is None:
            self._first = record
        self._stamps += (record.stamp, *record.pieces)
        self.last = max(self._stamps[-1], self.last or 0)

    def _forget(self) -> None:
        """Drop stamps that cannot come again."""
        oldest = (self.last or 0) - MARGIN_NS - NS
        while self._stamps and self._stamps[0] < oldest:
            self._stamps.popleft()
