"""The last lines or bytes of a descriptor, or all from a line or byte on.

A file is read backwards from its end, and only as far as needed. A pipe is read to its end,
and only what may still be wanted is kept. Nothing here follows; see `following`.
"""

from __future__ import annotations

import os
import stat

from toolroll_shared.streams import Input, blocks

from .cutting import MAX_LINE_BYTES, Lines
from .portable import read_into_at
from .starting import BLOCK_BYTES, SHRINKS, nth_last_newline, start_of_last_lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from .cutting import Piece
    from .starting import Start

    Emit: TypeAlias = Callable[[Piece], object]


def tail(source: Input, start: Start, *, emit: Emit, max_line_bytes: int = MAX_LINE_BYTES) -> None:
    """Emit from where `start` says to the end: whole lines, or with `in_bytes` exactly the bytes.

    Args:
        source: what to read; if that is more than its descriptor, it is read as a pipe.
        start: from where on.
        emit: takes each piece, which may change after it returns.
        max_line_bytes: see `tail_lines`.

    Raises:
        UsageError: it cannot be read.
        OSError: likewise; or whatever `emit` raises.
    """
    if type(source).read is not Input.read:
        _tail_blocks(blocks(source), start, emit, max_line_bytes)
    elif start.in_bytes and start.from_start:
        tail_bytes_from(source.descriptor, start.count, emit=emit)
    elif start.in_bytes:
        tail_bytes(source.descriptor, start.count, emit=emit)
    elif start.from_start:
        tail_lines_from(source.descriptor, start.count, emit=emit)
    else:
        tail_lines(source.descriptor, start.count, emit=emit, max_line_bytes=max_line_bytes)


def _tail_blocks(texts: Iterator[bytes], start: Start, emit: Emit, max_line_bytes: int) -> None:
    if start.in_bytes and start.from_start:
        _emit_bytes_from(texts, start.count, emit)
    elif start.from_start:
        _emit_lines_from(texts, start.count, emit)
    elif start.count:
        last = (
            _last_bytes(texts, start.count)
            if start.in_bytes
            else _last_lines(texts, start.count, max_line_bytes)
        )
        for piece in last:
            emit(piece)


def tail_lines(
    descriptor: int,
    count: int,
    *,
    emit: Emit,
    max_line_bytes: int = MAX_LINE_BYTES,
    block_bytes: int = BLOCK_BYTES,
) -> None:
    """Emit the last `count` lines from the present position on; the last one gets its newline.

    Args:
        descriptor: a file, a pipe, a terminal, ...
        count: how many lines; none for 0.
        emit: takes each piece, which may change after it returns.
        max_line_bytes: cut longer lines of a pipe, since they are held in memory; those of a
            file are only copied.
        block_bytes: how much is read at once.

    Raises:
        OSError: it cannot be read; or whatever `emit` raises.
    """
    if not count:
        return
    last = LastByte(emit)
    for _ in range(SHRINKS):
        first, end = _span(descriptor)
        if end - first <= block_bytes:  # also those of /proc and /sys, which do not know their size
            break
        try:
            start = start_of_last_lines(descriptor, count, first, end, block_bytes)
        except EOFError:
            continue
        copy(descriptor, start, end, emit=last, block_bytes=block_bytes)
        last.finish()
        return
    for piece in _last_lines(_blocks(descriptor, block_bytes), count, max_line_bytes):
        emit(piece)


def tail_lines_from(
    descriptor: int, number: int, *, emit: Emit, block_bytes: int = BLOCK_BYTES
) -> None:
    """Emit all from line `number` on (the first is 1); the last line gets its newline.

    Raises:
        OSError: it cannot be read; or whatever `emit` raises.
    """
    _emit_lines_from(_blocks(descriptor, block_bytes), number, emit)


def _emit_lines_from(texts: Iterator[bytes], number: int, emit: Emit) -> None:
    last = LastByte(emit)
    skip = max(number - 1, 0)
    for block in texts:
        if not skip:
            last(block)
            continue
        found = block.count(b"\n")
        if found < skip:
            skip -= found
            continue
        start = nth_last_newline(block, found - skip + 1) + 1
        skip = 0
        if start < len(block):
            last(block[start:])
    last.finish()


def tail_bytes(descriptor: int, count: int, *, emit: Emit, block_bytes: int = BLOCK_BYTES) -> None:
    """Emit exactly the last `count` bytes from the present position on.

    Raises:
        OSError: it cannot be read; or whatever `emit` raises.
    """
    if not count:
        return
    first, end = _span(descriptor)
    if end - first > block_bytes:
        copy(descriptor, max(first, end - count), end, emit=emit, block_bytes=block_bytes)
        return
    for piece in _last_bytes(_blocks(descriptor, block_bytes), count):
        emit(piece)


def tail_bytes_from(
    descriptor: int, number: int, *, emit: Emit, block_bytes: int = BLOCK_BYTES
) -> None:
    """Emit exactly the bytes from number `number` on (the first is 1).

    Raises:
        OSError: it cannot be read; or whatever `emit` raises.
    """
    skip = max(number - 1, 0)
    first, end = _span(descriptor)
    if end - first > skip:
        os.lseek(descriptor, skip, os.SEEK_CUR)
        skip = 0
    _emit_bytes_from(_blocks(descriptor, block_bytes), skip + 1, emit)


def _emit_bytes_from(texts: Iterator[bytes], number: int, emit: Emit) -> None:
    skip = max(number - 1, 0)
    for block in texts:
        if skip < len(block):
            emit(block[skip:] if skip else block)
        skip = max(skip - len(block), 0)


def copy(
    descriptor: int, start: int, end: int, *, emit: Emit, block_bytes: int = BLOCK_BYTES
) -> None:
    """Emit the bytes `start` to `end` of a file, or as many as are left of them."""
    buffer = memoryview(bytearray(min(block_bytes, max(end - start, 1))))
    while start < end:
        size = read_into_at(descriptor, buffer[: end - start], start)
        if not size:
            break
        emit(buffer[:size])
        start += size
    os.lseek(descriptor, start, os.SEEK_SET)  # who shares the descriptor goes on behind it


class LastByte:
    """Passes pieces on to `emit`, and adds a newline at the end where one is missing."""

    __slots__ = ("_emit", "_last")

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._last = ord("\n")

    def __call__(self, piece: Piece) -> None:
        """Pass on a piece, which is not empty."""
        self._last = piece[-1]
        self._emit(piece)

    def finish(self) -> None:
        """End the last line, unless it ended by itself."""
        if self._last != ord("\n"):
            self._emit(b"\n")


def _span(descriptor: int) -> tuple[int, int]:
    """Return where a file's unread bytes begin and end; nothing where that is not known."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return 0, 0
    return os.lseek(descriptor, 0, os.SEEK_CUR), status.st_size


def _blocks(descriptor: int, size: int) -> Iterator[bytes]:
    while True:
        try:
            block = os.read(descriptor, size)
        except BlockingIOError:  # somebody else made it so
            import select

            select.select([descriptor], [], [])
            continue
        if not block:
            return
        yield block


def _last_lines(texts: Iterator[bytes], count: int, max_line_bytes: int) -> Iterator[Piece]:
    """Yield the last lines of a stream, holding only blocks that have some of them."""
    from collections import deque

    lines = Lines(max_line_bytes)
    ring: deque[tuple[bytes | bytearray, int]] = deque()
    held = 0
    for block in texts:
        held = _hold(ring, lines.whole(block), held, count)
    held = _hold(ring, lines.rest(), held, count)
    while ring:
        piece, found = ring.popleft()
        if held > count:  # only in the first one
            piece = piece[nth_last_newline(bytes(piece), found - held + count + 1) + 1 :]
            held = count
        yield piece


def _hold(
    ring: deque[tuple[bytes | bytearray, int]], pieces: list[Piece], held: int, count: int
) -> int:
    """Put pieces at the ring's end, drop what is behind the last lines; return how many it has."""
    for piece in pieces:
        own = piece if isinstance(piece, bytearray) else bytes(piece)
        found = own.count(b"\n")
        ring.append((own, found))
        held += found
        while held - ring[0][1] >= count:
            held -= ring.popleft()[1]
    return held


def _last_bytes(texts: Iterator[bytes], count: int) -> Iterator[Piece]:
    kept = bytearray()
    for block in texts:
        kept += block
        del kept[: max(len(kept) - count, 0)]
    if kept:
        yield kept
