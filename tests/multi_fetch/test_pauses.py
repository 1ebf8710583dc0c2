import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from multi_fetch import Job
from tests.multi_fetch.fetching import (
    MemorySink,
    Waits,
    fetch,
    fetch_all,
    in_turn,
    job,
    kind,
    let_others_run,
    limits,
)
from tests.multi_fetch.servers import FINE, Gate
from tests.multi_fetch.steps import Held, Taker, requests, taking
from tests.support.rawserver import Answer, RawServer, response, sends
from toolroll_shared.retry import Backoff

TWICE = Backoff(tries=2, first=0.5, total=300.0)


def busy(status: int = 429, retry_after: str = "7") -> Answer:
    return sends(response(status=status, retry_after=retry_after))


def jobs_for(server: RawServer, number: int) -> list[Job[MemorySink]]:
    return [job(server.url) for _ in range(number)]


def urls(taker: Taker) -> set[str]:
    return {result.job.url for result in taker.results}


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("concurrency", [1, 3])
def test_a_host_that_asks_for_it_is_left_alone_while_others_go_on(
    status: int, concurrency: int
) -> None:
    async def run(asking: RawServer, other: RawServer) -> list[int]:
        held = Held()
        asking.answer = in_turn(busy(status), FINE)
        jobs = [*jobs_for(asking, 1), *jobs_for(other, 5), *jobs_for(asking, 4)]
        jobs += jobs_for(other, 5)
        few = limits(concurrency=concurrency, per_host=1, backoff=TWICE)
        async with taking(jobs, few, sleep=held) as taker:
            await held.until(1)
            await taker.until(10)
            await let_others_run()
            assert urls(taker) == {other.url}
            assert len(asking.requests) == 1
            held.let_go()
            results = await taker.all()
        assert held.seconds == [7.0]
        return sorted(result.attempts for result in results)

    with RawServer(FINE) as asking, RawServer(FINE) as other:
        assert asyncio.run(run(asking, other)) == [1] * 14 + [2]


def test_what_is_in_flight_goes_on_while_its_host_pauses() -> None:
    gate = Gate()

    async def run(server: RawServer) -> None:
        held = Held()
        few = limits(concurrency=2, backoff=TWICE)
        async with taking(jobs_for(server, 4), few, sleep=held) as taker:
            await held.until(1)
            gate.let()
            results = await taker.until(1)
            assert (kind(results[0]), results[0].attempts) == (None, 1)
            await let_others_run()
            assert len(server.requests) == 2
            gate.open()
            held.let_go()
            assert len(await taker.all()) == 4

    with RawServer(in_turn(busy(), gate)) as server:
        asyncio.run(run(server))


def test_a_pause_lasts_as_long_as_the_longest_that_was_asked_for() -> None:
    async def run(server: RawServer) -> None:
        held = Held()
        few = limits(concurrency=2, backoff=TWICE)
        async with taking(jobs_for(server, 4), few, sleep=held, random=lambda: 0.0) as taker:
            await held.until(2)
            longest = held.seconds.index(9.0)
            held.let_go(slice(1 - longest, 2 - longest))
            await let_others_run()
            assert len(server.requests) == 2
            held.let_go()
            assert len(await taker.all()) == 4
        assert sorted(held.seconds) == [3.0, 9.0]

    with RawServer(in_turn(busy(429, "3"), busy(503, "9"), FINE)) as server:
        asyncio.run(run(server))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(sends(response(status=503)), id="no Retry-After"),
        pytest.param(busy(503, "soon"), id="a Retry-After that says nothing"),
        pytest.param(busy(500), id="a status that does not throttle"),
        pytest.param(busy(408), id="a request timeout"),
    ],
)
def test_a_failure_that_is_only_the_jobs_does_not_pause_its_host(answer: Answer) -> None:
    async def run(server: RawServer) -> None:
        held = Held()
        few = limits(concurrency=1, backoff=TWICE)
        async with taking(jobs_for(server, 4), few, sleep=held) as taker:
            assert [kind(result) for result in await taker.until(3)] == [None] * 3
            held.let_go()
            assert [result.attempts for result in await taker.all()] == [1, 1, 1, 2]

    with RawServer(in_turn(answer, FINE)) as server:
        asyncio.run(run(server))


@pytest.mark.parametrize("retry_after", ["301", "86400", "9" * 400])
def test_a_pause_beyond_the_deadline_is_not_kept(retry_after: str) -> None:
    waits = Waits()
    with RawServer(in_turn(busy(429, retry_after), FINE)) as server:
        few = limits(concurrency=1, backoff=TWICE)
        results = fetch_all(jobs_for(server, 4), few, sleep=waits)
    assert [kind(result) for result in results] == ["http", None, None, None]
    assert waits.seconds == []


def test_a_host_that_pauses_again_and_again_is_served_in_the_end() -> None:
    waits = Waits()
    patient = limits(concurrency=4, backoff=Backoff(tries=9, total=1e9))
    with RawServer(in_turn(*[busy()] * 8, FINE)) as server:
        results = fetch_all(jobs_for(server, 8), patient, sleep=waits)
    assert [kind(result) for result in results] == [None] * 8
    assert len(waits.seconds) == 8


def test_after_its_pause_a_host_has_its_cap_again() -> None:
    gate = Gate()

    async def run(server: RawServer) -> None:
        held = Held()
        few = limits(concurrency=8, per_host=2, backoff=TWICE)
        async with taking(jobs_for(server, 10), few, sleep=held) as taker:
            await held.until(2)
            held.let_go()
            await requests(server, 4)
            gate.open()
            assert len(await taker.all()) == 10

    with RawServer(in_turn(busy(), busy(), gate)) as server:
        asyncio.run(run(server))
    assert gate.inside.most == 2


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
def test_a_status_that_passes_is_tried_again_and_others_are_not(status: int) -> None:
    with RawServer(in_turn(sends(response(status=status)), FINE)) as server:
        result = fetch(job(server.url), limits(backoff=TWICE), sleep=Waits())
    assert (result.status, result.attempts) == ((425, 1) if status == 425 else (200, 2))


def test_a_job_that_waits_for_its_next_try_holds_no_slot() -> None:
    async def run(server: RawServer) -> None:
        held = Held()
        few = limits(concurrency=1, per_host=1, backoff=TWICE)
        async with taking(jobs_for(server, 10), few, sleep=held) as taker:
            await taker.until(9)
            assert len(held.seconds) == 1
            held.let_go()
            assert (await taker.all())[-1].attempts == 2

    with RawServer(in_turn(sends(response(status=500)), FINE)) as server:
        asyncio.run(run(server))


@pytest.mark.parametrize("concurrency", [1, 2])
def test_a_next_try_does_not_wait_for_the_list_of_jobs(concurrency: int) -> None:
    async def jobs(url: str) -> AsyncIterator[Job[Any]]:
        for _ in range(concurrency):
            yield job(url)
        await asyncio.Event().wait()  # somebody types the rest of the list

    async def run(server: RawServer) -> None:
        failing = [sends(response(status=500))] * concurrency
        server.answer = in_turn(*failing, FINE)
        few = limits(concurrency=concurrency, backoff=Backoff(tries=9))
        async with taking(jobs(server.url), few, sleep=Waits()) as taker:
            async with asyncio.timeout(2):
                results = await taker.until(concurrency)
            assert [kind(result) for result in results] == [None] * concurrency

    with RawServer(FINE) as server:
        asyncio.run(run(server))


def test_a_place_that_is_free_is_used_while_the_list_of_jobs_is_waited_for() -> None:
    gate = Gate()

    async def jobs(url: str) -> AsyncIterator[Job[Any]]:
        for _ in range(3):
            yield job(url)
        await asyncio.Event().wait()

    async def run(server: RawServer) -> None:
        held = Held()
        few = limits(concurrency=2, backoff=TWICE)
        async with taking(jobs(server.url), few, sleep=held) as taker:
            await held.until(3)
            held.let_go()
            async with asyncio.timeout(2):
                await requests(server, 5)
            assert await asyncio.to_thread(gate.inside.wait_for, 2)
            gate.open()
            await taker.until(3)

    failing = [sends(response(status=500))] * 3
    with RawServer(in_turn(*failing, gate)) as server:
        asyncio.run(run(server))
