import socket
import threading

import pytest

from tests.multi_fetch.fetching import fetch, fetch_all, in_turn, job, kind, limits
from tests.multi_fetch.servers import FINE, Lettered, then_cut, then_silent
from tests.support.rawserver import (
    Connection,
    RawServer,
    Request,
    response,
    sends,
)

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", b""])


def test_a_connection_that_was_closed_meanwhile_costs_no_attempt() -> None:
    def close_second(connection: Connection, request: Request) -> None:
        if request.target == "/second" and request.headers.get("x") != "again":
            if seen:
                FINE(connection, request)
            else:
                seen.append(request)
                connection.cut()
        else:
            FINE(connection, request)

    seen: list[Request] = []
    with Lettered(close_second) as server:
        jobs = [job(f"{server.url}/first"), job(f"{server.url}/second")]
        results = fetch_all(jobs, limits(concurrency=1))
        assert server.connections == 2
    assert [(kind(result), result.attempts) for result in results] == [(None, 1)] * 2
    assert [request.target for request in server.requests] == ["/first", "/second", "/second"]


def test_a_server_that_closes_each_reused_connection_is_not_asked_for_ever() -> None:
    def answer(connection: Connection, request: Request) -> None:
        if request.target == "/first":
            FINE(connection, request)
        else:
            connection.cut()

    with RawServer(answer) as server:
        jobs = [job(f"{server.url}/first"), job(f"{server.url}/second")]
        results = fetch_all(jobs, limits(concurrency=1))
    assert [kind(result) for result in results] == [None, "reset"]
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(response(b"fine") + b"garbage" * 99, id="garbage"),
        pytest.param(response(b"fine") + response(b"evil"), id="another answer"),
        pytest.param(CHUNKED + b"4\r\nfine\r\n0\r\n\r\n" + response(b"evil"), id="after chunks"),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\nevil", id="after no content"),
        pytest.param(response(b"evil", status=304), id="after not modified"),
    ],
)
def test_what_comes_after_a_body_is_no_part_of_the_next(data: bytes) -> None:
    with RawServer(in_turn(sends(data), FINE)) as server:
        first, second = fetch_all([job(server.url), job(server.url)], limits(concurrency=1))
    assert first.job.sink.body in {b"fine", b""}
    assert (kind(second), second.job.sink.body) == (None, b"fine")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + response(b"fine"), id="100"),
        pytest.param(
            b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\netag: W/x\r\n\r\n" * 3 + response(b"fine"),
            id="103 thrice",
        ),
        pytest.param(b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nfine", id="HTTP/1.0"),
        pytest.param(b"HTTP/1.1 200\r\ncontent-length: 4\r\n\r\nfine", id="no reason"),
        pytest.param(b"HTTP/1.1 200 OK\ncontent-length: 4\n\nfine", id="bare newlines"),
        pytest.param(
            CHUNKED + b"4;a=b\r\nfine\r\n0\r\nlocation: /evil\r\nx-y: z\r\n\r\n", id="trailers"
        ),
        pytest.param(
            head(b"content-length: 4", b"content-length: 4") + b"fine", id="the same length twice"
        ),
        pytest.param(
            head(*[b"x: y" * 500] * 100, b"content-length: 4") + b"fine", id="200 kB of headers"
        ),
    ],
)
def test_an_unusual_answer_is_understood(data: bytes) -> None:
    with RawServer(sends(data)) as server:
        results = fetch_all([job(server.url) for _ in range(3)], limits(concurrency=1))
    assert [result.job.sink.body for result in results] == [b"fine"] * 3
    assert [result.status for result in results] == [200] * 3


def test_an_answer_of_http_1_0_ends_with_its_connection() -> None:
    with Lettered(then_cut(b"HTTP/1.0 200 OK\r\n\r\nfine")) as server:
        results = fetch_all([job(server.url) for _ in range(3)], limits(concurrency=1))
        assert server.connections == 3
    assert [result.job.sink.body for result in results] == [b"fine"] * 3


def test_trailers_are_no_headers() -> None:
    moved = b"HTTP/1.1 302 X\r\nlocation: /good\r\ntransfer-encoding: chunked\r\n\r\n"
    trailed = moved + b"0\r\nlocation: /evil\r\n\r\n"
    with RawServer(in_turn(sends(trailed), FINE)) as server:
        fetch(job(server.url))
    assert [request.target for request in server.requests] == ["/", "/good"]


def test_an_upgrade_that_nobody_asked_for_is_no_success() -> None:
    switched = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nx"
    with RawServer(then_silent(switched)) as server:
        result = fetch(job(server.url), limits(idle_timeout=0.2))
    assert kind(result) in {"protocol", "http", "timeout"}


def test_the_time_of_all_redirects_together_counts() -> None:
    pause = threading.Event()

    def slowly(connection: Connection, _request: Request) -> None:
        pause.wait(0.05)
        connection.send(response(status=302, location="/again"))

    with RawServer(slowly) as server:
        result = fetch(job(server.url), limits(redirects=1000, timeout=0.3))
        assert len(server.requests) < 20
    assert kind(result) == "timeout"


def test_a_server_that_is_slow_twice_is_not_silent_for_too_long() -> None:
    """It accepts late and answers late, each within the idle timeout."""
    listener = socket.create_server(("127.0.0.1", 0))
    pause = threading.Event()

    def serve() -> None:
        client, _address = listener.accept()
        with client:
            client.recv(65536)
            for part in (b"HTTP/1.1 200 OK\r\n", b"content-length: 4\r\n\r\n", b"fi", b"ne"):
                pause.wait(0.2)
                client.sendall(part)
            client.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with listener:
        result = fetch(
            job(f"http://127.0.0.1:{listener.getsockname()[1]}"), limits(idle_timeout=0.4)
        )
        thread.join(5)
    assert (result.error, result.job.sink.body) == (None, b"fine")


@pytest.mark.parametrize("size", [9_000_000])
def test_a_url_beyond_all_size_fails_alone(size: int) -> None:
    with RawServer(FINE) as server:
        jobs = [job(f"{server.url}/{'x' * size}"), job(server.url)]
        results = {id(result.job): result for result in fetch_all(jobs, limits(concurrency=1))}
    assert kind(results[id(jobs[0])]) in {"url", "http", "protocol", "reset"}
    assert kind(results[id(jobs[1])]) is None
