"""Where the last lines or bytes of a file begin: read backwards, and only as far as needed."""

from __future__ import annotations

import os

from .portable import read_at

BLOCK_BYTES = 256 * 1024
"""Read at once. Larger blocks read a cached file no faster by more than a tenth."""

COUNT_PLAINLY_BYTES = 16 * 1024 * 1024
"""Counted before stringzilla is loaded: it counts three times as fast, but takes 12 ms to load."""


SHRINKS = 3
"""How often a file that shrinks while it is read is looked at again."""


class Start:
    """Where a tail starts.

    Args:
        count: how many lines from the end, or which line.
        in_bytes: bytes instead of lines.
        from_start: `count` is the first line or byte to show (1 is the first one of all).
    """

    __slots__ = ("count", "from_start", "in_bytes")

    def __init__(self, count: int, *, in_bytes: bool = False, from_start: bool = False) -> None:
        self.count = count
        self.in_bytes = in_bytes
        self.from_start = from_start


def start_offset(descriptor: int, start: Start) -> int:
    """Return where a tail of a regular file starts, counted from its beginning."""
    for _ in range(SHRINKS):
        end = os.fstat(descriptor).st_size
        if start.in_bytes:
            return (
                min(max(start.count - 1, 0), end) if start.from_start else max(end - start.count, 0)
            )
        if start.from_start:
            return _start_of_line(descriptor, start.count)
        if not start.count:
            return end
        try:
            return start_of_last_lines(descriptor, start.count, 0, end)
        except EOFError:
            continue
    return 0


def _start_of_line(descriptor: int, number: int) -> int:
    skip, offset = number - 1, 0
    while skip > 0 and (block := read_at(descriptor, BLOCK_BYTES, offset)):
        found = block.count(b"\n")
        if found >= skip:
            return offset + nth_last_newline(block, found - skip + 1) + 1
        skip -= found
        offset += len(block)
    return offset


def start_of_last_lines(
    descriptor: int, count: int, first: int, end: int, block_bytes: int = BLOCK_BYTES
) -> int:
    """Return where the last `count` lines (at least 1) of the bytes `first` to `end` begin.

    Raises:
        EOFError: the file is shorter than that.
    """
    wanted, position = count, end
    while position > first:
        size = min(block_bytes, position - first)
        position -= size
        block = read_at(descriptor, size, position)
        if len(block) < size:
            raise EOFError
        if position + size == end and block.endswith(b"\n"):
            wanted += 1  # the last line's own
        found = _count(block, end - position)
        if found >= wanted:
            return position + nth_last_newline(block, wanted) + 1
        wanted -= found
    return first


def _count(block: bytes, seen: int) -> int:
    if seen < COUNT_PLAINLY_BYTES:
        return block.count(b"\n")
    try:
        from stringzilla import count
    except ImportError:
        return block.count(b"\n")
    return int(count(block, b"\n"))


def nth_last_newline(block: bytes, number: int) -> int:
    """Return where the newline is that is `number` (at least 1) from the end, by halving."""
    low, high = 0, len(block)
    while high - low > 1:
        middle = (low + high) // 2
        above = block.count(b"\n", middle, high)
        if above >= number:
            low = middle
        else:
            number, high = number - above, middle
    return low
