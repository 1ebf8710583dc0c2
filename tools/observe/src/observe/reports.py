"""What a log comes to: for each tool and action how many, how long, how much."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from .families import OTHER
from .records import Record, records_of

MAX_KINDS = 1000
"""Pairs of tool and action that are told apart; a log of ours has dozens."""

PERCENTILES = {"p50_s": 0.50, "p95_s": 0.95, "p99_s": 0.99}


@dataclass(slots=True)
class Row:
    """All records of one tool and action.

    Attributes:
        tool: whose they are.
        action: what was done.
        failed: how many were not ok.
        bytes: what they moved or looked at, as far as they say.
        first: when the first was written.
        last: when the last was written.
        durations: of each, in seconds: eight bytes of memory a record.
    """

    tool: str
    action: str
    failed: int
    bytes: int
    first: str
    last: str
    durations: array[float]

    @property
    def count(self) -> int:
        """How many they are."""
        return len(self.durations)

    def take(self, record: Record) -> None:
        """Count a record."""
        self.failed += not record.ok
        self.bytes += record.bytes or 0
        if record.ts < self.first:
            self.first = record.ts
        elif record.ts > self.last:
            self.last = record.ts
        self.durations.append(record.duration_ms / 1000)

    def as_json(self) -> dict[str, Any]:
        """Return it with its percentiles, durations in seconds."""
        durations = sorted(self.durations)
        times = {name: percentile(durations, share) for name, share in PERCENTILES.items()}
        return {
            "tool": self.tool,
            "action": self.action,
            "count": self.count,
            "failed": self.failed,
            "bytes": self.bytes,
            **{name: round(seconds, 6) for name, seconds in times.items()},
            "max_s": round(durations[-1], 6),
            "total_s": round(sum(durations), 6),
            "first": self.first,
            "last": self.last,
        }


@dataclass(slots=True)
class Report:
    """What a log comes to.

    Attributes:
        rows: of each tool and action, in the order of their names.
        invalid: lines that were no records.
    """

    rows: list[Row]
    invalid: int


def report_of(lines: Iterable[bytes], *, request_id: str | None = None) -> Report:
    """Return what the records of a log come to.

    Args:
        lines: of the log, one or many in each piece.
        request_id: only records of this run count.
    """
    found = Report([], 0)
    rows: dict[tuple[str, str], Row] = {}
    for record in chain.from_iterable(map(records_of, lines)):
        if record is None:
            found.invalid += 1
        elif request_id is None or record.request_id == request_id:
            _row_of(record, rows).take(record)
    found.rows = [rows[key] for key in sorted(rows)]
    return found


def _row_of(record: Record, rows: dict[tuple[str, str], Row]) -> Row:
    key = record.tool, record.action
    if (row := rows.get(key)) is None:
        if len(rows) >= MAX_KINDS:
            key = OTHER, OTHER
        row = rows.setdefault(key, Row(*key, 0, 0, record.ts, record.ts, array("d")))
    return row


def percentile(ordered: list[float], share: float) -> float:
    """Return the smallest value that so large a share of all is not above (nearest rank)."""
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(0, rank - 1)]
