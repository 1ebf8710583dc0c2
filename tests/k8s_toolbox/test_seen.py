"""Telling lines that come again from those that are new."""

import random

from hypothesis import given
from hypothesis import strategies as st

from k8s_toolbox.records import NS, Record
from k8s_toolbox.seen import MARGIN_NS, Seen

START = 1_795_343_818 * NS


def record(stamp: int, line: str = "") -> Record:
    return Record(stamp, b"", line.encode())


def answered(log: list[Record], seen: Seen) -> list[Record]:
    from calendar import timegm
    from time import strptime

    since = seen.resume()
    at = timegm(strptime(since, "%Y-%m-%dT%H:%M:%SZ")) * NS if since else 0
    return [one for one in log if (one.stamp or 0) >= at]


def take(seen: Seen, records: list[Record]) -> list[Record]:
    fresh = seen.fresh(records)
    seen.remember(fresh)
    return fresh


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 0, 1, 10**6, NS // 3, NS, 3 * NS]), st.integers(0, MARGIN_NS)
        ),
        max_size=60,
    ),
    st.integers(0, 20),
    st.randoms(use_true_random=False),
)
def test_every_line_comes_once_over_any_cuts_of_a_log_that_is_nearly_in_order(
    steps: list[tuple[int, int]], cuts: int, source: random.Random
) -> None:
    log, now = [], START
    for number, (step, back) in enumerate(steps):
        now += step
        log.append(record(now - back, f"line {number}"))
    seen = Seen()
    read: list[Record] = []
    for _ in range(cuts):
        written = source.randint(len(read), len(log))
        answer = answered(log[:written], seen)
        read += take(seen, answer[: source.randint(0, len(answer))])
    read += take(seen, answered(log, seen))
    assert read == log


@given(
    st.lists(st.sampled_from([0, 1, 10**6, NS]), min_size=1, max_size=40),
    st.integers(1, 40),
)
def test_what_was_before_a_tail_does_not_come_again(steps: list[int], tail: int) -> None:
    log, now = [], START
    for number, step in enumerate(steps):
        now += step
        log.append(record(now, f"line {number}"))
    seen = Seen(whole=False)
    assert take(seen, log[-tail:]) == log[-tail:]
    assert take(seen, answered(log, seen)) == []
    assert not seen.is_broken
    log.append(record(now, "new"))
    assert take(seen, answered(log, seen)) == [log[-1]]


def test_lines_out_of_order_at_the_start_of_a_tail_do_not_come_again() -> None:
    log = [record(START + 5, "before"), record(START + 3, "first"), record(START + 9, "last")]
    seen = Seen(whole=False)
    take(seen, log[1:])
    assert take(seen, answered(log, seen)) == []


def test_a_log_that_was_rotated_is_told() -> None:
    seen = Seen()
    take(seen, [record(START, "gone")])
    assert take(seen, answered([record(START + 1, "new")], seen)) == [record(START + 1, "new")]
    assert seen.is_broken


def test_the_log_of_the_next_container_is_not_taken_for_a_rotated_one() -> None:
    seen = Seen()
    take(seen, [record(START, "gone")])
    seen.turn_over()
    assert len(take(seen, answered([record(START + 1, "new")], seen))) == 1
    assert not seen.is_broken


def test_lines_of_the_next_container_that_were_read_already_do_not_come_again() -> None:
    seen = Seen()
    log = [record(START + 1, "a"), record(START + 2, "b")]
    take(seen, log[:1])
    seen.turn_over()
    assert take(seen, answered(log, seen)) == log[1:]


def test_a_clock_that_is_set_back_is_told() -> None:
    seen = Seen()
    take(seen, [record(START + 10 * NS), record(START)])
    take(seen, answered([record(START + 10 * NS), record(START + 11 * NS)], seen))
    assert seen.is_broken


def test_a_line_in_pieces_comes_again_in_whole_or_in_part() -> None:
    long = Record(START, b"", b"long", pieces=(START + NS, START + 2 * NS))
    seen = Seen()
    take(seen, [long])
    assert take(seen, [long]) == [long]  # nobody has asked again
    seen.resume()
    assert take(seen, [Record(START + 2 * NS, b"", b"ng")]) == []


def test_no_more_is_remembered_than_can_come_again() -> None:
    seen = Seen()
    for number in range(1000):
        take(seen, [record(START + number * NS // 10)])
    assert len(seen._stamps) < 13


def test_stamps_before_1970_are_no_bug() -> None:
    seen = Seen()
    take(seen, [record(-5 * NS)])
    assert seen.resume() == "1970-01-01T00:00:00Z"
