"""Records and reports as people read them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from toolroll_shared.output import human_size, printable

from .records import TOO_LONG
from .reports import Row

HEADER = ("tool", "action", "count", "failed", "p50", "p95", "p99", "bytes")
NUMBERS = frozenset({"count", "failed", "p50", "p95", "p99", "bytes"})
BAR_LENGTH = 20
MIN_BAR_LENGTH = 3
"""A shorter one tells nothing."""

_GAP = 2
"""Columns between two cells of a table."""

_RED, _GREEN, _DIM, _BOLD, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[1m", "\x1b[0m"
_HEAD = ("ts", "level", "tool", "action", "target", "duration_ms", "ok", "request_id")
_MINUTE_S = 60.0
_HOUR_S = 3600.0


def record_text(line: bytes, *, colour: bool) -> str:
    """Return a record as one line; what is none comes as it is, with a mark."""
    if line == TOO_LONG:
        return "? (too long for a record)"
    try:
        record = json.loads(line)
        head = {name: record.pop(name) for name in _HEAD}
        took = human_duration(float(head["duration_ms"]) / 1000)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return f"? {printable(line.decode(errors='backslashreplace'))}"
    mark = _painted("ok    ", _GREEN, colour) if head["ok"] else _painted("FAILED", _RED, colour)
    rest = " ".join(f"{_text(name)}={_text(value)}" for name, value in record.items())
    words = [
        _painted(_text(head["ts"]), _DIM, colour),
        mark,
        _painted(f"{_text(head['tool'])} {_text(head['action'])}", _BOLD, colour),
        _text(head["target"]),
        took,
        _painted(rest, _DIM, colour),
        _painted(_text(head["request_id"]), _DIM, colour),
    ]
    return " ".join(word for word in words if word)


def _painted(text: str, colour: str, wanted: bool) -> str:  # noqa: FBT001 - a word of ours
    return f"{colour}{text}{_PLAIN}" if wanted and text else text


def _text(value: Any) -> str:
    return printable(value if isinstance(value, str) else json.dumps(value))


def human_duration(seconds: float) -> str:
    """Return a duration as people read it: `0.3 ms`, `1.5 s`, `2.5 min`, `7.1 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms"
    if seconds < _MINUTE_S:
        return f"{seconds:.2f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.1f} min"
    return f"{seconds / _HOUR_S:.1f} h"


def terminal_rows(rows: Sequence[Row], *, columns: int) -> list[list[str]]:
    """Return a report's rows for a terminal, each with a bar: how many there are of it.

    Args:
        rows: of the report.
        columns: of the terminal; the bars take what the rest leaves, or are left out.
    """
    found = [_cells(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(HEADER, *found, strict=False)]
    length = min(BAR_LENGTH, columns - sum(widths) - len(widths) * _GAP)
    if length < MIN_BAR_LENGTH:
        return found
    most = max(row.count for row in rows)
    return [[*cells, _bar(row, most, length)] for cells, row in zip(found, rows, strict=True)]


def _cells(row: Row) -> list[str]:
    values = row.as_json()
    times = [human_duration(values[name]) for name in ("p50_s", "p95_s", "p99_s")]
    counts = [str(row.count), str(row.failed)]
    return [printable(row.tool), printable(row.action), *counts, *times, human_size(row.bytes)]


def _bar(row: Row, most: int, length: int) -> str:
    """Return a bar as long as the count; the part that failed is hatched."""
    length = max(1, round(length * row.count / most))
    failed = min(length, -(-length * row.failed // row.count))
    return "█" * (length - failed) + "▒" * failed


def plain_rows(rows: Iterable[Row]) -> Iterator[list[str]]:
    """Yield a report's rows for a pipe: durations in seconds, sizes in bytes."""
    names = ("tool", "action", "count", "failed", "p50_s", "p95_s", "p99_s", "bytes")
    for row in rows:
        values = row.as_json()
        yield [str(values[name]) for name in names]
