import threading

import pytest

from tests.multi_fetch.fetching import Waits, fetch, fetch_all, in_turn, job, kind, limits
from tests.multi_fetch.servers import FINE, then_cut, then_reset, then_silent
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

TRIES = limits(idle_timeout=0.2, timeout=0.6, max_bytes=100_000, backoff=Backoff(tries=3))
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def drip(connection: Connection, _request: Request) -> None:
    connection.send(response(length=10**6))
    pause = threading.Event()
    while not pause.wait(0.02):
        connection.send(b"x")


def endless(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.send(b"x" * 65536)


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", b""])


PASSING = [
    pytest.param(then_reset(b""), "reset", id="reset"),
    pytest.param(then_cut(b""), "reset", id="closed without an answer"),
    pytest.param(then_cut(b"HTTP/1.1 200 OK\r\nx-y: z\r\n"), "reset", id="truncated head"),
    pytest.param(then_cut(b"HTTP/1.1 2"), "reset", id="truncated status line"),
    pytest.param(then_silent(b""), "timeout", id="stall before the head"),
    pytest.param(then_silent(b"HTTP/1.1 200 OK\r\nx:"), "timeout", id="stall in the head"),
    pytest.param(then_silent(response(b"x", length=9)), "timeout", id="stall in the body"),
    pytest.param(drip, "timeout", id="drip"),
    pytest.param(then_cut(response(b"x", length=9)), "reset", id="short body"),
    pytest.param(then_reset(response(b"x", length=9)), "reset", id="reset in the body"),
    pytest.param(sends(CHUNKED + b"xyz\r\n"), "protocol", id="bad chunk"),
    pytest.param(sends(CHUNKED + b"5\r\nabcdeXX0\r\n\r\n"), "protocol", id="bad end of a chunk"),
    pytest.param(sends(CHUNKED + b"f" * 40 + b"\r\nabc"), "protocol", id="chunk beyond all size"),
    pytest.param(then_cut(CHUNKED + b"5\r\nabcde\r\n0\r\n"), "reset", id="last chunk not ended"),
    pytest.param(then_cut(CHUNKED), "reset", id="no chunk at all"),
    pytest.param(sends(head(b"x: " + b"y" * 200_000)), "protocol", id="a header of 200 kB"),
    pytest.param(sends(head(*[b"x: y"] * 20_000)), "protocol", id="twenty thousand headers"),
    pytest.param(sends(head(b"content-length: -5")), "protocol", id="a negative length"),
    pytest.param(sends(head(b"content-length: 5, 6")), "protocol", id="two lengths"),
    pytest.param(
        sends(head(b"transfer-encoding: gzip, chunked") + b"3\r\nabc\r\n0\r\n\r\n"),
        "protocol",
        id="a transfer encoding that nobody asked for",
    ),
    pytest.param(then_cut(b"HTTP/1.1 ABC\r\n\r\n"), "protocol", id="no status"),
    pytest.param(then_cut(b"ICY 200 OK\r\n\r\nx"), "protocol", id="no http"),
    pytest.param(then_cut(b"HTTP/1.1 100 Continue\r\n\r\n"), "reset", id="only an interim answer"),
    *(
        pytest.param(sends(response(status=status)), "http", id=str(status))
        for status in (408, 429, 500, 502, 503, 504)
    ),
]

LASTING = [
    pytest.param(endless, "too_large", id="endless body"),
    pytest.param(redirects("/again"), "redirect", id="endless redirects"),
    pytest.param(sends(response(status=302)), "redirect", id="redirect to nowhere"),
    pytest.param(sends(response(status=404)), "http", id="404"),
    pytest.param(sends(response(status=501)), "http", id="501"),
]


@pytest.mark.parametrize(("answer", "expected"), PASSING)
def test_a_fault_that_may_pass_is_met_as_often_as_allowed(answer: Answer, expected: str) -> None:
    with RawServer(answer) as server:
        result = fetch(job(server.url), TRIES, sleep=Waits())
        server.wait_until(lambda server: server.open == 0)
        assert len(server.requests) == 3
    assert (kind(result), result.attempts) == (expected, 3)


@pytest.mark.parametrize(("answer", "expected"), PASSING)
def test_a_fault_that_passes_does_no_harm(answer: Answer, expected: str) -> None:
    del expected
    with RawServer(in_turn(answer, FINE)) as server:
        result = fetch(job(server.url), TRIES, sleep=Waits())
    assert (result.error, result.attempts, result.job.sink.body) == (None, 2, b"fine")
    assert (result.status, result.bytes) == (200, 4)


@pytest.mark.parametrize(("answer", "expected"), LASTING)
def test_a_fault_that_will_last_is_met_once(answer: Answer, expected: str) -> None:
    with RawServer(answer) as server:
        result = fetch(job(server.url), TRIES, sleep=Waits())
        server.wait_until(lambda server: server.open == 0)
    assert (kind(result), result.attempts) == (expected, 1)


@pytest.mark.parametrize(("answer", "expected"), [*PASSING, *LASTING])
def test_a_fault_is_of_its_own_job_only(answer: Answer, expected: str) -> None:
    with RawServer(answer) as faulty, RawServer(FINE) as server:
        jobs = [job(url) for _ in range(3) for url in (faulty.url, server.url)]
        results = fetch_all(
            jobs, limits(concurrency=3, idle_timeout=0.2, timeout=0.5, max_bytes=9999)
        )
    kinds = {result.job.url: set[str | None]() for result in results}
    for result in results:
        kinds[result.job.url].add(kind(result))
    assert kinds == {faulty.url: {expected}, server.url: {None}}


@pytest.mark.parametrize(
    ("url", "expected"), [("http://127.0.0.1:1", "connect"), ("http://no.invalid", "dns")]
)
def test_a_server_that_is_not_there_is_tried_as_often_as_allowed(url: str, expected: str) -> None:
    result = fetch(job(url), TRIES, sleep=Waits())
    assert (kind(result), result.attempts, result.status) == (expected, 3, None)


def with_body_cut(status: int, sent: bytes, **headers: str) -> list[Answer]:
    data = response(sent, status=status, length=9, **headers)
    return [then_cut(data), then_reset(data), then_silent(data)]


@pytest.mark.parametrize("sent", [b"", b"x"])
@pytest.mark.parametrize("how", [0, 1, 2], ids=["cut", "reset", "stalled"])
@pytest.mark.parametrize("status", [404, 503])
def test_a_refusal_is_one_also_if_its_body_breaks_off(status: int, how: int, sent: bytes) -> None:
    waits = Waits()
    answer = with_body_cut(status, sent, retry_after="7")[how]
    with RawServer(answer) as server:
        result = fetch(job(server.url), TRIES, sleep=waits, random=lambda: 0.0)
    assert (kind(result), result.status) == ("http", status)
    assert waits.seconds[:2] == ([7.0, 7.0] if status == 503 else [])


@pytest.mark.parametrize("sent", [b"", b"x"])
@pytest.mark.parametrize("how", [0, 1], ids=["cut", "reset"])
def test_a_redirect_is_followed_also_if_its_body_breaks_off(how: int, sent: bytes) -> None:
    answer = with_body_cut(302, sent, location="/there")[how]
    with RawServer(in_turn(answer, FINE)) as server:
        assert fetch(job(server.url)).job.sink.body == b"fine"
