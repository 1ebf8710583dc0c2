"""Records counted as metrics: what one reader of a log has seen so far.

Labels are few by design: tool, action, outcome. What a log holds may be anybody's, so a name that
is none and a series too many are counted as `other`.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from .families import (
    ACTIONS,
    BUCKETS,
    BYTES,
    DURATION,
    FAILURES,
    FOLDED,
    INVALID,
    LAST_RUN,
    LAST_RUN_SUCCESS,
    LAST_SUCCESS,
    MAX_OUTCOMES,
    MAX_SERIES,
    OTHER,
    RUN_DURATION,
    RUNS,
    SIZE,
    bound_text,
)
from .records import Record
from .samples import Labels, Samples

RUN = "run"

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class _Histogram:
    def __init__(self, name: str) -> None:
        self._name = name
        self._bounds = BUCKETS[name]
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def take(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_to(self, samples: Samples, labels: Labels) -> None:
        total = 0
        for bound, count in zip(self._bounds, self._counts, strict=True):
            total += count
            samples[f"{self._name}_bucket", (*labels, ("le", bound_text(bound)))] = total
        samples[f"{self._name}_count", labels] = total
        samples[f"{self._name}_sum", labels] = self._sum


@dataclass
class _Outcomes:
    counts: dict[str, int] = field(default_factory=dict)

    def take(self, outcome: str) -> None:
        counts = self.counts
        if outcome not in counts:
            is_one = len(counts) < MAX_OUTCOMES and _NAME.fullmatch(outcome)
            outcome = outcome if is_one else OTHER
        counts[outcome] = counts.get(outcome, 0) + 1


class _Actions:
    """All actions of one kind."""

    def __init__(self) -> None:
        self._outcomes = _Outcomes()
        self._failures = 0
        self._bytes = 0
        self._duration = _Histogram(DURATION.name)
        self._size: _Histogram | None = None

    def take(self, record: Record) -> None:
        self._outcomes.take(record.result)
        self._failures += not record.ok
        self._duration.take(record.duration_ms / 1000)
        if record.bytes is not None:
            self._bytes += record.bytes
            self._size = self._size or _Histogram(SIZE.name)
            self._size.take(record.bytes)

    def add_to(self, samples: Samples, labels: Labels) -> None:
        for outcome, count in self._outcomes.counts.items():
            samples[ACTIONS.name, (*labels, ("outcome", outcome))] = count
        samples[FAILURES.name, labels] = self._failures
        self._duration.add_to(samples, labels)
        if self._size is not None:
            samples[BYTES.name, labels] = self._bytes
            self._size.add_to(samples, labels)


class _Runs:
    """All runs of one tool."""

    def __init__(self) -> None:
        self._outcomes = _Outcomes()
        self._duration = _Histogram(RUN_DURATION.name)
        self._last = self._last_success = 0.0
        self._went_well = False

    def take(self, record: Record, now: float) -> None:
        self._outcomes.take(record.result)
        self._duration.take(record.duration_ms / 1000)
        moment = min(record.written_at, now)  # one of the year 9999 would stay the last
        if moment >= self._last:
            self._last, self._went_well = moment, record.ok
        if record.ok:
            self._last_success = max(self._last_success, moment)

    def add_to(self, samples: Samples, labels: Labels) -> None:
        for outcome, count in self._outcomes.counts.items():
            samples[RUNS.name, (*labels, ("outcome", outcome))] = count
        self._duration.add_to(samples, labels)
        samples[LAST_RUN.name, labels] = self._last
        samples[LAST_RUN_SUCCESS.name, labels] = float(self._went_well)
        if self._last_success:
            samples[LAST_SUCCESS.name, labels] = self._last_success


class Metrics:
    """Counts records.

    Args:
        tool: whose log it is, if it is one tool's: it is always told apart, and two files for
            node_exporter must have no series in common.
        clock: seconds since 1970.

    Attributes:
        invalid: lines that were no records.
        folded: records that were counted as `other`.
    """

    def __init__(self, tool: str = "", *, clock: Callable[[], float] = time.time) -> None:
        self.invalid = 0
        self.folded = 0
        self._tool = tool
        self._labels: Labels = (("tool", tool),) if tool else ()
        self._clock = clock
        self._actions: dict[tuple[str, str], _Actions] = {}
        self._runs: dict[str, _Runs] = {}

    def take(self, record: Record | None) -> None:
        """Count a record; None is a line that was none."""
        if record is None:
            self.invalid += 1
        elif record.action == RUN:
            self._runs_of(record.tool).take(record, self._clock())
        else:
            self._actions_of(record.tool, record.action).take(record)

    def _runs_of(self, tool: str) -> _Runs:
        if (found := self._runs.get(tool)) is None:
            has_room = len(self._runs) < MAX_SERIES or tool == self._tool
            if not (has_room and _NAME.fullmatch(tool)):
                self.folded += 1
                return self._runs.setdefault(OTHER, _Runs())
            found = self._runs[tool] = _Runs()
        return found

    def _actions_of(self, tool: str, action: str) -> _Actions:
        if (found := self._actions.get((tool, action))) is None:
            named = _NAME.fullmatch(tool) and _NAME.fullmatch(action)
            if len(self._actions) >= MAX_SERIES or not named:
                self.folded += 1
                return self._actions.setdefault((OTHER, OTHER), _Actions())
            found = self._actions[tool, action] = _Actions()
        return found

    def samples(self) -> Samples:
        """Return what they come to."""
        samples: Samples = {
            (INVALID.name, self._labels): self.invalid,
            (FOLDED.name, self._labels): self.folded,
        }
        for (tool, action), actions in self._actions.items():
            actions.add_to(samples, (("tool", tool), ("action", action)))
        for tool, runs in self._runs.items():
            runs.add_to(samples, (("tool", tool),))
        return samples
