"""A server on loopback that sends exactly the bytes a test says, for what no decent server sends.

    with RawServer(lambda connection, _request: connection.send(b"SSH-2.0-x\r\n")) as server:
        ...  # a client of server.url

It records requests and counts connections, so that a test can see what a client does to its server.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self, TypeAlias

TIMEOUT = 5  # seconds that a broken client may hold up a test
BLOCK_BYTES = 64 * 1024
_TLS_HANDSHAKE = b"\x16"  # the first byte of a client that speaks TLS


@dataclass(frozen=True)
class Request:
    """A request as it arrived; `target` includes the query, header names are in lower case."""

    target: str
    headers: Mapping[str, str] = field(repr=False)


class Connection:
    """The server's end of one connection."""

    def __init__(self, client: socket.socket) -> None:
        """Wrap an accepted socket."""
        self.is_open = True
        self._client = client
        self._incoming = client.makefile("rb")

    def read_request(self) -> Request | None:
        """Return the next request, or None when the client has hung up.

        A TLS hello where a request should be is a request for nothing.
        """
        if self._incoming.peek(1)[:1] == _TLS_HANDSHAKE:
            return Request("", {})
        _method, _, rest = self._incoming.readline().decode("latin-1").partition(" ")
        headers = {}
        while line := self._incoming.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return Request(rest.rpartition(" ")[0], headers) if rest else None

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._client.sendall(data)

    def cut(self) -> None:
        """Close the connection in order, whatever was announced."""
        self.is_open = False

    def reset(self) -> None:
        """Close the connection with a RST, as a crashed peer or a firewall does."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.cut()

    def wait_for_hangup(self) -> None:
        """Stay silent until the client goes away or the server stops."""
        while self._client.recv(BLOCK_BYTES):
            pass
        self.cut()

    def close(self) -> None:
        """Close the file over the socket; the server closes the socket itself."""
        self._incoming.close()


Answer: TypeAlias = Callable[[Connection, Request], None]


def response(
    body: bytes = b"", *, status: int = 200, length: int | None = None, **headers: str
) -> bytes:
    """Render a whole answer; `length` is announced instead of the true one."""
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body) if length is None else length}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def sends(data: bytes) -> Answer:
    """Answer every request with these bytes."""
    return lambda connection, _request: connection.send(data)


def redirects(location: str, *, status: int = 302) -> Answer:
    """Answer every request with a redirect."""
    return sends(response(status=status, location=location))


class RawServer:
    """Listens on 127.0.0.1 and hands every request to `answer`, in a thread per connection.

    Attributes:
        answer: what meets a request; a test may change it.
        requests: what arrived, in order.
        open: connections that stand now.
    """

    def __init__(self, answer: Answer, *, tls: ssl.SSLContext | None = None) -> None:
        """Listen on any free port; with `tls`, every connection begins with a handshake."""
        self.requests: list[Request] = []
        self.open = 0
        self.answer = answer
        self._tls = tls
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        """The origin, without a slash at its end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def wait_until(self, condition: Callable[[Self], bool]) -> None:
        """Wait until something is true of this server, such as `server.open == 0`."""
        with self._changed:
            if not self._changed.wait_for(partial(condition, self), TIMEOUT):
                raise AssertionError(f"open: {self.open}, requests: {len(self.requests)}")

    def __enter__(self) -> Self:
        """Start serving."""
        self._acceptor.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Hang up on everybody and stop."""
        with suppress(OSError):  # it wakes accept() where the platform allows it
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(TIMEOUT)
        self._listener.close()
        with self._changed:
            clients = dict(self._clients)
        for client, thread in clients.items():
            with suppress(OSError):  # already gone
                client.shutdown(socket.SHUT_RDWR)
            thread.join(TIMEOUT)

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _address = self._listener.accept()
                if self._tls is not None:
                    client = self._tls.wrap_socket(
                        client, server_side=True, do_handshake_on_connect=False
                    )
                thread = threading.Thread(target=self._talk, args=(client,), daemon=True)
                with self._changed:
                    self._clients[client] = thread
                    self.open += 1
                    self._changed.notify_all()
                thread.start()

    def _talk(self, client: socket.socket) -> None:
        with suppress(OSError):  # a client may go away at any time
            self._converse(client)
        with self._changed:
            client.close()
            del self._clients[client]
            self.open -= 1
            self._changed.notify_all()

    def _converse(self, client: socket.socket) -> None:
        if isinstance(client, ssl.SSLSocket):
            client.do_handshake()
        connection = Connection(client)
        try:
            while connection.is_open and (request := connection.read_request()):
                with self._changed:
                    self.requests.append(request)
                    self._changed.notify_all()
                self.answer(connection, request)
        finally:
            connection.close()
