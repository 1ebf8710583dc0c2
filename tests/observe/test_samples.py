"""How counts add up: in any order, without loss, and what is written is read as it was."""

from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from observe.families import BUCKETS, MAX_OUTCOMES, MAX_SERIES, bound_text
from observe.metrics import Metrics
from observe.records import Record
from observe.samples import Samples, accumulated, exposition, parsed

NAMES = st.sampled_from(["a", "b", "release-mirror", "x:y.z", "with space", "", "é", 'q"\n\\'])
RECORDS = st.builds(
    Record,
    ts=st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00.5Z", "9999-01-01", "none"]),
    tool=NAMES,
    action=st.one_of(st.just("run"), NAMES),
    duration_ms=st.floats(0, 1e13),
    ok=st.booleans(),
    outcome=st.one_of(st.none(), NAMES),
    bytes=st.one_of(st.none(), st.integers(0, 2**40)),
)
LOGS = st.lists(st.one_of(st.none(), RECORDS), max_size=20)
NOW = 1_800_000_000.0


def counted(log: list[Record | None]) -> Samples:
    metrics = Metrics("job", clock=lambda: NOW)
    for record in log:
        metrics.take(record)
    return metrics.samples()


def without_sums(samples: Samples) -> Samples:
    """Adding floats depends on the order, in the last digits."""
    return {key: value for key, value in samples.items() if not key[0].endswith("_sum")}


@given(LOGS)
def test_what_is_written_is_read_as_it_was(log: list[Record | None]) -> None:
    samples = counted(log)
    assert parsed(exposition(samples)) == samples
    assert exposition(parsed(exposition(samples))) == exposition(samples)


@given(LOGS, LOGS)
def test_the_order_of_runs_does_not_matter(
    one: list[Record | None], other: list[Record | None]
) -> None:
    first, second = counted(one), counted(other)
    ahead, back = accumulated(first, second), accumulated(second, first)
    lasting = {key: value for key, value in ahead.items() if key[0] != "toolroll_last_run_success"}
    assert ahead.keys() == back.keys()
    assert without_sums(lasting).items() <= without_sums(back).items()
    for key in ahead:
        assert abs(ahead[key] - back[key]) <= max(1.0, abs(ahead[key]) * 1e-9)


@given(st.lists(LOGS, max_size=4))
def test_runs_one_by_one_come_to_what_all_of_them_come_to(
    logs: list[list[Record | None]],
) -> None:
    together = counted([record for log in logs for record in log])
    apart: Samples = reduce(accumulated, map(counted, logs), counted([]))
    assert without_sums(apart) == without_sums(together)


@given(LOGS)
def test_buckets_never_fall_and_end_with_the_count(log: list[Record | None]) -> None:
    samples = accumulated(counted(log), counted(log))
    for name, labels in [key for key in samples if key[0].endswith("_count")]:
        family = name.removesuffix("_count")
        bounds = [("le", bound_text(bound)) for bound in BUCKETS[family]]
        values = [samples[f"{family}_bucket", (*labels, bound)] for bound in bounds]
        assert values == sorted(values)
        assert values[-1] == samples[name, labels]


def test_a_histogram_of_other_bounds_is_left_out_alone() -> None:
    record = Record(ts="", tool="t", action="a", duration_ms=1, ok=True)
    other = Record(ts="", tool="t", action="b", duration_ms=1, ok=True)
    samples = counted([record, other])
    cut = (("tool", "t"), ("action", "a"), ("le", "0.005"))
    changed = {key: value for key, value in samples.items() if key[1] != cut}
    left = parsed(exposition(changed))
    gone = {name for name, labels in samples.keys() - left.keys()}
    assert gone == {f"toolroll_action_duration_seconds_{end}" for end in ("bucket", "count", "sum")}
    assert {dict(labels)["action"] for _, labels in samples.keys() - left.keys()} == {"a"}


@settings(max_examples=10)
@given(st.integers(0, 1000))
def test_names_never_get_too_many_however_many_runs_bring_new_ones(start: int) -> None:
    total: Samples = {}
    for run in range(4):
        log: list[Record | None] = [
            Record(ts="", tool=f"t{number}", action=f"a{run}", duration_ms=1, ok=True)
            for number in range(start, start + 150)
        ]
        outcomes = [f"o{run}-{number}" for number in range(15)]
        log += [
            Record(ts="", tool="t", action="x", duration_ms=1, ok=True, outcome=outcome)
            for outcome in outcomes
        ]
        total = accumulated(total, counted(log))
    actions = {key: value for key, value in total.items() if key[0] == "toolroll_actions_total"}
    pairs = {labels[:2] for _, labels in actions}
    assert len(pairs) == MAX_SERIES + 1
    assert sum(actions.values()) == 4 * 165
    assert sum(labels[:2] == (("tool", "t"), ("action", "x")) for _, labels in actions) <= (
        MAX_OUTCOMES + 1
    )
