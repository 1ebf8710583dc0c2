"""The HTTP server that Prometheus scrapes: `/metrics` and `/healthz`, and nothing else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from toolroll_shared.errors import ToolError, UsageError

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

REQUEST_S = 10.0
"""How long a client may take for its request, or for reading our answer."""

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
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"--listen {host}:{port}: {reason}") from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    try:
        yield server.url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
        super().__init__(address[:2], _Handler)  # type: ignore[arg-type] # host and port

    @property
    def url(self) -> str:
        """What is to be scraped."""
        host, port = self.server_address[:2]
        host = host.decode() if isinstance(host, bytes | bytearray) else host
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

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

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        source = self.server.sources.get(self.path.partition("?")[0])
        if source is None:
            known = ", ".join(self.server.sources)
            self._send(HTTPStatus.NOT_FOUND, f"there are {known}\n")
            return
        try:
            status, text = source()
        except ToolError as error:
            status, text = HTTPStatus.SERVICE_UNAVAILABLE, f"{error}\n"
        self._send(status, text)

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
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
