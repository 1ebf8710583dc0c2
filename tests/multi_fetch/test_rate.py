"""The limit for all bodies together, by a clock of the tests' own."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multi_fetch import Limits
from multi_fetch.rate import SAVED_S, TICK_S, Rate, block_size


class Time:
    """A clock that moves from timer to timer, and waits for nobody."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[[], None], Timer]] = []

    def call_later(self, seconds: float, call: Callable[[], None]) -> Any:
        timer = Timer()
        self.timers.append((self.now + seconds, call, timer))
        return timer

    def step(self) -> bool:
        """Go to the next timer; tell whether there was one."""
        self.timers = [one for one in self.timers if not one[2].is_cancelled]
        if not self.timers:
            return False
        first = min(self.timers, key=lambda one: one[0])
        self.timers.remove(first)
        self.now = max(self.now, first[0])
        first[1]()
        return True


class Timer:
    def __init__(self) -> None:
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Blocks:
    """A body that takes blocks of given sizes, one after the other."""

    def __init__(self, rate: Rate, time: Time, sizes: list[int]) -> None:
        self._rate, self._time, self._left = rate, time, sizes
        self.taken: list[tuple[float, int]] = []

    def go_on(self) -> None:
        while self._left and self._rate.admits(self, self._left[0]):
            self.taken.append((self._time.now, self._left.pop(0)))


def bodies_over(per_second: float, *sizes: list[int]) -> list[Blocks]:
    """Let bodies take all their blocks, and check that the limit is kept and used."""
    time = Time()
    rate = Rate(per_second, call_later=time.call_later, clock=lambda: time.now)
    bodies = [Blocks(rate, time, list(some)) for some in sizes]
    for body in bodies:
        body.go_on()
    while time.step():
        pass
    taken = sorted(one for body in bodies for one in body.taken)
    assert len(taken) == sum(map(len, sizes))
    total = 0
    for moment, size in taken:
        total += size
        assert total <= per_second * moment * 1.000001 + 1e-6
    lost = len(taken) * TICK_S  # at most: each may have to wait for a tick
    assert time.now <= total / per_second + lost
    return bodies


@given(
    st.floats(1, 1e9),
    st.lists(st.lists(st.integers(1, 16_384), max_size=20), min_size=1, max_size=9),
)
def test_never_is_more_taken_than_was_paid_for(per_second: float, sizes: list[list[int]]) -> None:
    bodies_over(per_second, *sizes)


def test_all_share_alike_whatever_they_want() -> None:
    large, larger, small = bodies_over(1000, [500] * 50, [500] * 50, [100] * 3)
    assert small.taken[-1][0] < 5
    assert abs(large.taken[-1][0] - larger.taken[-1][0]) <= 0.6
    assert [size for _, size in large.taken] == [500] * 50


def test_little_is_saved_up() -> None:
    time = Time()
    rate = Rate(1000, call_later=time.call_later, clock=lambda: time.now)
    time.now = 3600.0
    body = Blocks(rate, time, [1] * 5000)
    body.go_on()
    assert len(body.taken) == 1000 * SAVED_S


def test_who_leaves_the_line_makes_room_for_the_next() -> None:
    time = Time()
    rate = Rate(1000, call_later=time.call_later, clock=lambda: time.now)
    large, small = Blocks(rate, time, [16_000]), Blocks(rate, time, [100])
    large.go_on()
    small.go_on()
    rate.leave(large)
    assert time.step()
    assert (large.taken, len(small.taken)) == ([], 1)
    assert small.taken[0][0] == pytest.approx(0.1)
    assert not time.step()


def test_what_was_paid_for_and_not_taken_goes_to_others() -> None:
    class Gone(Blocks):
        def go_on(self) -> None:
            """Take nothing any more."""

    time = Time()
    rate = Rate(1000, call_later=time.call_later, clock=lambda: time.now)
    gone, other = Gone(rate, time, []), Blocks(rate, time, [200])
    rate.admits(gone, 200)
    other.go_on()
    time.step()
    rate.leave(gone)
    time.step()
    assert other.taken[0][0] == pytest.approx(0.2, abs=2 * TICK_S)


def test_after_its_end_nobody_goes_on() -> None:
    time = Time()
    rate = Rate(1000, call_later=time.call_later, clock=lambda: time.now)
    body = Blocks(rate, time, [200])
    body.go_on()
    rate.close()
    assert not time.step()
    assert body.taken == []


@pytest.mark.parametrize(
    ("per_second", "size"), [(1, 1024), (32_000, 2000), (1e6, 16_384), (1e12, 16_384)]
)
def test_blocks_are_small_where_the_rate_is_low(per_second: float, size: int) -> None:
    assert block_size(per_second) == size


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_with_which_nothing_would_ever_end_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="no bytes per second"):
        Limits(rate=rate)
