"""The HTTP server that Prometheus scrapes: `/metrics` and `/healthz`, and nothing else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from toolroll_shared.errors import ToolError, UsageError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

REQUEST_S = 10.0
"""How long a client may take for its whole request, and again for reading our answer."""

MAX_CLIENTS = 32
"""At once; others are hung up on."""

Sources = dict[str, Callable[[], tuple[int, str]]]
"""What answers each path: a status and a text."""


@contextmanager
def exporting(host: str, port: int, sources: Sources) -> Iterator[str]:
    """Serve in the `with` block, from threads of its own; yields the URL.

    Raises:
        UsageError: the address cannot be listened at.
    """
    try:
        server = _Server(host, port, sources)
    except (OSError, UnicodeError) as error:  # a name that is none in DNS is no text for it
        reason = getattr(error, "strerror", None) or "is no name of a host"
        raise UsageError(f"--listen {_shown(host)}:{port}: {reason}") from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": None})
    thread.start()
    try:
        yield server.url
    finally:
        server.stop()
        thread.join()
        server.server_close()


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, sources: Sources) -> None:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        self.address_family = family
        self.sources = sources
        self._free = threading.Semaphore(MAX_CLIENTS)
        super().__init__(address, _Handler)  # type: ignore[arg-type] # IPv6 has four parts

    def server_bind(self) -> None:
        """Bind, without asking who else knows this address: that may take long."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    @property
    def url(self) -> str:
        """What is to be scraped."""
        host, port = self.server_address[:2]
        return f"http://{_shown(str(host))}:{port}/metrics"

    def stop(self) -> None:
        """End `serve_forever`, which sleeps until somebody comes: so it is idle at no cost."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.shutdown()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # there is no thread to be had
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that leave."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_S
    server_version = "observe"
    sys_version = ""

    def handle(self) -> None:
        """Take one request, all of it in time: a client could send a byte now and then."""
        self._clock = self._hang_up_late()
        try:
            super().handle()
        finally:
            self._clock.cancel()

    def _hang_up_late(self) -> threading.Timer:
        clock = threading.Timer(REQUEST_S, self._hang_up)
        clock.daemon = True
        clock.start()
        return clock

    def _hang_up(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self._clock.cancel()
        status, text = self._found()
        self._clock = self._hang_up_late()
        self._send(status, text)

    def _found(self) -> tuple[int, str]:
        source = self.server.sources.get(self.path.partition("?")[0])
        if source is None:
            return HTTPStatus.NOT_FOUND, f"there are {', '.join(self.server.sources)}\n"
        try:
            return source()
        except ToolError as error:
            return HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n"
        except Exception as error:  # noqa: BLE001 - who asked is to know that there is no answer
            return HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(error).__name__}: {error}\n"

    def _send(self, status: int, text: str) -> None:
        body = text.encode(errors="backslashreplace")
        self.send_response(status)
        is_json = text.startswith("{")
        self.send_header("Content-Type", "application/json" if is_json else CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: each scrape would be a line."""


def health(*, ok: bool, **facts: object) -> tuple[int, str]:
    """Return what `/healthz` answers."""
    status = HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE
    return status, json.dumps({"ok": ok, **facts}) + "\n"
