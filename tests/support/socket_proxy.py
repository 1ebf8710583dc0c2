"""A proxy on a socket before a daemon: it records each request, and can meddle with some."""

import http.client
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

READING = {"GET", "HEAD"}


@dataclass(frozen=True)
class Asked:
    """A request: its path without the API's version, when it came and when it was answered."""

    method: str
    path: str
    began: float
    ended: float
    status: int

    @property
    def writes(self) -> bool:
        return self.method not in READING


Answer = tuple[int, bytes]
Meddling = Callable[[], Answer | None]
"""Something that is done before a request is passed on, or the answer to it."""


_Entry = tuple[str, re.Pattern[str], Meddling, bool]


class Proxy:
    """Where a proxy listens, what it was asked, and what it is to do about it."""

    def __init__(self, listening: Path, target: Path) -> None:
        self.socket = listening
        self.host = f"unix://{listening}"
        self.target = target
        self.asked: list[Asked] = []
        self._meddling: list[_Entry] = []
        self._lock = threading.Lock()

    def before(self, method: str, path: str, act: Meddling, *, once: bool = True) -> None:
        """Do something before a request whose path fits is passed on, the first time or always."""
        self._meddling.append((method, re.compile(path), act, once))

    def meddle(self, method: str, path: str) -> Answer | None:
        for entry in list(self._meddling):
            fits = entry[0] == method and entry[1].search(path)
            if fits and self._is_due(entry) and (answer := entry[2]()) is not None:
                return answer
        return None

    def _is_due(self, entry: _Entry) -> bool:
        """Tell whether something is to be done now; what is done once is one request's."""
        with self._lock:
            due = entry in self._meddling
            if due and entry[3]:
                self._meddling.remove(entry)
        return due

    @property
    def writes(self) -> list[Asked]:
        """The requests that change something."""
        return [one for one in self.asked if one.writes]

    def paths(self, method: str = "GET") -> list[str]:
        """The paths that were asked for by a method."""
        return [one.path for one in self.asked if one.method == method]


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("daemon", timeout=60)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.connect(self._path)
        except OSError:  # the daemon has gone
            self.close()
            raise


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: Proxy


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _pass_on(self) -> None:
        proxy, began = self.server.proxy, time.monotonic()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = re.sub(r"^/v[0-9.]+", "", self.path)
        made_up = proxy.meddle(self.command, path)
        status, data = made_up or self._answer_of_daemon(proxy, body)
        proxy.asked.append(Asked(self.command, path, began, time.monotonic(), status))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _answer_of_daemon(self, proxy: Proxy, body: bytes) -> Answer:
        headers = {name: value for name, value in self.headers.items() if name != "Connection"}
        with closing(_Connection(proxy.target)) as connection:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _pass_on  # noqa: N815 - http.server's names

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle(self) -> None:
        with suppress(ConnectionError, http.client.HTTPException):
            super().handle()


@contextmanager
def recording(target: Path, folder: Path) -> Iterator[Proxy]:
    """Run a proxy before the daemon at `target`, on a socket in `folder`."""
    proxy = Proxy(folder / "proxy", target)
    server = _Server(str(proxy.socket), _Handler)
    server.proxy = proxy
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
