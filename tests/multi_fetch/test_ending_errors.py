"""What raises where nothing should: in `before_wait`, in a sink's end, and in the consumer."""

import asyncio
import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multi_fetch import Fetcher, FileSink, Job, Result, Sink
from tests.multi_fetch.fetching import (
    PATIENCE,
    MemorySink,
    Waits,
    fetch,
    fetch_all,
    in_turn,
    job,
    kind,
    limits,
    names_in,
)
from tests.multi_fetch.servers import FINE, Gate
from tests.multi_fetch.steps import Held, requests, taking
from tests.support.rawserver import Connection, RawServer, Request, response, sends
from toolroll_shared.retry import Backoff

TWICE = Backoff(tries=2)
BUSY = sends(response(status=500))


def raises(*_arguments: object) -> None:
    raise LookupError("no such callback")


async def left_by(
    jobs: list[Job[Any]], error: type[Exception], **effects: Any
) -> list[Result[Any]]:
    """Return the results that came before the error; nothing may be left of the engine."""
    taken = []

    async def take() -> None:
        async with asyncio.timeout(PATIENCE), Fetcher(limits(backoff=TWICE), **effects) as fetcher:
            async for result in fetcher.fetch(jobs):
                taken.append(result)  # noqa: PERF401 - they are wanted although it raises

    with pytest.raises(error):
        await take()
    assert len(asyncio.all_tasks()) == 1
    return taken


def test_what_before_wait_raises_reaches_the_consumer(caplog: pytest.LogCaptureFixture) -> None:
    with RawServer(BUSY) as server:
        jobs = [job(server.url) for _ in range(10)]
        asyncio.run(left_by(jobs, LookupError, before_wait=raises))
        server.wait_until(lambda server: server.open == 0)
    gc.collect()
    assert [record.getMessage() for record in caplog.records] == []
    assert [thread for thread in threading.enumerate() if "multi-fetch" in thread.name] == []


def test_what_before_wait_raises_ends_fetches_in_flight_and_leaves_no_part(tmp_path: Path) -> None:
    def answer(connection: Connection, request: Request) -> None:
        if request.target == "/busy":
            connection.send(response(status=500))
        else:
            connection.send(response(b"x" * 1000, length=10**6, etag='"1"'))
            connection.wait_for_hangup()

    with RawServer(answer) as server:
        sinks = [
            FileSink(tmp_path / f"{number}", temporary=tmp_path / f".{number}", resume=True)
            for number in range(3)
        ]
        jobs: list[Job[Any]] = [Job(url=f"{server.url}/x", sink=sink) for sink in sinks]
        jobs.append(job(f"{server.url}/busy"))
        asyncio.run(left_by(jobs, LookupError, before_wait=raises))
        server.wait_until(lambda server: server.open == 0)
    assert names_in(tmp_path) == []


def test_before_wait_may_stop_the_engine() -> None:
    async def run(server: RawServer) -> None:
        fetchers: list[Fetcher] = []

        def stop(*_arguments: object) -> None:
            fetchers[0].stop(0)

        one = limits(backoff=TWICE, concurrency=1)
        jobs = [job(server.url) for _ in range(3)]
        async with taking(jobs, one, before_wait=stop, sleep=Waits()) as taker:
            fetchers.append(taker.fetcher)
            results = await taker.all()
            assert [kind(result) for result in results] == ["cancelled"]
            assert len(server.requests) == 1

    with RawServer(BUSY) as server:
        asyncio.run(run(server))


@pytest.mark.parametrize("inline_below", [0, float("inf")])
@pytest.mark.parametrize("method", ["abort", "give_up"])
def test_a_sink_whose_end_raises_fails_alone(method: str, inline_below: float) -> None:
    class Bad(MemorySink):
        pass

    setattr(Bad, method, raises)
    Bad.inline_below = inline_below
    with RawServer(in_turn(sends(response(b"x" * 9, length=99)), FINE)) as server:
        few = limits(concurrency=1, idle_timeout=0.1)
        bad, good = fetch_all([Job(url=server.url, sink=Bad()), job(server.url)], few)
    assert (kind(bad), str(bad.error)) == ("timeout", "the server is silent for too long")
    assert kind(good) is None


@pytest.mark.parametrize("method", ["abort", "give_up"])
def test_a_sink_whose_end_raises_does_not_hold_up_the_end(method: str) -> None:
    class Bad(MemorySink):
        pass

    setattr(Bad, method, raises)
    gate = Gate()

    async def run(server: RawServer) -> None:
        jobs = [Job(url=server.url, sink=Bad()) for _ in range(6)]
        async with taking(jobs, limits(concurrency=2, per_host=2)) as taker:
            await requests(server, 2)
            taker.fetcher.stop(0)
            assert {*map(kind, await taker.all())} == {"cancelled"}

    with RawServer(gate) as server:
        asyncio.run(run(server))
        gate.open()


class Ending(Sink):
    """Tells how it ended."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def begin(self, offset: int, validator: str | None) -> None:
        del offset, validator
        self._told.append("begin")

    def finish(self) -> None:
        self._told.append("finish")

    def abort(self) -> None:
        self._told.append("abort")

    def give_up(self) -> None:
        self._told.append("give_up")


STALLS = sends(response(b"x", length=9))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (FINE, ["begin", "finish"]),
        (BUSY, ["give_up"]),
        (STALLS, ["begin", "abort", "give_up"]),
        (sends(b"nonsense\r\n\r\n"), ["give_up"]),
    ],
)
def test_a_sink_hears_of_its_end_once(answer: Any, expected: list[str]) -> None:
    told: list[str] = []
    with RawServer(answer) as server:
        fetch(Job(url=server.url, sink=Ending(told)), limits(idle_timeout=0.1))
    assert [call for call in told if call != "abort"] == [c for c in expected if c != "abort"]
    assert ("abort" in told) == ("abort" in expected)


@pytest.mark.parametrize("url", ["http://[", "http://127.0.0.1:1", "ftp://x/"])
def test_a_sink_whose_url_is_never_requested_hears_that_it_is_given_up(url: str) -> None:
    told: list[str] = []
    fetch(Job(url=url, sink=Ending(told)))
    assert told == ["give_up"]


@pytest.mark.parametrize("end", ["stop", "leave"])
def test_every_sink_that_was_taken_and_not_finished_is_given_up(end: str) -> None:
    told: list[list[str]] = [[] for _ in range(8)]
    held = 0

    async def run(server: RawServer) -> None:
        nonlocal held
        sleep = Held()
        jobs = [Job(url=server.url, sink=Ending(one)) for one in told]
        few = limits(concurrency=3, per_host=3, backoff=TWICE)
        async with taking(jobs, few, sleep=sleep) as taker:
            await sleep.until(8)
            held = len(sleep.seconds)
            if end == "stop":
                taker.fetcher.stop(0)
                assert len(await taker.all()) == 8

    with RawServer(BUSY) as server:
        asyncio.run(run(server))
    assert held == 8
    assert told == [["give_up"]] * 8


@pytest.mark.parametrize("threads", [1, 2])
def test_a_sink_that_blocks_is_waited_for_when_everything_ends(threads: int) -> None:
    entered, go_on = threading.Event(), threading.Event()
    calls: list[str] = []

    class Blocking(MemorySink):
        def give_up(self) -> None:
            entered.set()
            go_on.wait(PATIENCE)
            calls.append("given up")

    async def run(server: RawServer) -> None:
        async with taking([Job(url=server.url, sink=Blocking())], limits(concurrency=threads)):
            await asyncio.to_thread(entered.wait, PATIENCE)
            asyncio.get_running_loop().call_soon(go_on.set)
        assert calls == ["given up"]

    with RawServer(sends(response(status=404))) as server:
        asyncio.run(run(server))


def consumers() -> list[Any]:
    async def by_error(results: Any) -> None:
        async for _ in results:
            raise LookupError

    async def by_closing(results: Any) -> None:
        await anext(results)
        await results.aclose()
        raise LookupError

    return [by_error, by_closing]


@pytest.mark.parametrize("consume", consumers(), ids=lambda consume: consume.__name__)
def test_a_consumer_that_fails_leaves_a_working_engine(consume: Callable[[Any], Any]) -> None:
    async def run(server: RawServer) -> list[str | None]:
        async with asyncio.timeout(PATIENCE), Fetcher(limits(concurrency=2)) as fetcher:
            with pytest.raises(LookupError):
                await consume(fetcher.fetch([job(server.url) for _ in range(20)]))
            return [kind(one) async for one in fetcher.fetch([job(server.url) for _ in range(5)])]

    with RawServer(FINE) as server:
        assert asyncio.run(run(server)) == [None] * 5


def test_two_lists_at_once_do_not_mix() -> None:
    async def run(one: RawServer, other: RawServer) -> None:
        async with asyncio.timeout(PATIENCE), Fetcher(limits()) as fetcher:

            async def urls(server: RawServer) -> set[str]:
                jobs = [job(server.url) for _ in range(30)]
                return {result.job.url async for result in fetcher.fetch(jobs)}

            found = [*await asyncio.gather(urls(one), urls(other))]
            assert found == [{one.url}, {other.url}]

    with RawServer(FINE) as one, RawServer(FINE) as other:
        asyncio.run(run(one, other))
