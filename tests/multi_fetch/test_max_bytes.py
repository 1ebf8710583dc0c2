import gzip
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from multi_fetch import FileSink, Job
from tests.multi_fetch.fetching import (
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
from tests.multi_fetch.servers import FINE
from tests.support.rawserver import (
    Answer,
    Connection,
    RawServer,
    Request,
    redirects,
    response,
    sends,
)
from toolroll_shared.retry import Backoff

MOST = 1000
TRIES = Backoff(tries=3)
BLOCK = b"x" * 100_000


def until_close(body: bytes) -> Answer:
    def answer(connection: Connection, _request: Request) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + body)
        connection.cut()

    return answer


def chunked(body: bytes) -> Answer:
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    return sends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunks)


def endless(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.send(BLOCK)


def endless_chunks(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        connection.send(b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK))


Way = Callable[[bytes], Answer]

WAYS = [
    pytest.param(lambda body: sends(response(body)), id="with a length"),
    pytest.param(until_close, id="until the connection closes"),
    pytest.param(chunked, id="chunked"),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_body_of_exactly_the_limit_is_fine(way: Way) -> None:
    with RawServer(way(b"x" * MOST)) as server:
        result = fetch(job(server.url), limits(max_bytes=MOST))
    assert (result.error, result.bytes, result.job.sink.body) == (None, MOST, b"x" * MOST)


@pytest.mark.parametrize("way", WAYS)
def test_one_byte_more_than_the_limit_is_too_large_at_once(way: Way) -> None:
    with RawServer(way(b"x" * (MOST + 1))) as server:
        result = fetch(job(server.url), limits(max_bytes=MOST, backoff=TRIES), sleep=Waits())
        server.wait_until(lambda server: server.open == 0)
    assert (kind(result), result.status, result.attempts) == ("too_large", 200, 1)
    assert str(result.error) == "more than 1000 bytes"
    assert len(server.requests) == 1
    assert "finish" not in result.job.sink.calls


@pytest.mark.parametrize("answer", [endless, endless_chunks])
@pytest.mark.parametrize("most", [0, MOST, 600_000, 5_000_000])
def test_an_endless_body_ends_at_the_limit(answer: Answer, most: int) -> None:
    with RawServer(answer) as server:
        result = fetch(job(server.url), limits(max_bytes=most, backoff=TRIES), sleep=Waits())
        server.wait_until(lambda server: server.open == 0)
    assert (kind(result), result.attempts) == ("too_large", 1)
    assert len(result.job.sink.body) <= most


@pytest.mark.parametrize("answer", [endless, endless_chunks])
def test_the_connection_of_a_body_that_is_too_large_is_closed_at_once(answer: Answer) -> None:
    with RawServer(answer) as server:
        slow = Gatekeeper(server)
        jobs = [Job(url=server.url, sink=MemorySink()), Job(url="http://nope.invalid", sink=slow)]
        assert len(fetch_all(jobs, limits(max_bytes=MOST, concurrency=1))) == 2


class Gatekeeper(MemorySink):
    """Gives up only when its server has no connection any more."""

    def __init__(self, server: RawServer) -> None:
        super().__init__()
        self._server = server

    def give_up(self) -> None:
        self._server.wait_until(lambda server: server.open == 0)


@pytest.mark.parametrize("most", [500_000, 524_288, 600_000, 1_000_000, 3_000_000])
def test_a_body_that_becomes_too_large_while_its_sink_is_slow_fails_alone(most: int) -> None:
    with RawServer(endless) as server, RawServer(FINE) as other:
        large = Job(url=server.url, sink=SlowSink())
        fine = [Job(url=other.url, sink=SlowSink()) for _ in range(4)]
        few = limits(max_bytes=most, concurrency=2)
        results = {id(result.job): result for result in fetch_all([large, *fine], few)}
    assert kind(results[id(large)]) == "too_large"
    assert [kind(results[id(one)]) for one in fine] == [None] * 4


class SlowSink(MemorySink):
    """Takes long for each block, so that the server has to wait."""

    def write(self, block: memoryview) -> None:
        super().write(block)
        threading.Event().wait(0.02)


def test_a_file_that_is_too_large_leaves_nothing(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / "file", temporary=tmp_path / ".part", resume=True)
    with RawServer(endless) as server:
        result = fetch(Job(url=server.url, sink=sink), limits(max_bytes=2_000_000))
    assert kind(result) == "too_large"
    assert names_in(tmp_path) == []


def test_what_was_compressed_by_the_server_counts_as_it_came() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    with RawServer(sends(response(bomb, content_encoding="gzip"))) as server:
        fits, too_large = (
            fetch(job(server.url), limits(max_bytes=len(bomb) - less)) for less in (0, 1)
        )
    assert (fits.error, fits.bytes, fits.job.sink.body) == (None, len(bomb), bomb)
    assert kind(too_large) == "too_large"


def test_the_limit_is_of_each_body() -> None:
    with RawServer(sends(response(b"x" * MOST))) as server:
        results = fetch_all([job(server.url) for _ in range(6)], limits(max_bytes=MOST))
    assert [kind(result) for result in results] == [None] * 6


def test_the_body_of_an_error_or_a_redirect_is_not_too_large() -> None:
    large = response(b"x" * 50_000, status=404)
    moved = response(b"x" * 50_000, status=302, location="/fine")
    with RawServer(in_turn(sends(large), sends(moved), FINE)) as server:
        jobs = [job(server.url) for _ in range(2)]
        results = fetch_all(jobs, limits(max_bytes=MOST, concurrency=1))
    assert [kind(result) for result in results] == ["http", None]


@pytest.mark.parametrize("status", [302, 404, 503])
@pytest.mark.parametrize("size", [200_000, 300_000, 600_000, 5_000_000])
def test_a_large_body_that_nobody_wants_fails_no_other_job(status: int, size: int) -> None:
    answer = sends(response(b"x" * size, status=status, location="/gone"))
    with RawServer(answer) as server, RawServer(FINE) as other:
        jobs = [job(url) for _ in range(5) for url in (server.url, other.url)]
        results = fetch_all(jobs, limits(concurrency=4, redirects=1))
    expected = "redirect" if status == 302 else "http"
    assert sorted(map(str, map(kind, results))) == ["None"] * 5 + [expected] * 5


def test_a_redirect_whose_body_never_ends_is_followed() -> None:
    def moved(connection: Connection, _request: Request) -> None:
        connection.send(b"HTTP/1.1 302 Found\r\nlocation: /fine\r\n\r\n")
        while True:
            connection.send(BLOCK)

    with RawServer(in_turn(moved, FINE)) as server:
        result = fetch(job(server.url))
    assert (kind(result), result.job.sink.body) == (None, b"fine")


def cut_after(sent: bytes, length: int, **headers: Any) -> Answer:
    def answer(connection: Connection, _request: Request) -> None:
        connection.send(response(sent, length=length, **headers))
        connection.cut()

    return answer


def test_the_limit_holds_for_a_body_that_comes_in_parts(tmp_path: Path) -> None:
    first = cut_after(b"x" * 800, 1600, etag='"1"')
    rest = response(b"x" * 800, status=206, etag='"1"', content_range="bytes 800-1599/1600")
    sink = FileSink(tmp_path / "file", temporary=tmp_path / ".part", resume=True)
    with RawServer(in_turn(first, sends(rest))) as server:
        one = Job(url=server.url, sink=sink)
        result = fetch(one, limits(max_bytes=MOST, backoff=TRIES), sleep=Waits())
    assert kind(result) == "too_large"
    assert names_in(tmp_path) == []


def test_a_redirects_limit_is_its_own(tmp_path: Path) -> None:
    with RawServer(in_turn(redirects("/b"), sends(response(b"x" * MOST)))) as server:
        sink = FileSink(tmp_path / "file", temporary=tmp_path / ".part")
        assert fetch(Job(url=server.url, sink=sink), limits(max_bytes=MOST)).error is None
