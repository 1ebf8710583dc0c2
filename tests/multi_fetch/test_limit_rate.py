"""The limit for all bodies together, over real connections."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multi_fetch import Fetcher, HashSink, Job, Result, Sink
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
