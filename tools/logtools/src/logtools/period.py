"""The lines of a log that were written within a period.

A file is bisected, so its stamps must be in order (a few lines at the borders that are not may be
missed); a stream is filtered. A line without a stamp belongs to the one before.
"""

from __future__ import annotations

import os
import stat

from toolroll_shared.errors import UsageError
from toolroll_shared.streams import Input

from .compressed import Decompressed
from .lines import pieces_of
from .portable import read_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from toolroll_shared.simd import Text

    from .stamps import Stamps

_LOOK = 64 * 1024  # bytes read at once where a file is bisected; no longer line has its stamp read


class Period:
    """From one moment to another, both within it.

    Args:
        since: its first moment; None: from the beginning.
        until: its last moment; None: to the end.
    """

    def __init__(self, since: datetime | None, until: datetime | None) -> None:
        self.since = since
        self.until = until

    def has(self, moment: datetime) -> bool:
        """Tell whether a moment is within it."""
        return (self.since is None or moment >= self.since) and not self.is_over(moment)

    def is_over(self, moment: datetime) -> bool:
        """Tell whether a moment is after it."""
        return self.until is not None and moment > self.until

    def is_on(self, moment: datetime) -> bool:
        """Tell whether a moment is not before it."""
        return self.since is None or moment >= self.since


def within(source: Input, period: Period, stamps: Stamps) -> Input:
    """Return an input that has the period's lines only.

    Raises:
        UsageError: no line of a file has a stamp; or the input cannot be read.
    """
    status = os.fstat(source.descriptor)
    if isinstance(source, Decompressed) or not stat.S_ISREG(status.st_mode) or not status.st_size:
        return _Filtered(source, period, stamps)
    log = _Log(source, status.st_size, stamps)
    here = os.lseek(source.descriptor, 0, os.SEEK_CUR)
    if log.stamped(here, status.st_size) is None:
        raise UsageError(f"{source.name}: no line begins with a time that is understood")
    start = log.first(period.is_on, here) if period.since else here
    end = log.first(period.is_over, start) if period.until else None
    os.lseek(source.descriptor, start, os.SEEK_SET)
    return source if end is None else _Bounded(source, end - start)


class _Bounded(Input):
    """An input's next bytes, so many and no more."""

    def __init__(self, source: Input, size: int) -> None:
        super().__init__(source.descriptor, source.name)
        self._left = size

    def read(self, into: memoryview) -> int:
        got = super().read(into[: self._left]) if self._left else 0
        self._left -= got
        return got


class _Filtered(Input):
    """The lines of a stream that are within a period."""

    def __init__(self, source: Input, period: Period, stamps: Stamps) -> None:
        super().__init__(source.descriptor, source.name)
        self._texts = self._filter(source, period, stamps)
        self._rest = memoryview(b"")

    @staticmethod
    def _filter(source: Input, period: Period, stamps: Stamps) -> Iterator[bytes]:
        inside = period.since is None
        for piece in pieces_of(source):
            found = []
            for line in _split(piece.view):
                moment = None if piece.begun else stamps.of(line)
                inside = inside if moment is None else period.has(moment)
                if inside:
                    found.append(line)
            if found:
                yield b"".join(found)

    def read(self, into: memoryview) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._texts, b""))
        got = min(len(into), len(self._rest))
        into[:got] = self._rest[:got]
        self._rest = self._rest[got:]
        return got


def _split(view: Text) -> list[bytes]:
    """Return lines with their newlines."""
    lines = bytes(view).split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


class _Log:
    """A file whose lines are in order."""

    def __init__(self, source: Input, size: int, stamps: Stamps) -> None:
        self._source = source
        self._size = size
        self._stamps = stamps

    def first(self, holds: Callable[[datetime], bool], low: int) -> int:
        """Return where the first line begins whose stamp it holds for, or the size.

        Args:
            holds: false up to some moment, and true from then on.
            low: where to begin: at a line's beginning.
        """
        high = self._size
        while low < high:
            middle = (low + high) // 2
            found = self.stamped(middle, high)
            if found is None or holds(found[1]):
                high = middle
            else:
                low = found[0] + 1
        found = self.stamped(low, self._size)
        return self._size if found is None else found[0]

    def stamped(self, low: int, high: int) -> tuple[int, datetime] | None:
        """Return the first line with a stamp that begins at `low` or later, before `high`."""
        start = self._line_start(low)
        while start is not None and start < high:
            text = self._read(start)
            for line in text.split(b"\n")[: max(1, text.count(b"\n"))]:
                if start >= high:
                    return None
                moment = self._stamps.of(line)
                if moment is not None:
                    return start, moment
                start += len(line) + 1
            if b"\n" not in text:
                start = self._line_start(start)
        return None

    def _line_start(self, offset: int) -> int | None:
        """Return where the first line begins that begins at an offset or later."""
        at = offset - 1
        if at < 0:
            return 0
        while block := self._read(at):
            if (newline := block.find(b"\n")) >= 0:
                return at + newline + 1
            at += len(block)
        return None

    def _read(self, offset: int) -> bytes:
        try:
            return read_at(self._source.descriptor, _LOOK, offset)
        except OSError as error:
            raise UsageError(f"{self._source.name}: {error.strerror}") from error
