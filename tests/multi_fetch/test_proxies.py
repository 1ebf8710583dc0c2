import base64
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.multi_fetch.fetching import Waits, fetch, fetch_all, job, kind, limits
from tests.multi_fetch.servers import FINE, Lettered
from tests.support.rawserver import Connection, RawServer, Request, response, sends
from toolroll_shared.retry import Backoff

TRIES = Backoff(tries=3)
SECRETS = {"Authorization": "Bearer s3cret", "Cookie": "id=s3cret", "X-Key": "s3cret"}


def tunnel(connection: Connection, request: Request) -> None:
    """Do what CONNECT asks for."""
    host, _, port = request.target.rpartition(":")
    client = connection._client
    with socket.create_connection((host, int(port))) as server:
        connection.send(b"HTTP/1.1 200 Connected\r\nx-of: the proxy\r\n\r\n")
        back = threading.Thread(target=pipe, args=(server, client), daemon=True)
        back.start()
        pipe(client, server)
        back.join(5)
    connection.cut()


def pipe(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy() -> Iterator[Lettered]:
    with Lettered(tunnel) as proxy:
        yield proxy


def test_https_goes_through_a_tunnel_that_sees_no_secret(
    proxy: Lettered, trusted_tls: ssl.SSLContext
) -> None:
    with RawServer(sends(response(b"hidden")), tls=trusted_tls) as server:
        url = f"{server.url}/path?sig=s3cret".replace("://", "://me:s3cret@")
        result = fetch(job(url, **SECRETS), limits(proxy=proxy.url))
        assert server.requests[0].headers["authorization"] == "Bearer s3cret"
    assert (result.error, result.status, result.job.sink.body) == (None, 200, b"hidden")
    assert proxy.lines == [f"CONNECT 127.0.0.1:{server.port}"]
    assert b"s3cret" not in proxy.heads[0]
    assert b"path" not in proxy.heads[0]


def test_one_tunnel_serves_many_jobs(proxy: Lettered, trusted_tls: ssl.SSLContext) -> None:
    with RawServer(FINE, tls=trusted_tls) as server:
        few = limits(concurrency=1, proxy=proxy.url)
        results = fetch_all([job(server.url) for _ in range(5)], few)
    assert [kind(result) for result in results] == [None] * 5
    assert len(proxy.requests) == 1


def test_headers_of_the_proxy_are_not_the_servers(
    proxy: Lettered, trusted_tls: ssl.SSLContext
) -> None:
    with RawServer(sends(response(status=302)), tls=trusted_tls) as server:
        proxy.answer = noisy
        result = fetch(job(server.url), limits(proxy=proxy.url))
    assert str(result.error) == "a redirect without a Location"


def noisy(connection: Connection, request: Request) -> None:
    host, _, port = request.target.rpartition(":")
    head = b"HTTP/1.1 200 Connected\r\nlocation: /evil\r\nretry-after: 9\r\n\r\n"
    with socket.create_connection((host, int(port))) as server:
        connection.send(head)
        back = threading.Thread(target=pipe, args=(server, connection._client), daemon=True)
        back.start()
        pipe(connection._client, server)
    connection.cut()


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses_is_no_connection(status: int) -> None:
    refusal = sends(response(b"no", status=status, location="/evil", retry_after="9"))
    waits = Waits()
    with RawServer(refusal) as proxy:
        few = limits(proxy=proxy.url, backoff=TRIES)
        result = fetch(job("https://h.invalid/?s3cret"), few, sleep=waits, random=lambda: 0.0)
        assert len(proxy.requests) == 3
    assert (kind(result), result.status, result.attempts) == ("connect", None, 3)
    assert str(result.error) == "cannot connect: the proxy refuses"
    assert waits.seconds == [0.0, 0.0]


@pytest.mark.parametrize("status", [403, 407, 502])
def test_what_a_proxy_answers_to_plain_http_is_the_answer(status: int) -> None:
    with RawServer(sends(response(status=status))) as proxy:
        result = fetch(job("http://h.invalid/"), limits(proxy=proxy.url))
    assert (kind(result), result.status) == ("http", status)


def test_a_proxy_that_hangs_up_in_the_tunnel_is_a_reset_or_no_tls() -> None:
    def hang_up(connection: Connection, _request: Request) -> None:
        connection.send(b"HTTP/1.1 200 Connected\r\n\r\n")
        connection.cut()

    with RawServer(hang_up) as proxy:
        result = fetch(job("https://h.invalid/"), limits(proxy=proxy.url))
    assert kind(result) in {"tls", "reset"}


def test_a_proxy_that_is_silent_is_a_timeout() -> None:
    def silent(connection: Connection, _request: Request) -> None:
        connection.wait_for_hangup()

    with RawServer(silent) as proxy:
        result = fetch(job("https://h.invalid/"), limits(proxy=proxy.url, idle_timeout=0.2))
    assert kind(result) == "timeout"


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [("http://127.0.0.1:1", "connect"), ("http://no.invalid:80", "dns"), ("nope://x", "protocol")],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_cannot_be_used_fails_its_jobs(scheme: str, proxy: str, expected: str) -> None:
    result = fetch(job(f"{scheme}://h.invalid/"), limits(proxy=proxy))
    assert kind(result) in {expected, "connect", "url"}


def test_a_proxys_user_is_told_to_the_proxy_only(trusted_tls: ssl.SSLContext) -> None:
    with Lettered(FINE, tls=trusted_tls) as server, Lettered(tunnel) as proxy:
        named = proxy.url.replace("://", "://me:s3cret@")
        result = fetch(job(server.url), limits(proxy=named))
        assert b"proxy-authorization" not in server.heads[0].lower()
    assert kind(result) is None
    basic = base64.b64encode(b"me:s3cret")
    assert b"Proxy-Authorization: Basic " + basic in proxy.heads[0]
    assert "s3cret" not in repr(limits(proxy=named))


def test_no_proxy_is_asked_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with RawServer(FINE) as server:
        assert fetch(job(server.url), limits(proxy="")).error is None
        assert kind(fetch(job(server.url))) == "connect"
