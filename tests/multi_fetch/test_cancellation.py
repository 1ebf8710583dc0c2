import asyncio
import gc
import random
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from multi_fetch import Fetcher, FileSink, Job
from tests.multi_fetch.fetching import (
    PATIENCE,
    MemorySink,
    by_path,
    fetch,
    fetch_all,
    job,
    kind,
    let_others_run,
    limits,
)
from tests.support.rawserver import TIMEOUT, Connection, RawServer, Request, response, sends
from toolroll_shared.retry import Backoff

ROUNDS = 50
BLOCK = b"x" * 100_000

needs_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="counts in /proc")


def never_ends(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.send(BLOCK)


def stops_halfway(connection: Connection, _request: Request) -> None:
    connection.send(response(BLOCK * 5, length=10**9))
    connection.wait_for_hangup()


def silent(connection: Connection, _request: Request) -> None:
    connection.wait_for_hangup()


PATHS: dict[str, Callable[[Connection, Request], None]] = {
    "endless": never_ends,
    "stalled": stops_halfway,
    "small": sends(response(b"small")),
    "large": sends(response(BLOCK * 5)),
    "missing": sends(response(status=404)),
    "busy": sends(response(status=503)),
}


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(by_path(**PATHS)) as server:
        yield server


def mixed_jobs(server: RawServer, folder: Path, chance: random.Random) -> Iterator[Job[FileSink]]:
    """Endlessly many jobs; about every third never ends by itself."""
    number = 0
    while True:
        number += 1
        url = f"{server.url}/{chance.choice(list(PATHS))}"
        sink = FileSink(folder / f"{number}.done", temporary=folder / f"{number}.part")
        yield Job(url=url, sink=sink)


def open_files() -> set[str]:
    """What the descriptors of this process lead to: files and sockets, not the runtime's own."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{descriptor.name} {descriptor.readlink()}")
        except FileNotFoundError:  # the one that lists the folder
            continue
    return {name for name in found if "anon_inode" not in name}


async def consume(jobs: Iterator[Job[FileSink]]) -> None:
    async with Fetcher(limits(concurrency=6, backoff=Backoff(first=0.01))) as fetcher:
        async for _ in fetcher.fetch(jobs):
            pass


async def cancelled_after(turns: int, jobs: Iterator[Job[FileSink]]) -> int:
    """Cancel a consumer of the jobs that soon; return how many tasks are left."""
    task = asyncio.create_task(consume(jobs))
    await let_others_run(turns)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return len(asyncio.all_tasks()) - 1


@needs_proc
def test_cancelling_at_any_moment_leaves_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(50)  # noqa: S311 - a fixed seed: every run cancels alike
    before = open_files()
    with RawServer(by_path(**PATHS)) as server:
        for number in range(ROUNDS):
            jobs = mixed_jobs(server, tmp_path / str(number), chance)
            assert asyncio.run(cancelled_after(chance.randrange(300), jobs)) == 0
            server.wait_until(lambda server: server.open == 0)
    assert len(server.requests) > ROUNDS
    assert open_files() <= before
    assert list(tmp_path.rglob("*.part")) == []
    assert {path.stat().st_size for path in tmp_path.rglob("*.done")} <= {5, 5 * len(BLOCK)}
    assert [record.getMessage() for record in caplog.records] == []


def test_a_request_without_an_answer_is_closed_after_the_idle_timeout_at_the_latest() -> None:
    async def run(server: RawServer) -> None:
        one = limits(idle_timeout=0.3, timeout=60.0)
        async with Fetcher(one) as fetcher:
            waiting = asyncio.ensure_future(anext(fetcher.fetch([job(server.url)])))
            await asyncio.to_thread(server.wait_until, lambda server: len(server.requests) == 1)
            waiting.cancel()

    with RawServer(silent) as server:
        asyncio.run(run(server))
        server.wait_until(lambda server: server.open == 0)


def test_a_request_without_an_answer_is_closed_when_it_is_cancelled() -> None:
    async def run(server: RawServer) -> None:
        async with Fetcher(limits(idle_timeout=60.0, timeout=60.0)) as fetcher:
            waiting = asyncio.ensure_future(anext(fetcher.fetch([job(server.url)])))
            await asyncio.to_thread(server.wait_until, lambda server: len(server.requests) == 1)
            waiting.cancel()

    with RawServer(silent) as server:
        asyncio.run(run(server))
        server.wait_until(lambda server: server.open == 0)


async def leave_by_break(jobs: Iterator[Job[FileSink]]) -> None:
    async with Fetcher(limits()) as fetcher:
        async for _ in fetcher.fetch(jobs):
            break


async def stumble(jobs: Iterator[Job[FileSink]]) -> None:
    async with Fetcher(limits()) as fetcher:
        async for _ in fetcher.fetch(jobs):
            raise LookupError


async def leave_by_error(jobs: Iterator[Job[FileSink]]) -> None:
    with pytest.raises(LookupError):
        await stumble(jobs)


async def leave_without_taking(jobs: Iterator[Job[FileSink]]) -> None:
    async with Fetcher(limits()) as fetcher:
        await anext(fetcher.fetch(jobs))


@pytest.mark.parametrize("leave", [leave_by_break, leave_by_error, leave_without_taking])
def test_leaving_early_leaves_no_task_no_partial_file_and_no_connection(
    server: RawServer,
    tmp_path: Path,
    leave: Callable[[Iterator[Job[FileSink]]], Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> int:
        async with asyncio.timeout(PATIENCE):
            jobs = mixed_jobs(server, tmp_path, random.Random(3))  # noqa: S311 - a fixed seed
            await leave(jobs)
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run(run()) == 0
    assert list(tmp_path.glob("*.part")) == []
    assert [record.getMessage() for record in caplog.records] == []
    server.wait_until(lambda server: server.open == 0)


def test_every_connection_is_closed_when_the_context_is_left() -> None:
    async def run(server: RawServer) -> None:
        async with asyncio.timeout(PATIENCE):
            fetcher = Fetcher(limits())
            async with fetcher:
                async for _ in fetcher.fetch([job(server.url) for _ in range(20)]):
                    pass
            await asyncio.to_thread(server.wait_until, lambda server: server.open == 0)
            del fetcher  # it was alive until now: nobody's memory has to be freed for that

    with RawServer(sends(response(b"fine"))) as server:
        asyncio.run(run(server))


class SlowSink(MemorySink):
    """A sink whose write takes until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.go_on = threading.Event(), threading.Event()

    def write(self, block: memoryview) -> None:
        self.calls.append("write")
        self.entered.set()
        assert self.go_on.wait(TIMEOUT)
        self.calls.append(f"written {len(block) > 0}")


@pytest.mark.parametrize("cancellations", [1, 3])
def test_a_write_in_a_thread_ends_before_its_sink_is_aborted(cancellations: int) -> None:
    sink = SlowSink()

    async def run(url: str) -> list[str]:
        task = asyncio.create_task(fetch_in_task(Job(url=url, sink=sink)))
        await asyncio.to_thread(sink.entered.wait, TIMEOUT)
        for _ in range(cancellations):
            task.cancel()
            await let_others_run()
        calls = list(sink.calls)
        sink.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return calls

    with RawServer(stops_halfway) as server:
        assert asyncio.run(run(server.url)) == ["begin", "write"]
    assert sink.calls == ["begin", "write", "written True", "abort"]


async def fetch_in_task(one: Job[SlowSink]) -> None:
    async with Fetcher(limits()) as fetcher:
        async for _ in fetcher.fetch([one]):
            pass


class SluggishSink(MemorySink):
    """A sink whose write takes longer than the attempt may."""

    def write(self, block: memoryview) -> None:
        self.calls.append(f"write {len(block) > 0}")
        threading.Event().wait(0.2)
        self.calls.append("written")


def test_a_timeout_during_a_write_also_waits_for_its_end() -> None:
    with RawServer(stops_halfway) as server:
        result = fetch(Job(url=server.url, sink=SluggishSink()), limits(timeout=0.1))
    calls = result.job.sink.calls
    assert kind(result) == "timeout"
    # a slow machine may not get as far as a write, or as far as a second one
    assert re.fullmatch("(begin(, write True, written)*, abort)?", ", ".join(calls))


def test_jobs_that_wait_for_more_do_not_hold_up_the_end() -> None:
    closed = []

    async def jobs(url: str) -> AsyncIterator[Job[MemorySink]]:
        try:
            yield job(url)
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    async def run(server: RawServer) -> int:
        async with asyncio.timeout(PATIENCE):
            async with Fetcher(limits()) as fetcher:
                await anext(fetcher.fetch(jobs(server.url)))
            return len(asyncio.all_tasks()) - 1

    with RawServer(sends(response())) as server:
        assert asyncio.run(run(server)) == 0
    assert closed == [True]


def threads() -> tuple[int, int]:
    """How many there are: Python's own, and with those of the libraries."""
    return threading.active_count(), len(list(Path("/proc/self/task").iterdir()))


@needs_proc
def test_threads_do_not_pile_up() -> None:
    with RawServer(sends(response(BLOCK))) as server:
        fetch_all([job(server.url)])
        gc.collect()
        server.wait_until(lambda server: server.open == 0)
        before = threads()
        for _ in range(10):
            fetch_all([job(server.url) for _ in range(8)])
        gc.collect()
        server.wait_until(lambda server: server.open == 0)
        python, all_of_them = threads()
    assert python <= before[0]
    assert all_of_them <= before[1] + 3  # a library's pool may still be growing to its size
