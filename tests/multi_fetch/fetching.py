"""Running the engine to its end without real waits, and sinks that tell what happened to them."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from multi_fetch import Fetcher, Job, Limits, Result, Sink
from tests.support.rawserver import Answer, Connection, Request, response, sends
from toolroll_shared.retry import Backoff

PATIENCE = 20  # seconds that a hanging engine may hold up a test
ONCE = Backoff(tries=1)
USUAL = Limits(concurrency=4, timeout=10.0, idle_timeout=5.0, backoff=ONCE)

SinkT = TypeVar("SinkT", bound=Sink)


class MemorySink(Sink):
    """Keeps the body, and the calls that it got; works in a thread."""

    inline_below: float = 0

    def __init__(self) -> None:
        self.body = b""
        self.calls: list[str] = []

    def begin(self, offset: int, validator: str | None) -> None:
        del offset, validator
        self.calls.append("begin")
        self.body = b""

    def write(self, block: memoryview) -> None:
        self.body += block

    def finish(self) -> None:
        self.calls.append("finish")

    def abort(self) -> None:
        self.calls.append("abort")


def limits(**changes: Any) -> Limits:
    """The usual limits, some of them changed."""
    return replace(USUAL, **changes)


def job(url: str, **headers: str) -> Job[MemorySink]:
    return Job(url=url, sink=MemorySink(), headers=headers)


def fetch_all(
    jobs: Iterable[Job[SinkT]] | AsyncIterable[Job[SinkT]],
    limits: Limits = USUAL,
    **effects: Callable[..., Any],
) -> list[Result[SinkT]]:
    """Return the results in order of completion; effects are those of `Fetcher`."""

    async def run() -> list[Result[SinkT]]:
        async with asyncio.timeout(PATIENCE), Fetcher(limits, **effects) as fetcher:
            return [result async for result in fetcher.fetch(jobs)]

    return asyncio.run(run())


def fetch(job: Job[SinkT], limits: Limits = USUAL, **effects: Callable[..., Any]) -> Result[SinkT]:
    """Return the result of a single job."""
    [result] = fetch_all([job], limits, **effects)
    return result


def kind(result: Result[Any]) -> str | None:
    return None if result.error is None else result.error.kind


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Waits:
    """A `sleep` that takes no time and remembers what it was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def in_turn(*answers: Answer) -> Answer:
    """Answer the first request with the first of these, and so on; the last one stays."""
    left = list(answers)

    def answer(connection: Connection, request: Request) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(connection, request)

    return answer


def by_path(**answers: Answer) -> Answer:
    """Answer `/name` as `name` says, anything else with 404."""
    missing = sends(response(status=404))

    def answer(connection: Connection, request: Request) -> None:
        answers.get(request.target[1:].partition("?")[0], missing)(connection, request)

    return answer


async def let_others_run(turns: int = 200) -> None:
    """Give every task the chance to do what it could do."""
    for _ in range(turns):
        await asyncio.sleep(0)
