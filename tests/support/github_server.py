"""HTTP/1.1 on loopback: the threads that carry requests and answers.

It knows nothing of GitHub, and only as much of HTTP as a test's client speaks: no TLS,
no chunked bodies, no upgrades.
"""

import io
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http import HTTPStatus
from typing import TypeAlias

from tests.support.github_http import Body, Headers, Request, Response

BLOCK_BYTES = 64 * 1024  # a body up to this size leaves with its headers in one send
MAX_LINE_BYTES = 64 * 1024  # of a request line or header line, as in http.server
BACKLOG = 256  # connections waiting to be accepted: more than a concurrent client opens
JOIN_SECONDS = 5  # a thread that outlives its closed connection this long is a bug


class BadRequestError(Exception):
    """The bytes on the connection are not a request that this server can read."""


class Wire:
    """The server's end of one connection, for whole answers and for broken ones."""

    def __init__(self, client: socket.socket, closing: threading.Event) -> None:
        """Wrap an accepted socket; `closing` is set when the server stops."""
        self.is_open = True
        self._client = client
        self._closing = closing

    def send(self, response: Response) -> None:
        """Send a whole answer, in one piece where it is small."""
        head, body = response.head(), response.body
        if isinstance(body, bytes) and len(body) <= BLOCK_BYTES:
            self.write(head + body)
        else:
            self.write(head)
            self.write(body)

    def write(self, data: Body) -> None:
        """Send bytes as they are, or a part of a file straight from disk."""
        if isinstance(data, bytes):
            self._client.sendall(data)
        elif data.length:
            with data.path.open("rb") as file:
                self._client.sendfile(file, data.start, data.length)

    def pause(self, seconds: float) -> None:
        """Wait that long, or until the server stops."""
        self._closing.wait(seconds)

    def wait_for_hangup(self) -> None:
        """Wait until the client goes away or the server stops."""
        while self._client.recv(BLOCK_BYTES):
            pass
        self.is_open = False

    def cut(self) -> None:
        """End the connection here, whatever was announced."""
        self.is_open = False

    def reset(self) -> None:
        """End it with a reset: what was sent and not read yet is lost."""
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.cut()


_FORM = re.compile(r"(http://[^/?]+)?(/.*)")  # RFC 9112, 3.2.1 and 3.2.2

Serve: TypeAlias = Callable[[Request, Wire], None]


class Server:
    """Listens on 127.0.0.1 and serves each connection in a thread of its own."""

    def __init__(self, serve: Serve, *, port: int = 0) -> None:
        """Listen on `port` (0: any free one) and hand every request to `serve`."""
        self.errors: list[Exception] = []
        self._serve = serve
        self._closing = threading.Event()
        self._clients: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        self._address: tuple[str, int] = self._listener.getsockname()
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        """The origin, without a slash at its end."""
        return f"http://{self._address[0]}:{self._address[1]}"

    def close(self) -> None:
        """Stop listening, hang up on every client, and wait for the threads."""
        self._closing.set()
        socket.create_connection(self._address).close()  # wakes accept()
        self._acceptor.join(JOIN_SECONDS)
        self._listener.close()
        with self._lock:
            clients = dict(self._clients)
        for client, thread in clients.items():
            with suppress(OSError):  # already gone
                client.shutdown(socket.SHUT_RDWR)
            thread.join(JOIN_SECONDS)

    def _accept(self) -> None:
        while True:
            client, address = self._listener.accept()
            if self._closing.is_set():
                client.close()
                return
            peer = f"{address[0]}:{address[1]}"
            thread = threading.Thread(target=self._talk, args=(client, peer), daemon=True)
            with self._lock:
                self._clients[client] = thread
            thread.start()

    def _talk(self, client: socket.socket, peer: str) -> None:
        try:
            incoming = client.makefile("rb")
            with client, incoming:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._converse(incoming, Wire(client, self._closing), peer)
        except ConnectionError:
            pass  # a client may go away at any time
        except Exception as error:  # noqa: BLE001 - reported by whoever closes the server
            self.errors.append(error)
        finally:
            with self._lock:
                del self._clients[client]

    def _converse(self, incoming: io.BufferedReader, wire: Wire, peer: str) -> None:
        try:
            while wire.is_open and (request := read_request(incoming, peer)):
                self._serve(request, wire)
                if not request.keeps_open:
                    wire.cut()
        except BadRequestError as error:
            wire.send(
                Response(HTTPStatus.BAD_REQUEST, {"connection": "close"}, str(error).encode())
            )


def read_request(incoming: io.BufferedReader, peer: str) -> Request | None:
    """Read the next request and throw its body away; None when the client has hung up."""
    line = incoming.readline(MAX_LINE_BYTES)
    if not line:
        return None
    match line.decode("latin-1").split():
        case [method, target, "HTTP/1.1" | "HTTP/1.0" as version] if form := _FORM.fullmatch(
            target
        ):
            headers = Headers(_header_fields(incoming))
        case _:
            raise BadRequestError(f"cannot read the request line {line!r}")
    if "transfer-encoding" in headers:
        raise BadRequestError("chunked requests are not supported")
    incoming.read(int(headers.get("content-length", "0")))
    return Request(method, form[2], headers, peer, version, form[1] or "")


def _header_fields(incoming: io.BufferedReader) -> Iterator[tuple[str, str]]:
    while line := incoming.readline(MAX_LINE_BYTES).rstrip(b"\r\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise BadRequestError(f"cannot read the header {line!r}")
        yield name, value.strip()
