"""What a log comes to: for each tool and action how many, how long, how much."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .families import OTHER
from .records import record_of

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
        lines: of the log.
        request_id: only records of this run count.
    """
    rows: dict[tuple[str, str], Row] = {}
    invalid = 0
    for line in lines:
        if not line:
            continue
        record = record_of(line)
        if record is None:
            invalid += 1
            continue
        if request_id is not None and record.request_id != request_id:
            continue
        key = record.tool, record.action
        if key not in rows and len(rows) >= MAX_KINDS:
            key = OTHER, OTHER
        row = rows.get(key)
        if row is None:
            row = rows[key] = Row(*key, 0, 0, record.ts, record.ts, array("d"))
        row.failed += not record.ok
        row.bytes += record.bytes or 0
        row.first, row.last = min(row.first, record.ts), max(row.last, record.ts)
        row.durations.append(record.duration_ms / 1000)
    return Report([rows[key] for key in sorted(rows)], invalid)


def percentile(ordered: list[float], share: float) -> float:
    """Return the smallest value that so large a share of all is not above (nearest rank)."""
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(0, rank - 1)]


def tables(report: Report) -> Iterator[dict[str, Any]]:
    """Yield the rows as JSON has them."""
    for row in report.rows:
        yield row.as_json()
