"""Metrics as plain values: how they add up over runs, and how they are written and read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from .families import BUCKETS, FAMILIES, LAST_RUN, LAST_RUN_SUCCESS, Family, bound_text

Labels = tuple[tuple[str, str], ...]
"""Names and values, in the order in which they are shown."""

Samples = dict[tuple[str, Labels], float]
"""Values by their names, such as `toolroll_runs_total` or `..._bucket`, and labels."""

MAX_SAMPLES = 50_000
"""Of all runs together; series beyond are left out of what is kept."""

_ORDER = {"tool": 0, "action": 1, "outcome": 2, "le": 3}
_SUFFIXES = {"counter": ("",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
_FAMILY_OF = {
    family.name + suffix: family for family in FAMILIES for suffix in _SUFFIXES[family.kind]
}
NAMES = frozenset(_FAMILY_OF)
"""Of samples that are ours."""

_BOUNDS = {name: set(map(bound_text, bounds)) for name, bounds in BUCKETS.items()}


class Foreign(ValueError):
    """The text is no exposition, or has metrics that are not ours."""


def accumulated(earlier: Samples, new: Samples) -> Samples:
    """Return what two readers of different records have counted together.

    What grows is added; of what is about the last run, the later run's counts.
    """
    total = dict(earlier)
    for key, value in new.items():
        name, labels = key
        if key not in total and len(total) >= MAX_SAMPLES:
            continue
        if _FAMILY_OF[name].kind != "gauge":
            total[key] = total.get(key, 0.0) + value
        elif name == LAST_RUN_SUCCESS.name:
            last = (LAST_RUN.name, labels)
            if new.get(last, 0.0) >= earlier.get(last, 0.0):
                total[key] = value
        else:
            total[key] = max(value, total.get(key, value))
    return total


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
        if name not in _FAMILY_OF or not set(labels) <= set(_ORDER):
            raise Foreign(f"{name} is not ours")
        samples[name, tuple(sorted(labels.items(), key=lambda one: _ORDER[one[0]]))] = value
    strange = set(_with_other_bounds(samples))
    return {key: value for key, value in samples.items() if _FAMILY_OF[key[0]] not in strange}


def _with_other_bounds(samples: Samples) -> Iterator[Family]:
    seen: dict[tuple[Family, Labels], set[str]] = {}
    for name, labels in samples:
        if name.endswith("_bucket"):
            seen.setdefault((_FAMILY_OF[name], labels[:-1]), set()).add(labels[-1][1])
    for (family, _), bounds in seen.items():
        if bounds != _BOUNDS[family.name]:
            yield family
