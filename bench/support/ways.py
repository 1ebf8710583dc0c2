"""Fetches URLs in one of the ways to be concurrent, and prints what that took, as JSON.

It is run by bench/concurrency.py, in a process of its own for each measurement. What is timed
begins when everything is imported and ends when the pool or the engine is closed: processes and
threads are made, and connections opened, within it.

    python bench/support/ways.py WAY WORKLOAD LEVEL < URLS
"""

import asyncio
import hashlib
import importlib
import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, NamedTuple

import pycurl

from multi_fetch import Fetcher, HashSink, Job, Limits, Sink


class Done(NamedTuple):
    """One URL that was fetched: its bytes, and the seconds until they were worked on."""

    size: int
    seconds: float


# The carrier of all ways but asyncio: a handle, and so a connection, for each worker.


class Carrier:
    def __init__(self, workload: str) -> None:
        self._workload = workload
        self._easy = pycurl.Curl()
        self._easy.setopt(pycurl.NOSIGNAL, 1)
        self._easy.setopt(pycurl.BUFFERSIZE, 256 * 1024)

    def fetch(self, url: str) -> Done:
        started = time.perf_counter()
        finish = self._take_body()
        self._easy.setopt(pycurl.URL, url)
        self._easy.perform()
        if self._easy.getinfo(pycurl.RESPONSE_CODE) != 200:  # noqa: PLR2004 - OK
            raise RuntimeError(url)
        finish()
        size = int(self._easy.getinfo(pycurl.SIZE_DOWNLOAD_T))
        return Done(size, time.perf_counter() - started)

    def _take_body(self) -> Callable[[], object]:
        """Say where the body goes; return what remains to be done with it at its end."""
        if self._workload == "hash":
            digest = hashlib.sha256()
            self._easy.setopt(pycurl.WRITEFUNCTION, digest.update)
            return digest.hexdigest
        blocks: list[bytes] = []
        if self._workload == "parse":
            self._easy.setopt(pycurl.WRITEFUNCTION, blocks.append)
            return lambda: json.loads(b"".join(blocks))
        self._easy.setopt(pycurl.WRITEFUNCTION, len_is_all_of)
        return blocks.clear


def len_is_all_of(_block: bytes) -> None:
    """Let a block go."""


def loop(workload: str, _level: int, urls: list[str]) -> list[Done]:
    carrier = Carrier(workload)
    return [carrier.fetch(url) for url in urls]


_local = threading.local()


def _prepare(workload: str) -> None:
    _local.carrier = Carrier(workload)


def _fetch(url: str) -> Done:
    done: Done = _local.carrier.fetch(url)
    return done


def threads(workload: str, level: int, urls: list[str]) -> list[Done]:
    return _pooled(ThreadPoolExecutor(level, initializer=_prepare, initargs=(workload,)), urls)


def processes(workload: str, level: int, urls: list[str]) -> list[Done]:
    pool = ProcessPoolExecutor(level, initializer=_prepare, initargs=(workload,))
    return _pooled(pool, urls, chunksize=max(1, len(urls) // (4 * level)))


def _pooled(pool: Executor, urls: list[str], chunksize: int = 1) -> list[Done]:
    with pool:
        return list(pool.map(_fetch, urls, chunksize=chunksize))


# asyncio: the engine.


class ParseSink(Sink):
    """Parses a body on the event loop: in a thread, it would keep the loop waiting as well."""

    def begin(self, offset: int, validator: str | None) -> None:
        del offset, validator
        self._blocks: list[bytes] = []

    def write(self, block: memoryview) -> None:
        self._blocks.append(bytes(block))

    def finish(self) -> None:
        json.loads(b"".join(self._blocks))


SINKS: dict[str, type[Sink]] = {"hash": HashSink, "parse": ParseSink}


async def _engine(workload: str, level: int, urls: list[str]) -> list[Done]:
    sink, headers = SINKS.get(workload, Sink), dict[str, str]()
    done = []
    async with Fetcher(Limits(concurrency=level)) as fetcher:
        async for result in fetcher.fetch(
            Job(url=url, sink=sink(), headers=headers) for url in urls
        ):
            if result.error is not None:
                raise result.error
            done.append(Done(result.bytes, result.duration_s))
    return done


def on_asyncio(workload: str, level: int, urls: list[str]) -> list[Done]:
    return asyncio.run(_engine(workload, level, urls))


def on_uvloop(workload: str, level: int, urls: list[str]) -> list[Done]:
    with asyncio.Runner(loop_factory=importlib.import_module("uvloop").new_event_loop) as runner:
        return runner.run(_engine(workload, level, urls))


RUN: dict[str, Callable[[str, int, list[str]], list[Done]]] = {
    "loop": loop,
    "threads": threads,
    "processes": processes,
    "asyncio": on_asyncio,
    "uvloop": on_uvloop,
}


def cpu_seconds() -> float:
    """Return what this process and its children that have ended used."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    way, workload, level = sys.argv[1], sys.argv[2], int(sys.argv[3])
    urls = sys.stdin.read().split()
    if way == "uvloop":
        importlib.import_module("uvloop")
    cpu, started = cpu_seconds(), time.perf_counter()
    done = RUN[way](workload, level, urls)
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    times = sorted(one.seconds for one in done)
    answer: dict[str, Any] = {
        "count": len(done),
        "bytes": sum(one.size for one in done),
        "seconds": seconds,
        "cpu": cpu,
        "p50": times[len(times) // 2],
        "p95": times[len(times) * 95 // 100],
    }
    print(json.dumps(answer))


if __name__ == "__main__":  # not in a child that is forked
    main()
