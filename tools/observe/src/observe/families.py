"""The metrics that `observe` makes: their names, kinds, helps and buckets. This is the one list."""

import math
from typing import Literal, NamedTuple


class Family(NamedTuple):
    """A metric.

    Attributes:
        name: as Prometheus has it.
        kind: counters and histograms grow from run to run, gauges are about the last one.
        help: what it tells.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str


ACTIONS = Family("toolroll_actions_total", "counter", "Actions that were recorded.")
FAILURES = Family("toolroll_action_failures_total", "counter", "Actions that failed.")
DURATION = Family(
    "toolroll_action_duration_seconds", "histogram", "How long actions took, in seconds."
)
SIZE = Family(
    "toolroll_action_size_bytes", "histogram", "What actions moved or looked at, in bytes."
)
BYTES = Family("toolroll_bytes_total", "counter", "Bytes that actions moved or looked at.")
RUNS = Family("toolroll_runs_total", "counter", "Runs that came to an end.")
RUN_DURATION = Family(
    "toolroll_run_duration_seconds", "histogram", "How long runs took, in seconds."
)
LAST_RUN = Family(
    "toolroll_last_run_timestamp_seconds", "gauge", "When the last run ended, since 1970."
)
LAST_RUN_SUCCESS = Family(
    "toolroll_last_run_success", "gauge", "Whether the last run went well: 1 or 0."
)
LAST_SUCCESS = Family(
    "toolroll_last_success_timestamp_seconds",
    "gauge",
    "When the last run that went well ended, since 1970.",
)
INVALID = Family("toolroll_invalid_lines_total", "counter", "Lines of logs that were no records.")
FOLDED = Family(
    "toolroll_folded_records_total",
    "counter",
    "Records that were counted as other, because there would be too many series.",
)

FAMILIES = (
    ACTIONS,
    FAILURES,
    DURATION,
    SIZE,
    BYTES,
    RUNS,
    RUN_DURATION,
    LAST_RUN,
    LAST_RUN_SUCCESS,
    LAST_SUCCESS,
    INVALID,
    FOLDED,
)


MAX_SERIES = 200
"""Pairs of tool and action, or tools with runs, that are told apart."""

MAX_OUTCOMES = 20
"""Outcomes of each that are told apart."""

OTHER = "other"
"""What all others are counted as."""


def bound_text(bound: float) -> str:
    """Return a bucket's upper bound as its label `le` has it."""
    return f"{bound:g}" if bound < math.inf else "+Inf"


BUCKETS: dict[str, tuple[float, ...]] = {
    DURATION.name: (
        0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
        1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, math.inf,
    ),
    SIZE.name: (1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, math.inf),
    RUN_DURATION.name: (
        0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0, math.inf,
    ),
}  # fmt: skip
"""Upper bounds of each histogram, in its unit."""
