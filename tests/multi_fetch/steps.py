"""Running the engine step by step: results as they come, and waits that end when a test says."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from multi_fetch import Fetcher, Job, Limits, Result
from tests.multi_fetch.fetching import PATIENCE, job, kind, let_others_run
from tests.support.rawserver import RawServer


class Held:
    """A `sleep` that lasts until it is let go.

    Attributes:
        seconds: what was asked for, in order.
    """

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._changed = asyncio.Event()
        self._go_on: list[asyncio.Event] = []

    async def __call__(self, seconds: float) -> None:
        mine = asyncio.Event()
        self.seconds.append(seconds)
        self._go_on.append(mine)
        self._changed.set()
        await mine.wait()

    async def until(self, number: int) -> None:
        """Wait until it was asked for that often."""
        while len(self.seconds) < number:
            self._changed.clear()
            await self._changed.wait()

    def let_go(self, which: slice = slice(None)) -> None:
        """End some waits, or all that were begun."""
        for one in self._go_on[which]:
            one.set()


class Taker:
    """Takes the results of a list of jobs as they come.

    Attributes:
        results: in order of completion.
        fetcher: the engine.
        over: done when there are no more results.
    """

    def __init__(
        self, fetcher: Fetcher, jobs: Iterable[Job[Any]] | AsyncIterable[Job[Any]]
    ) -> None:
        self.fetcher = fetcher
        self.results: list[Result[Any]] = []
        self._changed = asyncio.Event()
        self.over = asyncio.ensure_future(self._take(jobs))

    async def _take(self, jobs: Iterable[Job[Any]] | AsyncIterable[Job[Any]]) -> None:
        async for result in self.fetcher.fetch(jobs):
            self.results.append(result)
            self._changed.set()

    async def until(self, number: int) -> list[Result[Any]]:
        """Wait until there are that many results."""
        while len(self.results) < number:
            self._changed.clear()
            await self._changed.wait()
        return self.results

    async def all(self) -> list[Result[Any]]:
        """Wait until there are no more."""
        await self.over
        return self.results


@asynccontextmanager
async def taking(
    jobs: Iterable[Job[Any]] | AsyncIterable[Job[Any]],
    limits: Limits,
    **effects: Callable[..., Any],
) -> AsyncIterator[Taker]:
    """Begin to fetch; leaving the block leaves the engine."""
    async with asyncio.timeout(PATIENCE), Fetcher(limits, **effects) as fetcher:
        taker = Taker(fetcher, jobs)
        try:
            yield taker
        finally:
            taker.over.cancel()
            await asyncio.wait([taker.over])


async def requests(server: RawServer, number: int) -> None:
    """Wait until a server got that many requests, and everybody has done what they could."""
    await asyncio.to_thread(server.wait_until, lambda server: len(server.requests) >= number)
    await let_others_run()


def endless(url: str, pulled: list[Job[Any]]) -> Iterator[Job[Any]]:
    while True:
        pulled.append(job(url))
        yield pulled[-1]


def kinds(taker: Taker) -> Counter[str | None]:
    return Counter(map(kind, taker.results))


def assert_each_has_its_result(jobs: list[Job[Any]], taker: Taker) -> None:
    assert Counter(id(result.job) for result in taker.results) == Counter(map(id, jobs))
