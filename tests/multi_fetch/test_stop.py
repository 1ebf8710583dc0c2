import asyncio
from typing import Any

import pytest

from multi_fetch import Fetcher, Job
from tests.multi_fetch.fetching import (
    PATIENCE,
    Waits,
    job,
    kind,
    let_others_run,
    limits,
)
from tests.multi_fetch.servers import FINE, Gate
from tests.multi_fetch.steps import (
    Held,
    Taker,
    assert_each_has_its_result,
    endless,
    kinds,
    requests,
    taking,
)
from tests.support.rawserver import RawServer, response, sends
from toolroll_shared.retry import Backoff

LONG = 60.0  # seconds that no test waits for
TWICE = Backoff(tries=2)


def test_what_is_in_flight_finishes_within_the_grace_and_nothing_starts(
    gate: Gate, gated: RawServer
) -> None:
    pulled: list[Job[Any]] = []

    async def run() -> Taker:
        async with taking(endless(gated.url, pulled), limits(concurrency=3)) as taker:
            await requests(gated, 3)
            taker.fetcher.stop(LONG)
            await let_others_run()
            gate.open()
            await taker.all()
            return taker

    taker = asyncio.run(run())
    assert_each_has_its_result(pulled, taker)
    assert kinds(taker) == {None: 3}
    assert len(gated.requests) == 3


def test_what_is_in_flight_after_the_grace_is_cancelled(gated: RawServer) -> None:
    pulled: list[Job[Any]] = []

    async def run() -> Taker:
        async with taking(endless(gated.url, pulled), limits(concurrency=3)) as taker:
            await requests(gated, 3)
            taker.fetcher.stop(0.05)
            await taker.all()
            return taker

    taker = asyncio.run(run())
    assert_each_has_its_result(pulled, taker)
    assert kinds(taker) == {"cancelled": 3}
    assert [(result.attempts, result.status) for result in taker.results] == [(1, None)] * 3


def test_what_waits_for_its_host_is_cancelled_at_once(gate: Gate, gated: RawServer) -> None:
    jobs = [job(gated.url) for _ in range(20)]

    async def run() -> Taker:
        async with taking(jobs, limits(concurrency=4, per_host=1)) as taker:
            await requests(gated, 1)
            taker.fetcher.stop(LONG)
            await taker.until(19)
            assert kinds(taker) == {"cancelled": 19}
            assert [result.attempts for result in taker.results] == [0] * 19
            assert [result.duration_s for result in taker.results] == [0.0] * 19
            gate.open()
            await taker.all()
            return taker

    taker = asyncio.run(run())
    assert_each_has_its_result(jobs, taker)
    assert kinds(taker) == {None: 1, "cancelled": 19}


@pytest.mark.parametrize("answer", [response(status=500), response(status=429, retry_after="9")])
def test_what_waits_for_its_next_try_is_cancelled_at_once(answer: bytes) -> None:
    async def run(server: RawServer) -> None:
        held = Held()
        jobs = [job(server.url) for _ in range(3)]
        few = limits(concurrency=1, backoff=TWICE)
        async with taking(jobs, few, sleep=held) as taker:
            await held.until(1)
            await let_others_run()
            taker.fetcher.stop(LONG)
            await taker.all()
            assert_each_has_its_result(jobs[: len(taker.results)], taker)
            assert kinds(taker)["cancelled"] >= 1
            assert {result.status for result in taker.results} <= {None, 500, 429}

    with RawServer(sends(answer)) as server:
        asyncio.run(run(server))


def test_what_fails_after_the_stop_is_not_tried_again(gate: Gate) -> None:
    waits = Waits()

    async def run(server: RawServer) -> Taker:
        few = limits(backoff=TWICE)
        async with taking([job(server.url)], few, sleep=waits) as taker:
            await requests(server, 1)
            taker.fetcher.stop(LONG)
            gate.open()
            await taker.all()
            return taker

    gate._then = sends(response(status=503, retry_after="1"))
    with RawServer(gate) as server:
        taker = asyncio.run(run(server))
    assert [(kind(one), one.status, one.attempts) for one in taker.results] == [("http", 503, 1)]
    assert waits.seconds == []


@pytest.mark.parametrize("first", [LONG, 0.0])
def test_a_second_stop_ends_the_grace(first: float, gated: RawServer) -> None:
    jobs = [job(gated.url) for _ in range(10)]

    async def run() -> Taker:
        async with taking(jobs, limits(concurrency=2, per_host=2)) as taker:
            await requests(gated, 2)
            taker.fetcher.stop(first)
            taker.fetcher.stop(0)
            await taker.all()
            return taker

    taker = asyncio.run(run())
    assert_each_has_its_result(jobs[: len(taker.results)], taker)
    assert set(kinds(taker)) == {"cancelled"}


def test_a_stop_without_work_changes_nothing() -> None:
    async def run() -> None:
        async with asyncio.timeout(PATIENCE), Fetcher(limits()) as fetcher:
            fetcher.stop(0)
            fetcher.stop(LONG)
            await let_others_run()

    asyncio.run(run())


def test_a_stop_after_the_last_result_changes_nothing() -> None:
    async def run(server: RawServer) -> None:
        async with taking([job(server.url)], limits()) as taker:
            assert len(await taker.all()) == 1
            taker.fetcher.stop(0)
            await let_others_run()
            assert kinds(taker) == {None: 1}

    with RawServer(FINE) as server:
        asyncio.run(run(server))


def test_a_list_that_is_begun_after_the_stop_starts_nothing() -> None:
    async def run(server: RawServer) -> None:
        async with asyncio.timeout(PATIENCE), Fetcher(limits()) as fetcher:
            fetcher.stop(LONG)
            results = [kind(one) async for one in fetcher.fetch([job(server.url)] * 3)]
        assert set(results) <= {"cancelled"}

    with RawServer(FINE) as server:
        asyncio.run(run(server))
        assert server.requests == []


def test_a_stop_reaches_every_list(gated: RawServer) -> None:
    async def run() -> None:
        async with taking([job(gated.url)] * 3, limits(concurrency=2)) as taker:
            other = Taker(taker.fetcher, [job(gated.url)] * 3)
            await requests(gated, 4)
            taker.fetcher.stop(0)
            assert {*map(kind, await taker.all())} == {"cancelled"}
            assert {*map(kind, await other.all())} == {"cancelled"}

    asyncio.run(run())
