"""What a run comes to: counts that add up, bytes, and how long fetches took."""

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from toolroll_shared.output import human_size

from .records import Outcome

STEPS = 100
"""Steps of the durations per factor e: percentiles are right to half a percent, in any number."""

_SHORTEST_MS = 0.001


@dataclass(slots=True)
class Tally:
    """Counts of a run. `ok + failed + cancelled` are the lines that were reported."""

    ok: int = 0
    failed: int = 0
    cancelled: int = 0
    http_errors: int = 0
    duplicates: int = 0
    resumed: int = 0
    fetched: int = 0
    attempts: int = 0
    bytes: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    durations: Counter[int] = field(default_factory=Counter)

    @property
    def lines(self) -> int:
        """How many lines were reported."""
        return self.ok + self.failed + self.cancelled

    def add(self, outcome: Outcome, *, duplicate: bool = False, resumed: bool = False) -> None:
        """Count a line."""
        kind = outcome.kind
        if kind is None:
            self.ok += 1
        elif kind == "cancelled":
            self.cancelled += 1
        else:
            self.failed += 1
            self.http_errors += kind == "http"
        if kind is not None:
            self.kinds[kind] += 1
        if outcome.status is not None:
            self.statuses[outcome.status] += 1
        if duplicate or resumed:
            self.duplicates += duplicate
            self.resumed += resumed
        elif outcome.attempts:
            self.fetched += 1
            self.attempts += outcome.attempts
            self.bytes += outcome.bytes
            self.durations[round(STEPS * math.log(max(outcome.ms, _SHORTEST_MS)))] += 1

    def percentile(self, percent: int) -> float | None:
        """Return the milliseconds that so many percent of the fetches took at most."""
        rank = math.ceil(self.fetched * percent / 100)
        for step in sorted(self.durations):
            rank -= self.durations[step]
            if rank <= 0:
                return float(f"{math.exp(step / STEPS):.3g}")
        return None

    def as_json(self, duration_s: float) -> dict[str, Any]:
        """Return the summary for a machine."""
        return {
            "lines": self.lines,
            "ok": self.ok,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "duplicates": self.duplicates,
            "resumed": self.resumed,
            "fetched": self.fetched,
            "attempts": self.attempts,
            "bytes": self.bytes,
            "duration_s": round(duration_s, 3),
            "requests_per_s": round(self._rate(self.attempts, duration_s), 1),
            "bytes_per_s": round(self._rate(self.bytes, duration_s)),
            "ms": {f"p{percent}": self.percentile(percent) for percent in (50, 95, 99)},
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "errors": dict(sorted(self.kinds.items())),
        }

    @staticmethod
    def _rate(count: int, duration_s: float) -> float:
        return count / duration_s if duration_s > 0 else 0.0

    def as_text(self, duration_s: float) -> list[str]:
        """Return the summary for people, in lines."""
        also = [
            f"{count:,} {word}"
            for count, word in ((self.duplicates, "duplicate"), (self.resumed, "done before"))
            if count
        ]
        lines = [
            f"{self.lines:,} lines: {self.ok:,} ok, {self.failed:,} failed, "
            f"{self.cancelled:,} cancelled" + (f" ({', '.join(also)})" if also else ""),
            f"{human_size(self.bytes)} in {duration_s:.2f} s: "
            f"{self._rate(self.attempts, duration_s):,.0f} requests/s, "
            f"{human_size(round(self._rate(self.bytes, duration_s)))}/s" + self._times(),
        ]
        if len(self.statuses) > 1 or self.kinds:
            counts = [f"{status}: {count:,}" for status, count in sorted(self.statuses.items())]
            counts += [f"{kind}: {count:,}" for kind, count in self.kinds.most_common()]
            lines.append(", ".join(counts))
        return lines

    def _times(self) -> str:
        if not self.fetched:
            return ""
        parts = (f"p{percent} {self.percentile(percent):g} ms" for percent in (50, 95, 99))
        return "; " + ", ".join(parts)
