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

    What comes is first told apart (`fresh`), and then remembered, if it is taken (`remember`).
    A node whose clock is set back by more than `MARGIN_NS` defeats it: that is found out, and
    told as if the log were broken.

    Args:
        whole: whether it is read from its beginning: else older lines may come again with it.

    Attributes:
        last: the latest stamp; None where nothing was read.
        is_broken: whether the last line was not among those that came again: the log was
            rotated meanwhile, so lines may be missing.
    """

    def __init__(self, *, whole: bool = True) -> None:
        self._is_whole = whole
        self.last: int | None = None
        self.is_broken = False
        self._first: Record | None = None
        self._stamps: deque[int] = deque()
        self._again: Counter[int] | None = None
        self._is_before_first = False
        self._is_new_file = False
        self._is_disordered = False

    def begin_at(self, record: Record) -> None:
        """Know that what comes before a line is not wanted; the line itself is still to come."""
        self._first, self.last = record, record.stamp

    def resume(self) -> str | None:
        """Return the second from which lines have to come again, for `sinceTime`.

        What comes next is taken to come from there; None where nothing was read.
        """
        if self.last is None:
            return None
        since = self._since
        self._again = Counter(one for one in self._stamps if one >= since * NS)
        first = self._first.stamp if self._first else None
        self._is_before_first = first is not None and since * NS <= first
        self.is_broken = False
        return self.since

    @property
    def since(self) -> str:
        """The second from which lines have to come again."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._since))

    @property
    def _since(self) -> int:
        return max((self.last or 0) - MARGIN_NS, 0) // NS

    def turn_over(self) -> None:
        """Know that what comes next is the log of a container started again: a new file.

        What was read is still remembered: some of it may be of that file already.
        """
        self._is_new_file = self._is_whole = True
        self._first = None

    @property
    def is_behind(self) -> bool:
        """Whether the last line has not come again since `resume`."""
        missing = self._again is not None and self._again[self.last or 0] > 0
        return (missing and not self._is_new_file) or self._is_disordered

    def fresh(self, records: Sequence[Record]) -> list[Record]:
        """Return those of the records that were not read before."""
        if self._again is None:
            return list(records)
        return [record for record in records if self._is_new(record)]

    def remember(self, records: Sequence[Record]) -> None:
        """Take records for read."""
        for record in records:
            self._remember(record)
        if records:
            self._is_new_file = False
        self._forget()

    def _is_new(self, record: Record) -> bool:
        again = self._again
        if again is None or record.stamp is None:
            return True
        if self._is_before_first and self._comes_before_first(record, again):
            return False
        self._is_before_first = False
        if again[record.stamp]:
            for stamp in (record.stamp, *record.pieces):
                again[stamp] -= 1
            return False
        self.is_broken = self.is_behind
        self._again = None  # all that was read came again, or is no longer there
        return True

    def _comes_before_first(self, record: Record, again: Counter[int]) -> bool:
        """Tell whether a line is older than what was asked for at first (`--tail`, `--since`)."""
        first = self._first
        if first is None or first.stamp is None or record.stamp is None:
            return False
        if record.stamp == first.stamp:
            whole = record.line == first.line
            return not (whole if first.ended else record.line.startswith(first.line))
        return not again[record.stamp] and record.stamp <= first.stamp + MARGIN_NS

    def _remember(self, record: Record) -> None:
        if record.stamp is None:
            return
        if self._first is None and not self._is_whole:
            self._first = record
        self._stamps += (record.stamp, *record.pieces)
        last = self.last or 0
        self._is_disordered = record.stamp < last - (0 if self._is_disordered else MARGIN_NS)
        self.last = max(self._stamps[-1], last)

    def _forget(self) -> None:
        """Drop stamps that cannot come again."""
        oldest = (self.last or 0) - MARGIN_NS - NS
        while self._stamps and self._stamps[0] < oldest:
            self._stamps.popleft()
