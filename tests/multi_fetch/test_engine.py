import asyncio
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from typing import Any

import pytest

from multi_fetch import Fetcher, Job
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

FINE = sends(response(b"fine"))
MEGABYTE = random.Random(6).randbytes(1_000_000)  # noqa: S311 - content, not a secret


def chunked(*parts: bytes) -> bytes:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))
    return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks


def until_close(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\nto the end")
    connection.cut()


class Rendezvous:
    """Answers when `parties` requests are there, and knows the most there ever were at once."""

    def __init__(self, parties: int) -> None:
        self.most = self._now = 0
        self._lock = threading.Lock()
        self._all_here = threading.Barrier(parties, timeout=TIMEOUT)

    def __call__(self, connection: Connection, _request: Request) -> None:
        self._count(1)
        self._all_here.wait()
        self._count(-1)  # before the answer: until then the client cannot begin another
        connection.send(response())

    def _count(self, change: int) -> None:
        with self._lock:
            self._now += change
            self.most = max(self.most, self._now)


def test_every_job_has_exactly_one_result_also_duplicates_and_failures() -> None:
    with RawServer(by_path(a=FINE, gone=sends(response(status=410)))) as server:
        urls = [f"{server.url}/a", f"{server.url}/a", f"{server.url}/gone", "http://[", ""]
        jobs = [job(url) for url in urls * 5]
        results = fetch_all(jobs, limits(concurrency=3))
    assert Counter(id(result.job) for result in results) == Counter(map(id, jobs))
    assert Counter(map(kind, results)) == {None: 10, "http": 5, "url": 10}


def test_a_job_given_twice_has_two_results() -> None:
    with RawServer(FINE) as server:
        twice = [job(server.url)] * 2
        assert [result.job for result in fetch_all(twice, limits(concurrency=1))] == twice


def test_no_jobs_give_no_results() -> None:
    assert fetch_all([]) == []


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_as_many_fetches_are_in_flight_as_allowed_and_never_more(concurrency: int) -> None:
    rendezvous = Rendezvous(concurrency)
    with RawServer(rendezvous) as server:
        jobs = [job(server.url) for _ in range(5 * concurrency)]
        results = fetch_all(jobs, limits(concurrency=concurrency))
    assert [kind(result) for result in results] == [None] * len(jobs)
    assert rendezvous.most == concurrency


def endless(url: str, pulled: list[int]) -> Iterator[Job[MemorySink]]:
    for number in count():
        pulled.append(number)
        yield job(url)


def test_a_job_is_taken_only_when_it_can_be_started() -> None:
    pulled: list[int] = []

    async def run(server: RawServer) -> None:
        async with Fetcher(limits(concurrency=2)) as fetcher:
            first = asyncio.ensure_future(anext(fetcher.fetch(endless(server.url, pulled))))
            await asyncio.to_thread(server.wait_until, lambda server: len(server.requests) == 2)
            await let_others_run()
            assert len(pulled) == 2
            first.cancel()

    with RawServer(lambda connection, _request: connection.wait_for_hangup()) as server:
        asyncio.run(run(server))


def test_an_endless_list_waits_while_nobody_takes_results() -> None:
    pulled: list[int] = []
    concurrency, taken = 4, 3

    async def run(server: RawServer) -> None:
        async with asyncio.timeout(PATIENCE), Fetcher(limits(concurrency=concurrency)) as fetcher:
            results = fetcher.fetch(endless(server.url, pulled))
            for _ in range(taken):
                await anext(results)
            await asyncio.to_thread(server.wait_until, lambda server: len(server.requests) >= 8)
            await let_others_run(2000)

    with RawServer(FINE) as server:
        asyncio.run(run(server))
    assert len(pulled) <= 2 * concurrency + taken


def test_jobs_may_come_asynchronously() -> None:
    async def jobs(url: str) -> AsyncIterator[Job[MemorySink]]:
        for _ in range(10):
            await asyncio.sleep(0)
            yield job(url)

    with RawServer(FINE) as server:
        results = fetch_all(jobs(server.url))
    assert [result.job.sink.body for result in results] == [b"fine"] * 10


def failing(jobs: list[Job[MemorySink]]) -> Iterator[Job[MemorySink]]:
    yield from jobs
    raise LookupError("no more pages")


async def failing_asynchronously(jobs: list[Job[MemorySink]]) -> AsyncIterator[Job[MemorySink]]:
    for one in failing(jobs):
        yield one


@pytest.mark.parametrize("source", [failing, failing_asynchronously])
def test_what_the_list_of_jobs_raises_reaches_the_consumer_as_it_is(
    source: Callable[..., Any],
) -> None:
    with RawServer(FINE) as server, pytest.raises(LookupError, match="no more pages"):
        fetch_all(source([job(server.url)]), limits(concurrency=1))


def test_jobs_that_were_begun_have_results_before_the_list_of_jobs_fails() -> None:
    async def run(server: RawServer) -> int:
        taken = 0
        async with asyncio.timeout(PATIENCE), Fetcher(limits(concurrency=4)) as fetcher:
            try:
                async for _ in fetcher.fetch(failing([job(server.url), job(server.url)])):
                    taken += 1
            except Exception:  # noqa: BLE001 - which one it is has a test of its own
                return taken
        return -1

    with RawServer(FINE) as server:
        assert asyncio.run(run(server)) == 2


def test_a_fetcher_takes_several_lists_one_after_the_other() -> None:
    async def run(server: RawServer) -> list[int | None]:
        async with asyncio.timeout(PATIENCE), Fetcher(limits()) as fetcher:
            return [
                result.status
                for _ in range(3)
                async for result in fetcher.fetch([job(server.url), job(server.url)])
            ]

    with RawServer(FINE) as server:
        assert asyncio.run(run(server)) == [200] * 6


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param(sends(response(b"")), b"", id="empty"),
        pytest.param(sends(response(status=204)), b"", id="no content"),
        pytest.param(sends(response(MEGABYTE)), MEGABYTE, id="large"),
        pytest.param(sends(chunked(b"one ", b"two")), b"one two", id="chunked"),
        pytest.param(until_close, b"to the end", id="until the connection closes"),
        pytest.param(
            sends(response(b"\x1f\x8b as it is", content_encoding="gzip")),
            b"\x1f\x8b as it is",
            id="encoded although we did not ask",
        ),
    ],
)
def test_the_sink_gets_the_body_as_it_was_sent(answer: Any, body: bytes) -> None:
    with RawServer(answer) as server:
        result = fetch(job(server.url))
    assert result.job.sink.body == body
    assert result.job.sink.calls == ["begin", "finish"]
    assert (result.error, result.bytes, result.attempts) == (None, len(body), 1)


def test_the_result_tells_how_long_it_took() -> None:
    ticks = count(start=100.0, step=0.5)
    with RawServer(FINE) as server:
        result = fetch(job(server.url), clock=lambda: next(ticks))
    assert result.duration_s == pytest.approx((next(ticks) - 0.5) - 100.0)


def test_the_request_asks_for_the_bytes_as_they_are_and_carries_the_jobs_headers() -> None:
    with RawServer(FINE) as server:
        fetch(job(f"{server.url}/x?y=1", **{"X-Key": "value"}))
    [request] = server.requests
    assert request.target == "/x?y=1"
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"] == "toolroll-multi-fetch"
    assert request.headers["x-key"] == "value"


def test_a_cookie_that_a_server_sets_is_not_kept() -> None:
    with RawServer(sends(response(set_cookie="id=1; Path=/"))) as server:
        fetch_all([job(server.url), job(server.url)], limits(concurrency=1))
    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(FINE) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert fetch(job("http://nope.invalid/x")).job.sink.body == b"fine"
        assert kind(fetch(job("http://127.0.0.1:1/x"))) == "connect"
    assert [request.target for request in proxy.requests] == ["http://nope.invalid/x"]


def test_a_concurrency_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="concurrency is 0"):
        limits(concurrency=0)


def test_a_part_that_nobody_asked_for_is_no_success() -> None:
    with RawServer(sends(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 1\r\n\r\nx")) as server:
        result = fetch(job(server.url))
    assert (kind(result), result.status) == ("http", 206)
