"""Lines of a container's log with the stamps that its node gives them."""

from __future__ import annotations

import re
from calendar import timegm
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from toolroll_shared.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NS = 1_000_000_000

PIECE_BYTES = 16 << 10
"""Longer lines are logged in pieces of this length (containerd: max_container_log_line_size).
Kubelets put a stamp before each of them, also in the middle of the line."""

MAX_LINE_BYTES = 16 << 20
"""Longer lines are refused: a node's log file is rotated at 10 MiB, and what has no line end at
all would fill our memory."""

_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d)) ")


class Record(NamedTuple):
    """A line of a log.

    Attributes:
        stamp: when the node got it, in nanoseconds since 1970; None for what the node itself
            has to say about the log, and for the rest of a line that began before what was
            asked for.
        ts: the stamp as the node wrote it.
        line: without its end.
        ended: whether it has a line end.
        pieces: the stamps of its further pieces.
    """

    stamp: int | None
    ts: bytes
    line: bytes
    ended: bool = True
    pieces: tuple[int, ...] = ()


class TooLong(ToolError):
    """A line that is longer than `MAX_LINE_BYTES`."""


def records_of(blocks: Iterable[bytes]) -> Iterator[list[Record]]:
    """Yield records as they come, those of a block together; one without an end comes last.

    Args:
        blocks: of a log with stamps.

    Raises:
        TooLong: a line has no end within sight.
    """
    start: list[bytes] = []  # of a line whose end has not come yet
    size = 0
    for block in blocks:
        if b"\n" not in block:
            start.append(block)
            size += len(block)
            if size > MAX_LINE_BYTES:
                raise TooLong(f"a line has no end after {MAX_LINE_BYTES >> 20} MiB: is that a log?")
            continue
        *lines, rest = b"".join([*start, block]).split(b"\n")
        start, size = [rest], len(rest)
        yield [record_of(line) for line in lines]
    if rest := b"".join(start):
        yield [record_of(rest)._replace(ended=False)]


def record_of(line: bytes) -> Record:
    """Return what a line with a stamp says."""
    match = _STAMP.match(line)
    stamp = match and _nanoseconds(match)
    if match is None or stamp is None:
        return Record(None, b"", line)
    text = line[match.end() :]
    pieces: tuple[int, ...] = ()
    if len(text) > PIECE_BYTES:
        text, pieces = _joined(text)
    return Record(stamp, match[0][:-1], text, pieces=pieces)


def _joined(text: bytes) -> tuple[bytes, tuple[int, ...]]:
    """Return a long line without the stamps of its further pieces, and those."""
    parts, stamps, start = [], [], 0
    while match := _STAMP.match(text, start + PIECE_BYTES):
        stamp = _nanoseconds(match)
        if stamp is None:
            break
        parts.append(text[start : match.start()])
        stamps.append(stamp)
        start = match.end()
    return b"".join([*parts, text[start:]]), tuple(stamps)


def _nanoseconds(match: re.Match[bytes]) -> int | None:
    """Return a stamp as a number; None where it is no instant, such as one of month 13."""
    try:
        seconds = _seconds(match[1])
    except ValueError:
        return None
    if match[3]:
        offset = int(match[4]) * 3600 + int(match[5]) * 60
        seconds += offset if match[3] == b"-" else -offset
    return seconds * NS + (int(match[2].ljust(9, b"0")) if match[2] else 0)


@lru_cache(maxsize=64)
def _seconds(text: bytes) -> int:
    """Return the seconds since 1970 of `2026-11-22T10:36:58`: many lines share them."""
    numbers = (text[:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19])
    return timegm((*map(int, numbers), 0, 0, 0))
