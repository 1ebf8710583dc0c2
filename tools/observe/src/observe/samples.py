"""Metrics as plain values: how they add up over runs, and how they are written and read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from .families import (
    BUCKETS,
    FAMILIES,
    LAST_RUN,
    LAST_RUN_SUCCESS,
    MAX_OUTCOMES,
    MAX_SERIES,
    OTHER,
    Family,
    bound_text,
)

Labels = tuple[tuple[str, str], ...]
"""Names and values, in the order in which they are shown."""

Samples = dict[tuple[str, Labels], float]
"""Values by their names, such as `toolroll_runs_total` or `..._bucket`, and labels."""

_ORDER = {"tool": 0, "action": 1, "outcome": 2, "le": 3}
_SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
_FAMILY_OF = {
    family.name + suffix: family for family in FAMILIES for suffix in _SUFFIXES[family.kind]
}
NAMES = frozenset(_FAMILY_OF)
"""Of samples that are ours."""

LABELS = frozenset(_ORDER)
"""Theirs."""

_BOUNDS = {name: set(map(bound_text, bounds)) for name, bounds in BUCKETS.items()}


class Foreign(ValueError):
    """The text is no exposition, or has metrics that are not ours."""


def accumulated(earlier: Samples, new: Samples) -> Samples:
    """Return what two readers of different records have counted together.

    What grows is added; of what is about the last run, the later run's counts. There are never
    too many series: those of all other names are counted as one.
    """
    total, known = dict(earlier), _Known(earlier)
    for (name, given), value in new.items():
        labels = known.or_other(given)
        key = name, labels
        if _FAMILY_OF[name].kind != "gauge":
            total[key] = total.get(key, 0.0) + value
        elif name == LAST_RUN_SUCCESS.name:
            if new.get((LAST_RUN.name, given), 0.0) >= earlier.get((LAST_RUN.name, labels), 0.0):
                total[key] = value
        else:
            total[key] = max(value, total.get(key, value))
    return total


class _Known:
    """The names that samples have, and as many others as there may be."""

    def __init__(self, samples: Samples) -> None:
        self._outcomes: dict[Labels, set[str]] = {}
        self._count = {True: 0, False: 0}
        for _, labels in samples:
            who, outcome, _ = _parted(labels)
            self._keep(who, outcome)

    def or_other(self, labels: Labels) -> Labels:
        """Return labels, or those of all others."""
        who, outcome, rest = _parted(labels)
        if who not in self._outcomes and self._count[_has_action(who)] >= MAX_SERIES:
            who = tuple((name, OTHER) for name, _ in who)
        known = self._outcomes.get(who, set())
        if outcome not in known and len(known) >= MAX_OUTCOMES:
            outcome = OTHER
        self._keep(who, outcome)
        return (*who, *((("outcome", outcome),) if outcome else ()), *rest)

    def _keep(self, who: Labels, outcome: str) -> None:
        if who not in self._outcomes:
            self._outcomes[who] = set()
            self._count[_has_action(who)] += 1
        if outcome:
            self._outcomes[who].add(outcome)


def _parted(labels: Labels) -> tuple[Labels, str, Labels]:
    """Return whose labels they are, the outcome, and the bucket."""
    who = tuple(one for one in labels if one[0] in {"tool", "action"})
    return who, dict(labels).get("outcome", ""), tuple(one for one in labels if one[0] == "le")


def _has_action(who: Labels) -> bool:
    return any(name == "action" for name, _ in who)


def exposition(samples: Mapping[tuple[str, Labels], float]) -> str:
    """Return samples in Prometheus' text format."""
    return generate_latest(registry_of(samples)).decode()


def registry_of(samples: Mapping[tuple[str, Labels], float]) -> CollectorRegistry:
    """Return samples as prometheus-client takes them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(samples))
    return registry


class _Collector(Collector):
    """What prometheus-client asks for metrics."""

    def __init__(self, samples: Mapping[tuple[str, Labels], float]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Metric]:
        metrics = {family: _metric(family) for family in FAMILIES}
        for (name, labels), value in self._samples.items():
            metrics[_FAMILY_OF[name]].add_sample(name, dict(labels), value)
        return (metric for metric in metrics.values() if metric.samples)


def _metric(family: Family) -> Metric:
    name = family.name.removesuffix("_total") if family.kind == "counter" else family.name
    return Metric(name, family.help, family.kind)


def ours_in(text: str) -> str:
    """Return the lines of an exposition that may be ours."""
    return "".join(f"{line}\n" for line in text.split("\n") if line.startswith("toolroll_"))


def parsed(text: str) -> Samples:
    """Return the samples that `exposition` wrote.

    Raises:
        Foreign: it did not write them.
    """
    try:
        return only_ours(
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )
    except (ValueError, KeyError, IndexError) as error:
        raise error if isinstance(error, Foreign) else Foreign(str(error)) from error


def only_ours(found: Iterable[tuple[str, Mapping[str, str], float]]) -> Samples:
    """Return samples; a histogram with other buckets, of another version, is left out.

    Raises:
        Foreign: one is not ours.
    """
    samples: Samples = {}
    for name, labels, value in found:
        if name not in _FAMILY_OF or not labels.keys() <= LABELS:
            raise Foreign(f"{name} is not ours")
        if not 0 <= value < math.inf:
            raise Foreign(f"{name} cannot be {value}")
        samples[name, tuple(sorted(labels.items(), key=lambda one: _ORDER[one[0]]))] = value
    strange = set(_with_other_bounds(samples))
    return {key: value for key, value in samples.items() if _series_of(key) not in strange}


def _with_other_bounds(samples: Samples) -> Iterator[tuple[Family, Labels]]:
    seen: dict[tuple[Family, Labels], set[str]] = {}
    for key in samples:
        if (series := _series_of(key))[0].kind == "histogram":
            seen.setdefault(series, set()).update(text for name, text in key[1] if name == "le")
    return (series for series, bounds in seen.items() if bounds != _BOUNDS[series[0].name])


def _series_of(key: tuple[str, Labels]) -> tuple[Family, Labels]:
    name, labels = key
    return _FAMILY_OF[name], tuple(one for one in labels if one[0] != "le")
