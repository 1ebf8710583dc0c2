import asyncio
import hashlib
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from multi_fetch import Fetcher, FileSink, HashSink, Job
from multi_fetch.exchange import PLENTY
from tests.multi_fetch.fetching import (
    PATIENCE,
    MemorySink,
    fetch,
    fetch_all,
    job,
    kind,
    let_others_run,
    limits,
    names_in,
)
from tests.multi_fetch.servers import FINE
from tests.multi_fetch.steps import taking
from tests.support.rawserver import TIMEOUT, Connection, RawServer, Request, response

BLOCK = random.Random(13).randbytes(65_536)  # noqa: S311 - content, not a secret
KERNEL = 16 * 1024 * 1024  # bytes that two sockets on loopback may hold between them


class Blocked(HashSink):
    """A sink that takes its first block when it is told to."""

    inline_below = 0

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.ended: list[str] = []

    def write(self, block: memoryview) -> None:
        self.entered.set()
        assert self.go_on.wait(TIMEOUT)
        super().write(block)

    def abort(self) -> None:
        self.ended.append("abort")

    def give_up(self) -> None:
        self.ended.append("give_up")


class Flood:
    """Sends a long body, and knows how much of it could be sent."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.sent = 0
        self.stuck = threading.Event()

    def __call__(self, connection: Connection, _request: Request) -> None:
        client = connection._client
        connection.send(response(length=self.blocks * len(BLOCK)))
        client.settimeout(0.15)
        view = memoryview(BLOCK)
        for _ in range(self.blocks):
            rest = view
            while rest:
                try:
                    size = client.send(rest)
                except TimeoutError:
                    self.stuck.set()
                    continue
                self.sent += size
                rest = rest[size:]
        client.settimeout(None)

    @property
    def digest(self) -> str:
        return hashlib.sha256(BLOCK * self.blocks).hexdigest()


def test_a_slow_sink_makes_the_server_wait_and_is_not_called_silent() -> None:
    flood, sink = Flood(1000), Blocked()

    async def run(url: str) -> None:
        few = limits(idle_timeout=0.1, timeout=PATIENCE)
        async with taking([Job(url=url, sink=sink)], few) as taker:
            await asyncio.to_thread(sink.entered.wait, TIMEOUT)
            assert await asyncio.to_thread(flood.stuck.wait, TIMEOUT)
            assert flood.sent < KERNEL + 4 * PLENTY
            assert await asyncio.to_thread(_quiet_for, 0.3)
            sink.go_on.set()
            [result] = await taker.all()
            assert (result.error, result.bytes) == (None, 1000 * len(BLOCK))

    with RawServer(flood) as server:
        asyncio.run(run(server.url))
    assert sink.digest == flood.digest


def _quiet_for(seconds: float) -> bool:
    """Let time pass in which the idle timeout would fire: three times as long as it is."""
    return not threading.Event().wait(seconds)


def test_the_timeout_of_the_attempt_does_not_wait_for_the_sink() -> None:
    flood, sink = Flood(1000), Blocked()

    async def run(url: str) -> None:
        async with taking([Job(url=url, sink=sink)], limits(timeout=0.3)) as taker:
            await asyncio.to_thread(sink.entered.wait, TIMEOUT)
            assert await asyncio.to_thread(_quiet_for, 0.4)
            sink.go_on.set()
            [result] = await taker.all()
            assert kind(result) == "timeout"
            assert result.bytes < 1000 * len(BLOCK)

    with RawServer(flood) as server:
        asyncio.run(run(server.url))
        server.wait_until(lambda server: server.open == 0)
    assert sink.ended == ["abort", "give_up"]


def test_a_server_that_is_silent_after_we_held_it_up_is_silent_for_too_long() -> None:
    def stalls(connection: Connection, _request: Request) -> None:
        connection.send(response(BLOCK * 20, length=10**9))
        connection.wait_for_hangup()

    class Slow(HashSink):
        inline_below = 0

        def write(self, block: memoryview) -> None:
            threading.Event().wait(0.05)
            super().write(block)

    with RawServer(stalls) as server:
        result = fetch(Job(url=server.url, sink=Slow()), limits(idle_timeout=0.2))
    assert (kind(result), result.bytes) == ("timeout", 20 * len(BLOCK))


def test_a_blocked_sink_does_not_hold_up_the_others() -> None:
    flood, sink = Flood(1000), Blocked()

    async def run(slow: RawServer, fast: RawServer) -> None:
        jobs = [Job(url=slow.url, sink=sink), *(job(fast.url) for _ in range(50))]
        async with taking(jobs, limits(concurrency=2)) as taker:
            await asyncio.to_thread(sink.entered.wait, TIMEOUT)
            results = await taker.until(50)
            assert {*map(kind, results)} == {None}
            sink.go_on.set()
            await taker.all()

    with RawServer(flood) as slow, RawServer(FINE) as fast:
        asyncio.run(run(slow, fast))


@pytest.mark.parametrize("resume", [False, True])
def test_large_files_at_once_are_each_right(tmp_path: Path, resume: bool) -> None:  # noqa: FBT001
    def answer(connection: Connection, request: Request) -> None:
        Flood(int(request.target[1:]))(connection, request)

    with RawServer(answer) as server:
        jobs = [
            Job(
                url=f"{server.url}/{100 + number}",
                sink=FileSink(
                    tmp_path / f"{number}",
                    temporary=tmp_path / f".{number}",
                    durable=False,
                    resume=resume,
                ),
            )
            for number in range(12)
        ]
        results = fetch_all(jobs, limits(concurrency=6))
    assert [kind(result) for result in results] == [None] * 12
    for result in results:
        blocks = int(result.job.url.rpartition("/")[2])
        assert result.bytes == blocks * len(BLOCK)
        assert result.job.sink.digest == hashlib.sha256(BLOCK * blocks).hexdigest()
        assert result.job.sink.path.stat().st_size == result.bytes
    assert len(names_in(tmp_path)) == 12


class Fussy(MemorySink):
    """Takes blocks on the event loop if they are small, else in a thread."""

    def __init__(self, inline_below: float) -> None:
        super().__init__()
        self.inline_below = inline_below
        self.blocks = 0

    def write(self, block: memoryview) -> None:
        assert len(block) > 0
        self.blocks += 1
        super().write(block)


@pytest.mark.parametrize("inline_below", [0, 1, 300_000, float("inf")])
@pytest.mark.parametrize("blocks", [0, 1, 5, 40])
def test_blocks_come_in_order_wherever_a_sink_takes_them(inline_below: float, blocks: int) -> None:
    with RawServer(Flood(blocks)) as server:
        sinks = [Fussy(inline_below) for _ in range(4)]
        fetch_all([Job(url=server.url, sink=sink) for sink in sinks])
    for sink in sinks:
        assert sink.calls == ["begin", "finish"]
        assert sink.body == BLOCK * blocks
        assert inline_below > 1 or sink.blocks <= blocks  # a thread gets them together


def test_results_that_nobody_takes_hold_up_further_jobs_only() -> None:
    pulled: list[int] = []

    def jobs(url: str) -> Any:
        while True:
            pulled.append(1)
            yield job(url)

    async def run(server: RawServer) -> None:
        async with asyncio.timeout(PATIENCE), Fetcher(limits(concurrency=3)) as fetcher:
            results = fetcher.fetch(jobs(server.url))
            await anext(results)
            await asyncio.to_thread(server.wait_until, lambda server: len(server.requests) >= 6)
            await let_others_run(500)
            at_first = len(pulled)
            assert at_first <= 8
            for number in range(1, 20):
                await anext(results)
                await let_others_run(20)
                assert len(pulled) <= at_first + number + 1

    with RawServer(FINE) as server:
        asyncio.run(run(server))


def test_a_consumer_that_pauses_between_results_gets_them_all() -> None:
    async def run(server: RawServer) -> int:
        taken = 0
        async with asyncio.timeout(PATIENCE), Fetcher(limits(concurrency=2, per_host=1)) as fetcher:
            async for _ in fetcher.fetch([job(server.url) for _ in range(40)]):
                taken += 1
                await let_others_run(taken % 7 * 10)
        return taken

    with RawServer(FINE) as server:
        assert asyncio.run(run(server)) == 40
