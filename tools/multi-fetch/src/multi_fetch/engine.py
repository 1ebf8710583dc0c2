"""The engine: many jobs, a bounded number in flight, a result for each as it finishes.

It prints nothing and keeps no global state. Leaving its context cancels what is in flight,
waits until every sink has let go, and closes every connection.
"""

import asyncio
import random as random_module
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from ssl import SSLError
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import ClientError, ClientResponse
from yarl import URL

from toolroll_shared.retry import Sleep, Transient, retry_after_seconds, retrying

from . import wire
from .bodies import take_body
from .jobs import FetchError, Job, Limits, Result
from .sinks import Sink
from .source import Source

SinkT = TypeVar("SinkT", bound=Sink)

_REDIRECTS = {301, 302, 303, 307, 308}
_SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization"}


class Fetcher:
    """Fetches jobs, as an async context manager.

    Args:
        limits: what it never exceeds.
        before_wait: told a job, its failure and the seconds to wait, before each retry.
        clock: monotonic seconds.
        sleep: waits.
        random: uniform in [0, 1), for jitter.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        before_wait: Callable[[Job[Any], FetchError, float], None] = lambda *_: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._limits = limits
        self._before_wait = before_wait
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._session = wire.session(self._limits)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        try:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        finally:
            await self._session.close()

    async def fetch(
        self, jobs: Iterable[Job[SinkT]] | AsyncIterable[Job[SinkT]]
    ) -> AsyncIterator[Result[SinkT]]:
        """Yield the result of each job as it finishes.

        Jobs are taken as they can be started and wait while results are not taken, so
        neither side piles up in memory.
        """
        source = Source(jobs)
        results: asyncio.Queue[Result[SinkT] | None] = asyncio.Queue()
        room = asyncio.Semaphore(2 * self._limits.concurrency)

        async def work() -> None:
            await room.acquire()
            while (job := await source.next()) is not None:
                results.put_nowait(await self._fetch(job))
                await room.acquire()

        async def work_all() -> None:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(self._limits.concurrency):
                        group.create_task(work())
            finally:
                results.put_nowait(None)

        task = asyncio.create_task(work_all())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while (result := await results.get()) is not None:
                yield result
                room.release()
            await task
        finally:
            task.cancel()
        source.raise_error()

    async def _fetch(self, job: Job[SinkT]) -> Result[SinkT]:
        """Return the result of a job: it never raises for what the network or a sink does."""
        started = self._clock()
        seen = _Seen()
        error: FetchError | None = None
        try:
            await self._attempts(job, seen)
        except FetchError as failure:
            error = failure
        return Result(
            job=job,
            status=seen.status,
            bytes=seen.bytes,
            attempts=seen.attempts,
            duration_s=self._clock() - started,
            error=error,
        )

    async def _attempts(self, job: Job[Any], seen: "_Seen") -> None:
        async def attempt() -> None:
            try:
                await self._attempt(job, seen)
            except FetchError as error:
                if error.passing:
                    raise Transient(str(error), after=error.after) from error
                raise

        def before_wait(failure: Transient, seconds: float) -> None:
            self._before_wait(job, _cause(failure), seconds)

        try:
            await retrying(
                attempt,
                backoff=self._limits.backoff,
                before_wait=before_wait,
                clock=self._clock,
                sleep=self._sleep,
                random=self._random,
            )
        except Transient as failure:
            raise _cause(failure) from None

    async def _attempt(self, job: Job[Any], seen: "_Seen") -> None:
        """Transfer the body once, or raise the one FetchError that says why not.

        What a library's error quotes may be secret, so it is not kept as the cause.
        """
        seen.begin()
        try:
            async with asyncio.timeout(self._limits.timeout):
                await self._follow(job, seen)
        except (ClientError, SSLError) as error:
            raise wire.fetch_error(error) from None
        except TimeoutError:
            message = f"not complete within {self._limits.timeout:g} s"
            raise FetchError("timeout", message) from None
        except (ValueError, TypeError):  # our own code raises none below this
            raise FetchError("url", "a URL, proxy or header that cannot be sent") from None

    async def _follow(self, job: Job[Any], seen: "_Seen") -> None:
        """Request the job's URL and what it redirects to, until there is a body to take."""
        url, headers = wire.parsed(job.url), job.headers
        for _ in range(self._limits.redirects + 1):
            async with wire.get(self._session, url, headers) as response:
                seen.status = response.status
                if response.status not in _REDIRECTS:
                    _require_success(response)
                    await take_body(response, job.sink, received=seen.receive)
                    return
                location = response.headers.get("Location")
            url, headers = _redirected(url, location, headers)
        raise FetchError("redirect", f"more than {self._limits.redirects} redirects")


class _Seen:
    """What is known of a job so far, also when it fails."""

    def __init__(self) -> None:
        self.attempts = 0
        self.status: int | None = None
        self.bytes = 0

    def begin(self) -> None:
        self.attempts += 1
        self.status = None
        self.bytes = 0

    def receive(self, count: int) -> None:
        self.bytes += count


def _cause(failure: Transient) -> FetchError:
    error = failure.__cause__
    assert isinstance(error, FetchError)  # noqa: S101 - raised so, a few lines above
    return error


def _require_success(response: ClientResponse) -> None:
    unasked_part = response.status == HTTPStatus.PARTIAL_CONTENT
    if unasked_part or not 200 <= response.status < 300:  # noqa: PLR2004 - RFC 9110, 15.3
        after = retry_after_seconds(response.headers.get("Retry-After"), now=datetime.now(UTC))
        message = f"HTTP status {response.status}"
        raise FetchError("http", message, status=response.status, after=after)


def _redirected(
    url: URL, location: str | None, headers: Mapping[str, str]
) -> tuple[URL, Mapping[str, str]]:
    """Return where a redirect leads and the headers that may go there."""
    if location is None:
        raise FetchError("redirect", "a redirect without a Location")
    target = wire.redirected(url, location)
    if target.origin() == url.origin():
        return target, headers
    return target, {k: v for k, v in headers.items() if k.lower() not in _SECRET_HEADERS}
