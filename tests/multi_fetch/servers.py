"""Servers that count who is inside, hold requests up, and keep requests to the letter."""

import socket
import threading
from typing import Any

from tests.support.rawserver import (
    TIMEOUT,
    Answer,
    Connection,
    RawServer,
    Request,
    response,
    sends,
)

FINE = sends(response(b"fine"))


def then_cut(data: bytes) -> Answer:
    def answer(connection: Connection, _request: Request) -> None:
        connection.send(data)
        connection.cut()

    return answer


def then_reset(data: bytes) -> Answer:
    def answer(connection: Connection, _request: Request) -> None:
        connection.send(data)
        connection.reset()

    return answer


def then_silent(data: bytes) -> Answer:
    def answer(connection: Connection, _request: Request) -> None:
        connection.send(data)
        connection.wait_for_hangup()

    return answer


class Count:
    """How many are inside now, and the most there ever were."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._changed = threading.Condition()

    def add(self, change: int) -> None:
        with self._changed:
            self.now += change
            self.most = max(self.most, self.now)
            self._changed.notify_all()

    def wait_for(self, number: int) -> bool:
        """Wait until that many are inside; tell whether they came."""
        with self._changed:
            return self._changed.wait_for(lambda: self.now >= number, TIMEOUT)


class Gate:
    """Holds every request until one more may go on, or all; then answers.

    A request counts as gone before its answer is sent: the client cannot begin another before.
    """

    def __init__(self, then: Answer = FINE, *counts: Count) -> None:
        self.inside = Count()
        self._counts = (self.inside, *counts)
        self._then = then
        self._passes = threading.Semaphore(0)
        self._is_open = threading.Event()

    def __call__(self, connection: Connection, request: Request) -> None:
        for count in self._counts:
            count.add(1)
        if not self._is_open.is_set():
            self._passes.acquire(timeout=TIMEOUT)
        for count in self._counts:
            count.add(-1)
        self._then(connection, request)

    def let(self, number: int = 1) -> None:
        """Let that many go on."""
        self._passes.release(number)

    def open(self) -> None:
        """Let everybody go on, from now on."""
        self._is_open.set()
        self._passes.release(10_000)


class Lettered(RawServer):
    """Keeps the heads of requests as they were sent.

    Attributes:
        heads: request lines and headers, in order.
        connections: how many were accepted in all.
    """

    def __init__(self, answer: Answer, **settings: Any) -> None:
        super().__init__(answer, **settings)
        self.heads: list[bytes] = []
        self.connections = 0

    @property
    def lines(self) -> list[str]:
        """The request lines, without the version."""
        return [
            head.partition(b"\r\n")[0].rpartition(b" ")[0].decode("latin-1") for head in self.heads
        ]

    def _converse(self, client: socket.socket) -> None:
        self.connections += 1
        heard = _Heard(client, self.heads)
        super()._converse(heard)  # type: ignore[arg-type]  # what a server needs of a socket


class _Heard:
    """A socket that writes down each head that is read from it."""

    def __init__(self, client: socket.socket, heads: list[bytes]) -> None:
        self._client = client
        self._heads = heads

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def makefile(self, _mode: str) -> Any:
        return _HeardFile(self._client.makefile("rb"), self._heads)


class _HeardFile:
    def __init__(self, file: Any, heads: list[bytes]) -> None:
        self._file = file
        self._heads = heads
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def readline(self) -> bytes:
        line: bytes = self._file.readline()
        self._head += line
        if self._head and not line.strip():
            self._heads.append(self._head)
            self._head = b""
        return line
