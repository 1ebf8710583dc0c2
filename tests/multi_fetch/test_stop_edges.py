import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from typing import Any

import pytest

from multi_fetch import Fetcher, Job
from tests.multi_fetch.fetching import (
    PATIENCE,
    MemorySink,
    in_turn,
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
from tests.support.rawserver import Connection, RawServer, Request, redirects, response
from toolroll_shared.retry import Backoff

LONG = 60.0  # seconds that no test waits for
TWICE = Backoff(tries=2)


def test_no_further_job_is_taken_from_a_list_that_waits() -> None:
    ended = []

    async def jobs(url: str) -> AsyncIterator[Job[MemorySink]]:
        try:
            yield job(url)
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def run(server: RawServer) -> int:
        async with taking(jobs(server.url), limits(concurrency=3)) as taker:
            await taker.until(1)
            await let_others_run()
            taker.fetcher.stop(LONG)
            await taker.all()
            assert kinds(taker) == {None: 1}
        return len(asyncio.all_tasks()) - 1

    with RawServer(FINE) as server:
        assert asyncio.run(run(server)) == 0
    assert ended == [True]


def test_a_list_that_ends_late_when_it_is_cancelled_is_waited_for() -> None:
    ended = []

    async def jobs(url: str) -> AsyncIterator[Job[MemorySink]]:
        try:
            yield job(url)
            await asyncio.Event().wait()
        finally:
            await let_others_run(50)
            ended.append(True)

    async def run(server: RawServer) -> int:
        async with taking(jobs(server.url), limits(concurrency=2)) as taker:
            await taker.until(1)
            taker.fetcher.stop(0)
            await taker.all()
        return len(asyncio.all_tasks()) - 1

    with RawServer(FINE) as server:
        assert asyncio.run(run(server)) == 0
    assert ended == [True]


class Stopping:
    """Jobs; after some of them, taking the next one stops the engine."""

    def __init__(self, url: str, after: int) -> None:
        self.taken: list[Job[Any]] = []
        self.fetcher: Fetcher | None = None
        self._url = url
        self._after = after

    def __iter__(self) -> Iterator[Job[Any]]:
        for number in count():
            if number == self._after and self.fetcher:
                self.fetcher.stop(LONG)
            self.taken.append(job(self._url))
            yield self.taken[-1]

    async def later(self) -> AsyncIterator[Job[Any]]:
        for one in self:
            yield one


@pytest.mark.parametrize("concurrency", [1, 3])
@pytest.mark.parametrize("as_list", [iter, Stopping.later])
def test_a_list_may_stop_the_engine_while_a_job_is_taken_from_it(
    as_list: Callable[[Stopping], Any], concurrency: int
) -> None:
    async def run(server: RawServer) -> None:
        stopping = Stopping(server.url, after=5)
        async with taking(as_list(stopping), limits(concurrency=concurrency)) as taker:
            stopping.fetcher = taker.fetcher
            await taker.all()
            assert_each_has_its_result(stopping.taken, taker)
            assert set(kinds(taker)) <= {None, "cancelled"}

    with RawServer(FINE) as server:
        asyncio.run(run(server))


@pytest.mark.parametrize("attempt", range(10))
def test_redirects_do_not_outlive_the_grace(attempt: int) -> None:
    del attempt

    async def run(server: RawServer) -> None:
        far = limits(redirects=10**9, concurrency=4)
        async with taking(endless(server.url, []), far) as taker:
            await requests(server, 20)
            taker.fetcher.stop(0.01)
            async with asyncio.timeout(1):
                await taker.all()
            assert set(kinds(taker)) == {"cancelled"}

    with RawServer(redirects("/again")) as server:
        asyncio.run(run(server))


def test_a_body_that_came_before_the_end_of_the_grace_is_kept_by_a_slow_sink() -> None:
    sink = SlowSink()

    async def run(server: RawServer) -> Taker:
        async with taking([Job(url=server.url, sink=sink)], limits()) as taker:
            await sink.entered()
            taker.fetcher.stop(0)
            await let_others_run()
            sink.go_on()
            await taker.all()
            return taker

    with RawServer(FINE) as server:
        taker = asyncio.run(run(server))
    assert kinds(taker) == {None: 1}
    assert sink.body == b"fine"


class SlowSink(MemorySink):
    """Takes its block when it is told to."""

    def __init__(self) -> None:
        from threading import Event

        super().__init__()
        self._entered, self._go_on = Event(), Event()

    def write(self, block: memoryview) -> None:
        self._entered.set()
        self._go_on.wait(PATIENCE)
        super().write(block)

    async def entered(self) -> None:
        await asyncio.to_thread(self._entered.wait, PATIENCE)

    def go_on(self) -> None:
        self._go_on.set()


def test_a_consumer_that_comes_late_still_has_all_results(gate: Gate, gated: RawServer) -> None:
    jobs = [job(gated.url) for _ in range(50)]

    async def run() -> Counter[str | None]:
        few = limits(concurrency=4, per_host=2)
        async with asyncio.timeout(PATIENCE), Fetcher(few) as fetcher:
            results = fetcher.fetch(jobs)
            first = asyncio.ensure_future(anext(results))
            await requests(gated, 2)
            gate.open()
            taken = [await first]
            fetcher.stop(LONG)
            await let_others_run()
            taken += [result async for result in results]
            assert Counter(id(one.job) for one in taken) == Counter(map(id, jobs))
            return Counter(map(kind, taken))

    assert set(asyncio.run(run())) == {None, "cancelled"}


def test_a_job_that_could_not_be_requested_is_told_also_after_the_stop(gated: RawServer) -> None:
    async def run() -> None:
        jobs = [job("http://["), job(gated.url), job(gated.url)]
        async with taking(jobs, limits(concurrency=1)) as taker:
            await requests(gated, 1)
            taker.fetcher.stop(0)
            results = await taker.all()
            assert [*map(kind, results)] == ["url", "cancelled"]

    asyncio.run(run())


def test_a_host_that_pauses_does_not_hold_up_the_stop() -> None:
    def answer(connection: Connection, _request: Request) -> None:
        connection.send(response(status=503, retry_after="100"))

    async def run(server: RawServer) -> None:
        jobs = [job(server.url) for _ in range(9)]
        held = Held()
        async with taking(jobs, limits(concurrency=2, backoff=TWICE), sleep=held) as taker:
            await held.until(2)
            await let_others_run()  # the others are taken, to find one that could start
            taker.fetcher.stop(LONG)
            async with asyncio.timeout(1):
                await taker.all()
            assert_each_has_its_result(jobs, taker)
            assert kinds(taker) == {"cancelled": 9}

    with RawServer(in_turn(answer)) as server:
        asyncio.run(run(server))
