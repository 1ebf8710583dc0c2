"""Stops and ends at random moments: nothing is left, nothing is said, and results add up."""

import asyncio
import gc
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from multi_fetch import Fetcher, FileSink, HashSink, Job, Result
from tests.multi_fetch.fetching import PATIENCE, by_path, job, kind, let_others_run, limits
from tests.support.rawserver import Connection, RawServer, Request, redirects, response, sends
from toolroll_shared.retry import Backoff

ROUNDS = 40
BLOCK = b"x" * 100_000
STRONG: dict[str, Any] = {"etag": '"1"'}

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="counts in /proc")


def endless(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.send(BLOCK)


def stalls(connection: Connection, _request: Request) -> None:
    connection.send(response(BLOCK * 5, length=10**9, **STRONG))
    connection.wait_for_hangup()


def cuts(connection: Connection, _request: Request) -> None:
    connection.send(response(BLOCK * 3, length=10**9, **STRONG))
    connection.cut()


def silent(connection: Connection, _request: Request) -> None:
    connection.wait_for_hangup()


PATHS: dict[str, Callable[[Connection, Request], None]] = {
    "endless": endless,
    "stalls": stalls,
    "cuts": cuts,
    "silent": silent,
    "small": sends(response(b"small")),
    "large": sends(response(BLOCK * 5, **STRONG)),
    "missing": sends(response(BLOCK, status=404)),
    "busy": sends(response(status=503)),
    "pausing": sends(response(status=429, retry_after="1")),
    "moved": redirects("/small"),
    "loop": redirects("/loop"),
}
OTHERS = ["http://127.0.0.1:1/", "http://[", "https://127.0.0.1:1/"]


class Jobs:
    """Endlessly many, of all kinds; knows which ones were taken."""

    def __init__(self, server: RawServer, folder: Path, chance: random.Random) -> None:
        self.taken: list[Job[Any]] = []
        self._urls = [*(f"{server.url}/{name}" for name in PATHS), *OTHERS]
        self._folder = folder
        self._chance = chance

    def __iter__(self) -> Iterator[Job[Any]]:
        while True:
            self.taken.append(self._next())
            yield self.taken[-1]

    async def slowly(self) -> AsyncIterator[Job[Any]]:
        jobs = iter(self)
        while True:
            await asyncio.sleep(self._chance.choice([0, 0, 0.001]))
            yield next(jobs)

    def either(self) -> Any:
        return self.slowly() if self._chance.random() < 0.5 else iter(self)

    def _next(self) -> Job[Any]:
        url = self._chance.choice(self._urls)
        if self._chance.random() < 0.3:
            return Job(url=url, sink=HashSink(), method=self._chance.choice(["GET", "HEAD"]))
        name = len(self.taken)
        sink = FileSink(
            self._folder / f"{name}.done",
            temporary=self._folder / f"{name}.part",
            resume=self._chance.random() < 0.7,
            durable=False,
        )
        return Job(url=url, sink=sink)


def open_files() -> set[str]:
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{descriptor.name} {descriptor.readlink()}")
        except FileNotFoundError:  # the one that lists the folder
            continue
    return found


def lookups() -> list[str]:
    return [thread.name for thread in threading.enumerate() if "multi-fetch" in thread.name]


FEW = limits(
    concurrency=6,
    per_host=5,
    timeout=30.0,
    idle_timeout=20.0,
    redirects=10**6,
    max_bytes=3_000_000,
    backoff=Backoff(tries=4, first=0.01, total=5.0),
)


async def stop_at_random(jobs: Jobs, chance: random.Random) -> list[Result[Any]]:
    """Stop after some turns of the loop, perhaps twice; return all results."""
    results = []
    async with asyncio.timeout(PATIENCE), Fetcher(FEW) as fetcher:

        async def stop() -> None:
            await let_others_run(chance.randrange(300))
            fetcher.stop(chance.choice([0, 0.002, 0.01, 0.03]))
            await let_others_run(chance.randrange(100))
            if chance.random() < 0.5:
                fetcher.stop(0)

        stopping = asyncio.create_task(stop())
        try:
            async for result in fetcher.fetch(jobs.either()):
                results.append(result)
                await asyncio.sleep(0)
        finally:
            stopping.cancel()
            await asyncio.wait([stopping])
    return results


async def leave_at_random(jobs: Jobs, chance: random.Random) -> list[Result[Any]]:
    """Leave the context after some results, or some turns of the loop."""
    results = []
    number = chance.randrange(12)
    async with asyncio.timeout(PATIENCE), Fetcher(FEW) as fetcher:
        async with asyncio.timeout(chance.random() * 0.05) as deadline:
            async for result in fetcher.fetch(jobs.either()):
                results.append(result)
                if len(results) > number:
                    deadline.reschedule(None)
                    break
    return results


async def cancel_at_random(jobs: Jobs, chance: random.Random) -> list[Result[Any]]:
    """Stop, and then cancel everything, also while it ends."""
    task = asyncio.create_task(stop_at_random(jobs, chance))
    await let_others_run(chance.randrange(400))
    for _ in range(chance.randrange(1, 4)):
        task.cancel()
        await let_others_run(chance.randrange(5))
    await asyncio.wait([task])
    return [] if task.cancelled() else task.result()


async def tidily(end: Any, jobs: Jobs, chance: random.Random) -> list[Result[Any]]:
    try:
        results: list[Result[Any]] = await end(jobs, chance)
    except TimeoutError:
        results = []
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    return results


@pytest.mark.parametrize("end", [stop_at_random, leave_at_random, cancel_at_random])
def test_at_any_moment_nothing_is_left_behind_or_said(
    tmp_path: Path,
    end: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    chance = random.Random(end.__name__)  # noqa: S311 - every run ends alike
    started = 0
    with RawServer(by_path(**PATHS)) as server:
        before = open_files()
        for number in range(ROUNDS):
            folder = tmp_path / str(number)
            jobs = Jobs(server, folder, chance)
            results = asyncio.run(tidily(end, jobs, chance))
            started += len(jobs.taken)
            assert list(folder.glob("*.part")) == []
            assert lookups() == []
            if end is stop_at_random:
                assert Counter(id(one.job) for one in results) == Counter(map(id, jobs.taken))
        server.wait_until(lambda server: server.open == 0)
        gc.collect()
        mine = {name for name in open_files() - before if "socket" not in name}
        assert mine == set()
    assert started > ROUNDS
    assert {path.stat().st_size for path in tmp_path.rglob("*.done")} <= {0, 5, 5 * len(BLOCK)}
    assert [record.getMessage() for record in caplog.records] == []
    assert capfd.readouterr() == ("", "")


TRUE: dict[str, set[str | None]] = {
    "small": {None, "cancelled"},
    "large": {None, "cancelled"},
    "moved": {None, "cancelled"},
    "missing": {"http", "cancelled"},
    "busy": {"http", "cancelled"},
    "silent": {"cancelled"},
}
SIZES = {"small": 5, "moved": 5, "large": 5 * len(BLOCK)}


def test_results_are_true_wherever_it_was_stopped(tmp_path: Path) -> None:
    chance = random.Random(12)  # noqa: S311 - every run ends alike
    with RawServer(by_path(**PATHS)) as server:
        for _ in range(20):
            jobs = Jobs(server, tmp_path, chance)
            for result in asyncio.run(stop_at_random(jobs, chance)):
                name = result.job.url.rpartition("/")[2]
                assert kind(result) in TRUE.get(name, {kind(result)}), result
                if result.error is None and result.job.method == "GET":
                    assert result.bytes == SIZES[name]


@pytest.mark.parametrize("turns", range(0, 60, 3))
def test_a_stop_in_the_first_moments_leaves_nothing(turns: int) -> None:
    async def run(url: str) -> None:
        async with asyncio.timeout(PATIENCE), Fetcher(limits(concurrency=2)) as fetcher:
            stopping = asyncio.create_task(let_others_run(turns))
            stopping.add_done_callback(lambda _task: fetcher.stop(0))
            jobs = [job(url) for _ in range(50)]
            results = [result async for result in fetcher.fetch(iter(jobs))]
            assert len(results) <= 50
            assert {*map(kind, results)} <= {None, "cancelled"}
        assert len(asyncio.all_tasks()) == 1

    with RawServer(sends(response(b"fine"))) as server:
        asyncio.run(run(server.url))
