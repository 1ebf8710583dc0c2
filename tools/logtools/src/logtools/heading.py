"""The first lines or bytes of an input, or all but the last; copied, never held but for those."""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress

from toolroll_shared.kernels import count, find, searchable
from toolroll_shared.streams import BLOCK, Window, blocks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolroll_shared.simd import Text
    from toolroll_shared.streams import Input

    Emit = Callable[[Text], object]

_NEWLINE = ord("\n")


def head_lines(
    source: Input, number: int, emit: Emit, *, but_last: bool = False, block: int = BLOCK
) -> None:
    """Copy the first lines; the last of them gets a newline if it has none.

    Args:
        source: what to read; of a file no more than its block that has the last line.
        number: how many.
        emit: takes what is copied.
        but_last: all but so many last lines instead.
        block: bytes to read at once.

    Raises:
        UsageError: the input cannot be read.
    """
    last = _NEWLINE
    for text in (_but_lines if but_last else _first_lines)(source, number, block):
        emit(text)
        last = text[-1]
    if last != _NEWLINE:
        emit(b"\n")


def head_bytes(
    source: Input, number: int, emit: Emit, *, but_last: bool = False, block: int = BLOCK
) -> None:
    """Copy the first bytes, or all but so many last ones; see `head_lines`."""
    for text in (_but_bytes if but_last else _first_bytes)(source, number, block):
        emit(text)


def _first_lines(source: Input, number: int, block: int) -> Iterator[Text]:
    window = Window(source, block=block)
    while number > 0 and window.advance():
        lines = count(window.view, b"\n")
        if lines >= number:
            end = _end_of_line(window.view, number)
            yield window.view[:end]
            _give_back(source, len(window.view) - end)
            return
        yield window.view
        number -= lines


def _end_of_line(view: memoryview, number: int) -> int:
    """Return where a line ends, its newline included; 1 is the first."""
    text, end = searchable(view), 0
    for _ in range(number):
        end = find(text, b"\n", end) + 1 or len(text)
    return end


def _first_bytes(source: Input, number: int, block: int) -> Iterator[Text]:
    window = Window(source, block=block)
    while number > 0 and window.advance():
        yield window.view[:number]
        _give_back(source, max(0, len(window.view) - number))
        number -= len(window.view)


def _give_back(source: Input, unread: int) -> None:
    """Let who reads standard input after us begin where we stopped."""
    if unread and source.descriptor == 0:
        with suppress(OSError):  # a pipe
            os.lseek(0, -unread, os.SEEK_CUR)


def _but_lines(source: Input, number: int, block: int) -> Iterator[Text]:
    """Yield all but the last lines, holding back no more than they and a block."""
    held: deque[bytes] = deque()
    lines = 0
    for text in blocks(source, block=block):
        held.append(text)
        lines += count(text, b"\n")
        while held and lines - count(held[0], b"\n") > number:
            lines -= count(held[0], b"\n")
            yield held.popleft()
    rest = b"".join(held)
    lines += bool(rest) and rest[-1] != _NEWLINE
    if lines > number:
        yield rest[: _end_of_line(memoryview(rest), lines - number)]


def _but_bytes(source: Input, number: int, block: int) -> Iterator[Text]:
    """Yield all but the last bytes, holding back no more than they and a block."""
    held: deque[bytes] = deque()
    size = 0
    for text in blocks(source, block=block):
        held.append(text)
        size += len(text)
        while held and size - len(held[0]) >= number:
            size -= len(held[0])
            yield held.popleft()
    rest = b"".join(held)
    if len(rest) > number:
        yield rest[: len(rest) - number]
