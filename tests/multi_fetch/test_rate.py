"""The limit for all bodies together: by its own clock, and over real connections."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multi_fetch import Fetcher, HashSink, Job, Limits, Result, Sink
from multi_fetch.rate import SAVED_S, TICK_S, Rate, block_size
from tests.multi_fetch.fetching import (
    PATIENCE,
    Waits,
    fetch,
    fetch_all,
    in_turn,
    job,
    kind,
    limits,
    names_in,
)
from tests.multi_fetch.parts import BODY, STRONG, assert_whole, cut_after, file_sink, part
from tests.multi_fetch.servers import then_silent
from tests.multi_fetch.steps import taking
from tests.multi_fetch.test_backpressure import KERNEL, Flood
from tests.support.rawserver import (
    TIMEOUT,
    Answer,
    Connection,
    RawServer,
    Request,
    redirects,
    response,
    sends,
)
from toolroll_shared.retry import Backoff

SLACK = 0.5  # seconds that a busy machine may take longer


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


# Over connections.


def took(answer: Answer, number: int, **changes: Any) -> tuple[float, list[Result[Sink]]]:
    """Return how long so many bodies took, and what became of them."""
    with RawServer(answer) as server:
        jobs = [Job(url=server.url, sink=Sink()) for _ in range(number)]
        started = time.monotonic()
        results = fetch_all(jobs, limits(**changes))
        return time.monotonic() - started, results


@pytest.mark.parametrize(
    ("rate", "size", "number"),
    [
        pytest.param(500_000, 600_000, 1, id="one big body"),
        pytest.param(500_000, 3_000, 200, id="many small ones"),
        pytest.param(500_000, 60_000, 10, id="several"),
        pytest.param(100_000_000, 12_000_000, 10, id="quick ones"),
        pytest.param(2_000, 2_400, 1, id="a rate below a block"),
        pytest.param(2_000, 200, 12, id="small ones at a rate below a block"),
    ],
)
def test_all_bodies_together_take_what_they_may(rate: float, size: int, number: int) -> None:
    seconds, results = took(sends(response(bytes(size))), number, rate=rate)
    assert [result.bytes for result in results] == [size] * number
    assert 1.1 < seconds < 1.32 + SLACK


@pytest.mark.parametrize("status", [200, 404, 503])
def test_the_bodies_of_refusals_count_too(status: int) -> None:
    seconds, results = took(sends(response(bytes(10_000), status=status)), 10, rate=100_000)
    assert [result.bytes for result in results] == [10_000] * 10
    assert 0.95 < seconds < 1.1 + SLACK


def test_the_bodies_of_redirects_count_too() -> None:
    def answer(connection: Connection, request: Request) -> None:
        moved = response(bytes(10_000), status=302, location="/b")
        connection.send(response(b"fine") if request.target == "/b" else moved)

    seconds, results = took(answer, 10, rate=100_000)
    assert [kind(result) for result in results] == [None] * 10
    assert 0.95 < seconds < 1.1 + SLACK


def test_an_endless_refusal_takes_no_more_than_its_share() -> None:
    def endless(connection: Connection, _request: Request) -> None:
        connection.send(b"HTTP/1.1 404 X\r\n\r\n")
        while True:
            connection.send(bytes(65_536))

    seconds, [result] = took(endless, 1, rate=20_000)
    assert (kind(result), result.status) == ("http", 404)
    assert result.bytes <= 40_000
    assert seconds < 2 + SLACK


def test_bodies_of_one_size_end_at_about_the_same_time() -> None:
    _seconds, results = took(sends(response(bytes(200_000))), 4, rate=800_000)
    ends = [result.duration_s for result in results]
    assert max(ends) - min(ends) < 0.3
    assert min(ends) > 0.7


def test_a_small_body_does_not_wait_for_large_ones() -> None:
    def answer(connection: Connection, request: Request) -> None:
        connection.send(response(bytes(int(request.target[1:]))))

    with RawServer(answer) as server:
        jobs = [job(f"{server.url}/{size}") for size in (200_000, 200_000, 200_000, 1000)]
        first, *_rest = fetch_all(jobs, limits(rate=600_000))
    assert first.job.url.endswith("/1000")
    assert first.duration_s < 0.5


def test_who_waits_for_the_rate_is_neither_silent_nor_late() -> None:
    seconds, results = took(
        sends(response(bytes(10_000))), 4, rate=40_000, idle_timeout=0.2, timeout=0.3
    )
    assert [kind(result) for result in results] == [None] * 4
    assert seconds > 0.95


def test_redirects_do_not_wear_the_timeout_out_by_waiting_for_the_rate() -> None:
    def answer(connection: Connection, request: Request) -> None:
        moved = response(bytes(4000), status=302, location=request.target + "a")
        connection.send(response(b"fine") if len(request.target) > 3 else moved)

    seconds, results = took(answer, 1, rate=12_000, idle_timeout=0.2, timeout=0.3)
    assert [kind(result) for result in results] == [None]
    assert seconds > 0.95


@pytest.mark.parametrize(
    ("setting", "message"),
    [("idle_timeout", "silent for too long"), ("timeout", "not complete within 0.4 s")],
)
def test_a_server_that_stops_is_late_as_ever(setting: str, message: str) -> None:
    silent = then_silent(response(bytes(1000), length=9000))
    seconds, [result] = took(silent, 1, rate=10_000, **{setting: 0.4})
    assert kind(result) == "timeout"
    assert message in str(result.error)
    assert 0.4 <= seconds < 0.7 + SLACK


def test_a_server_that_drips_is_late_as_ever() -> None:
    def drip(connection: Connection, _request: Request) -> None:
        connection.send(response(length=9000))
        while not threading.Event().wait(0.02):
            connection.send(b"x")

    seconds, [result] = took(drip, 1, rate=10_000, timeout=0.4, idle_timeout=5)
    assert kind(result) == "timeout"
    assert 0.4 <= seconds < 0.7 + SLACK


def test_a_connection_that_does_not_come_about_is_late_as_ever() -> None:
    seconds, [result] = took(then_silent(b""), 1, rate=10, timeout=0.4, idle_timeout=5)
    assert kind(result) == "timeout"
    assert 0.4 <= seconds < 0.7 + SLACK


def test_the_server_waits_and_nothing_piles_up() -> None:
    flood = Flood(1000)

    async def run(url: str) -> None:
        few = limits(rate=100_000, idle_timeout=0.3)
        async with taking([Job(url=url, sink=HashSink())], few) as taker:
            assert await asyncio.to_thread(flood.stuck.wait, TIMEOUT)
            assert flood.sent < KERNEL
            assert not taker.results

    with RawServer(flood) as server:
        asyncio.run(run(server.url))


async def leave(_fetcher: Fetcher) -> None:
    """Do nothing more."""


async def stop(fetcher: Fetcher) -> None:
    fetcher.stop(0.1)


@pytest.mark.parametrize("end", [leave, stop])
def test_who_waits_for_the_rate_can_be_stopped(tmp_path: Path, end: Callable[..., Any]) -> None:
    async def run(server: RawServer) -> float:
        sinks = [file_sink(tmp_path / str(number)) for number in range(8)]
        jobs = [Job(url=server.url, sink=sink) for sink in sinks]
        async with taking(jobs, limits(rate=10, concurrency=4)) as taker:
            await asyncio.to_thread(server.wait_until, lambda server: len(server.requests) == 4)
            started = time.monotonic()
            await end(taker.fetcher)
            if end is stop:
                assert [kind(result) for result in await taker.all()] == ["cancelled"] * 4
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await asyncio.to_thread(server.wait_until, lambda server: server.open == 0)
        return time.monotonic() - started

    with RawServer(sends(response(BODY, etag='"one"'))) as server:
        assert asyncio.run(run(server)) < 0.1 + SLACK
    assert names_in(tmp_path) == []


def test_a_cancelled_body_leaves_the_rate_to_the_others() -> None:
    async def run(server: RawServer) -> float:
        few = limits(rate=100_000, concurrency=1)
        async with asyncio.timeout(PATIENCE), Fetcher(few) as fetcher:
            first = asyncio.ensure_future(anext(fetcher.fetch([job(f"{server.url}/a")])))
            await asyncio.to_thread(server.wait_until, lambda server: len(server.requests) == 1)
            started = time.monotonic()
            first.cancel()
            result = await anext(fetcher.fetch([job(f"{server.url}/b")]))
            assert result.bytes == 50_000
            return time.monotonic() - started

    def answer(connection: Connection, request: Request) -> None:
        connection.send(response(bytes(1_000_000 if request.target == "/a" else 50_000)))

    with RawServer(answer) as server:
        assert asyncio.run(run(server)) < 1 + SLACK


def test_a_body_that_is_cut_goes_on_where_it_was(tmp_path: Path) -> None:
    sink = file_sink(tmp_path)
    patient = limits(rate=300_000, backoff=Backoff(tries=2))
    with RawServer(in_turn(cut_after(99_999, **STRONG), part(99_999))) as server:
        result = fetch(Job(url=server.url, sink=sink), patient, sleep=Waits())
    assert_whole(sink, result)
    assert 0.9 < result.duration_s < 1.1 + SLACK  # what was there is not paid for twice


def test_a_body_that_is_too_large_is_refused_under_a_rate_too() -> None:
    seconds, [result] = took(sends(response(bytes(9000))), 1, rate=10_000, max_bytes=2000)
    assert kind(result) == "too_large"
    assert seconds < 1


def test_what_has_no_body_does_not_wait() -> None:
    with RawServer(sends(response(length=10**9))) as server:
        jobs = [Job(url=server.url, sink=Sink(), method="HEAD") for _ in range(50)]
        started = time.monotonic()
        assert not any(result.error for result in fetch_all(jobs, limits(rate=1)))
    assert time.monotonic() - started < 1


def test_a_redirect_to_another_host_shares_the_rate() -> None:
    with (
        RawServer(sends(response(bytes(50_000)))) as other,
        RawServer(redirects(other.url)) as home,
    ):
        jobs = [Job(url=url, sink=Sink()) for url in (home.url, other.url)]
        started = time.monotonic()
        assert not any(result.error for result in fetch_all(jobs, limits(rate=100_000)))
    assert 0.9 < time.monotonic() - started < 1.1 + SLACK
