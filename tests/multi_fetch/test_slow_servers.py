import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.multi_fetch.fetching import fetch, job, kind, limits
from tests.support.rawserver import TIMEOUT, response

PAUSE_S, IDLE_S = 0.25, 0.4


@contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection in a thread; give the port."""

    def serve() -> None:
        with suppress(OSError):
            client, _address = listener.accept()
            with client:
                talk(client)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(TIMEOUT)


def pause() -> None:
    threading.Event().wait(PAUSE_S)


def test_a_late_handshake_and_a_late_answer_are_two_silences(trusted_tls: ssl.SSLContext) -> None:
    def talk(client: socket.socket) -> None:
        pause()
        with trusted_tls.wrap_socket(client, server_side=True) as secure:
            secure.recv(65536)
            pause()
            secure.sendall(response(b"fine"))
            secure.recv(1)

    with serving(talk) as port:
        result = fetch(job(f"https://127.0.0.1:{port}"), limits(idle_timeout=IDLE_S))
    assert (result.error, result.job.sink.body) == (None, b"fine")


@pytest.mark.parametrize(
    "parts",
    [
        [b"HTTP/1.1 200 OK\r\nx: y\r\n", b"content-length: 4\r\n\r\n", b"fi", b"ne"],
        [b"HTTP/1.1 103 X\r\n\r\n", b"HTTP/1.1 103 X\r\n\r\n", response(b"fine")],
        [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"4\r\nfi", b"ne\r\n0\r\n\r\n"],
    ],
)
def test_what_comes_slowly_but_steadily_is_not_silent(parts: list[bytes]) -> None:
    def talk(client: socket.socket) -> None:
        client.recv(65536)
        for part in parts:
            pause()
            client.sendall(part)
        client.recv(1)

    with serving(talk) as port:
        result = fetch(job(f"http://127.0.0.1:{port}"), limits(idle_timeout=IDLE_S))
    assert (result.error, result.job.sink.body) == (None, b"fine")


@pytest.mark.parametrize(
    ("start", "again"),
    [
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n", id="interim answers"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", id="headers"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n",
            b"x: y\r\n",
            id="trailers",
        ),
    ],
)
def test_an_endless_head_does_not_fill_the_memory(start: bytes, again: bytes) -> None:
    sent = 0

    def talk(client: socket.socket) -> None:
        nonlocal sent
        client.recv(65536)
        client.sendall(start)
        block = again * 1000
        while True:
            client.sendall(block)
            sent += len(block)

    with serving(talk) as port:
        few = limits(timeout=2.0, max_bytes=1000)
        result = fetch(job(f"http://127.0.0.1:{port}"), few)
    assert kind(result) in {"protocol", "too_large"}
    assert sent < 20_000_000
