"""The engine: many jobs, a bounded number in flight, a result for each as it finishes.

It prints nothing and keeps no global state. Leaving its context cancels what is in flight,
waits until every sink has let go, and closes every connection.
"""

import asyncio
import random as random_module
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from ssl import SSLError
from types import TracebackType
from typing import Any, Generic, ParamSpec, Self, TypeVar

from aiohttp import ClientError, ClientResponse
from yarl import URL

from toolroll_shared.retry import Sleep, Transient, retry_after_seconds, retrying

from . import wire
from .jobs import FetchError, Job, Limits, Result
from .sinks import RejectedBody, Sink

T = TypeVar("T")
SinkT = TypeVar("SinkT", bound=Sink)
P = ParamSpec("P")

INLINE_BLOCK = 64 * 1024
"""A smaller block goes to its sink at once: the hop would cost more than the write."""

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
        source = _Source(jobs)
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
        while (result := await results.get()) is not None:
            yield result
            room.release()
        await task
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
                    await _take_body(response, job.sink, seen)
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


class _Source(Generic[T]):
    """Jobs one by one, from a plain or an asynchronous iterable; what it raises ends them."""

    def __init__(self, jobs: Iterable[T] | AsyncIterable[T]) -> None:
        self._jobs = aiter(jobs) if isinstance(jobs, AsyncIterable) else _asynchronous(jobs)
        self._lock = asyncio.Lock()  # an asynchronous generator takes one caller at a time
        self._error: Exception | None = None

    async def next(self) -> T | None:
        async with self._lock:
            try:
                return None if self._error else await anext(self._jobs, None)
            except Exception as error:  # noqa: BLE001 - raised again when all results are out
                self._error = error
                return None

    def raise_error(self) -> None:
        if self._error is not None:
            raise self._error


async def _asynchronous(jobs: Iterable[T]) -> AsyncIterator[T]:
    for job in jobs:
        yield job


async def _take_body(response: ClientResponse, sink: Sink, seen: _Seen) -> None:
    """Feed the body to the sink; whatever goes wrong, the sink hears of it."""
    try:
        with _verdict():
            await _in_thread(sink.begin)
        async for block in wire.blocks(response):
            seen.bytes += len(block)
            with _verdict():
                if len(block) < INLINE_BLOCK:
                    sink.write(memoryview(block))
                else:
                    await _in_thread(sink.write, memoryview(block))
        with _verdict():
            await _in_thread(sink.finish)
    except BaseException:
        with suppress(Exception):  # why the body failed matters more
            await _in_thread(sink.abort)
        raise


@contextmanager
def _verdict() -> Iterator[None]:
    """Take whatever a sink raises as its verdict on the body: it fails this job only."""
    try:
        yield
    except RejectedBody as error:
        raise FetchError("body", str(error)) from error
    except OSError as error:
        message = f"{error.filename or 'the body'}: {error.strerror or error}"
        raise FetchError("body", message) from error
    except Exception as error:
        raise FetchError("body", f"{type(error).__name__}: {error}") from error


async def _in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call in a thread; a cancellation waits for its end and then counts.

    Without that wait, a cancelled sink would be aborted while it is still being written.
    """
    work = asyncio.ensure_future(asyncio.to_thread(call, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        with suppress(Exception):
            work.result()
        raise


def _cause(failure: Transient) -> FetchError:
    error = failure.__cause__
    assert isinstance(error, FetchError)  # noqa: S101 - raised so, a few lines above
    return error


def _require_success(response: ClientResponse) -> None:
    if not 200 <= response.status < 300:  # noqa: PLR2004 - the success class of RFC 9110
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
