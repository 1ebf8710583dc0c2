"""Where a redirect leads counts for the host that it leads to."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from multi_fetch import Job
from tests.multi_fetch.fetching import (
    MemorySink,
    Waits,
    fetch_all,
    in_turn,
    job,
    kind,
    let_others_run,
    limits,
)
from tests.multi_fetch.servers import FINE, Gate
from tests.multi_fetch.steps import Held, requests, taking
from tests.support.rawserver import RawServer, redirects, response, sends
from toolroll_shared.retry import Backoff

BUSY = sends(response(status=429, retry_after="7"))


@pytest.mark.parametrize("cap", [1, 2])
def test_the_cap_of_a_host_counts_those_that_others_have_sent_there(cap: int) -> None:
    gate = Gate()

    async def run(target: RawServer, sources: list[RawServer]) -> None:
        jobs = [job(server.url) for server in sources]
        async with taking(jobs, limits(concurrency=9, per_host=cap)) as taker:
            await requests(target, cap)
            await let_others_run(2000)
            gate.open()
            await taker.all()
        assert [kind(result) for result in taker.results] == [None] * len(jobs)

    with RawServer(gate) as target:
        sources = [RawServer(redirects(f"{target.url}/x")) for _ in range(5)]
        for server in sources:
            server.__enter__()
        asyncio.run(run(target, sources))
        for server in sources:
            server.__exit__(None, None, None)
    assert gate.inside.most == cap


def test_two_hosts_that_send_each_other_work_do_not_wait_for_each_other() -> None:
    with RawServer(FINE) as one, RawServer(redirects(f"{one.url}/end")) as other:
        one.answer = lambda connection, request: (
            FINE if request.target == "/end" else redirects(f"{other.url}/next")
        )(connection, request)
        jobs = [job(url) for _ in range(5) for url in (one.url, other.url)]
        results = fetch_all(jobs, limits(concurrency=8, per_host=1))
    assert [kind(result) for result in results] == [None] * 10


def test_a_pause_is_of_the_host_that_asked_for_it() -> None:
    async def run(home: RawServer, target: RawServer) -> None:
        held = Held()
        few = limits(concurrency=1, per_host=1, backoff=Backoff(tries=2))
        home.answer = in_turn(redirects(target.url), FINE)
        jobs = [job(home.url), job(home.url), job(target.url), job(home.url)]
        async with taking(jobs, few, sleep=held) as taker:
            await held.until(1)
            await taker.until(2)
            await let_others_run()
            assert {result.job.url for result in taker.results} == {home.url}
            assert len(target.requests) == 1
            held.let_go()
            await taker.all()

    with RawServer(FINE) as home, RawServer(in_turn(BUSY, FINE)) as target:
        asyncio.run(run(home, target))
        assert len(target.requests) == 2


def test_a_visit_to_a_host_that_pauses_waits_for_its_end() -> None:
    async def run(home: RawServer, target: RawServer) -> None:
        held = Held()
        few = limits(concurrency=3, backoff=Backoff(tries=2))
        async with taking([job(target.url), job(home.url)], few, sleep=held) as taker:
            await requests(home, 1)
            await held.until(1)
            await let_others_run()
            held.let_go()
            await taker.all()
            assert [kind(result) for result in taker.results] == [None, None]

    with RawServer(in_turn(BUSY, FINE)) as target, RawServer(redirects(target.url)) as home:
        asyncio.run(run(home, target))


@pytest.mark.parametrize("grace", [0.0, 0.05])
def test_who_waits_for_another_host_does_not_hold_up_a_stop(grace: float) -> None:
    gate = Gate()

    async def run(target: RawServer, home: RawServer) -> None:
        jobs = [job(target.url), job(home.url)]
        async with taking(jobs, limits(concurrency=3, per_host=1)) as taker:
            await requests(target, 1)
            await requests(home, 1)
            await let_others_run()
            taker.fetcher.stop(grace)
            async with asyncio.timeout(2):
                await taker.all()
        assert [kind(result) for result in taker.results] == ["cancelled", "cancelled"]

    with RawServer(gate) as target, RawServer(redirects(f"{target.url}/x")) as home:
        asyncio.run(run(target, home))
        gate.open()


def test_leaving_while_somebody_waits_for_another_host_leaves_nothing_behind() -> None:
    gate = Gate()

    async def run(target: RawServer, home: RawServer) -> int:
        jobs = [job(target.url), job(home.url), job(home.url)]
        async with taking(jobs, limits(concurrency=3, per_host=1)):
            await requests(target, 1)
            await requests(home, 1)
            await let_others_run()
        return len(asyncio.all_tasks()) - 1

    with RawServer(gate) as target, RawServer(redirects(f"{target.url}/x")) as home:
        assert asyncio.run(run(target, home)) == 0
        gate.open()
        target.wait_until(lambda server: server.open == 0)


def test_a_host_is_left_alone_also_when_the_job_that_it_told_so_has_no_tries_left() -> None:
    waits = Waits()
    with RawServer(in_turn(BUSY, FINE)) as server:
        once = limits(concurrency=1, backoff=Backoff(tries=1))
        results = fetch_all([job(server.url) for _ in range(3)], once, sleep=waits)
    assert [kind(result) for result in results] == ["http", None, None]
    assert len(waits.seconds) == 1
    assert waits.seconds[0] >= 7.0


def test_the_end_does_not_wait_for_the_pause_of_a_host_that_nobody_needs() -> None:
    async def run(server: RawServer) -> int:
        once = limits(concurrency=1, backoff=Backoff(tries=1))
        async with asyncio.timeout(5), taking([job(server.url)], once) as taker:
            await taker.all()
        return len(asyncio.all_tasks()) - 1

    with RawServer(BUSY) as server:
        assert asyncio.run(run(server)) == 0


def test_who_is_sent_to_a_host_that_pauses_holds_no_slot_and_no_time_of_its_attempt() -> None:
    async def run(home: RawServer, target: RawServer, other: RawServer) -> None:
        held = Held()
        few = limits(concurrency=2, timeout=2.0, backoff=Backoff(tries=2))

        async def jobs() -> AsyncIterator[Job[MemorySink]]:
            yield job(target.url)
            await held.until(1)
            for url in (home.url, home.url, *[other.url] * 6):
                yield job(url)

        async with taking(jobs(), few, sleep=held) as taker:
            await taker.until(6)
            assert {result.job.url for result in taker.results} == {other.url}
            held.let_go()
            await taker.all()
            assert [kind(result) for result in taker.results] == [None] * 9
            assert {result.attempts for result in taker.results} == {1, 2}

    with (
        RawServer(in_turn(BUSY, FINE)) as target,
        RawServer(redirects(target.url)) as home,
        RawServer(FINE) as other,
    ):
        asyncio.run(run(home, target, other))


def test_who_is_sent_on_leaves_room_for_the_next_at_once() -> None:
    gate = Gate()

    async def run(home: RawServer, target: RawServer) -> None:
        jobs = [job(home.url) for _ in range(3)]
        async with taking(jobs, limits(concurrency=5, per_host=1)) as taker:
            await requests(target, 1)
            await taker.until(2)
            gate.open()
            await taker.all()

    with RawServer(gate) as target, RawServer(in_turn(redirects(target.url), FINE)) as home:
        asyncio.run(run(home, target))
