"""A stand-in for a daemon, on a unix socket or on loopback, that can answer anything at all.

    with standing_in(tmp_path / "socket") as daemon:
        daemon.answers["/images/json"] = 200, b"<html>"

Left alone it is a decent daemon with one dangling image and no container.
"""

import json
import re
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, TypeAlias

IMAGE = "sha256:" + "a" * 64
Raw: TypeAlias = bytes
"""What is sent as it is, before the connection is closed."""
Answer: TypeAlias = tuple[int, bytes] | Raw | Callable[[], None]
"""A status and a body; raw bytes; or something to wait for, before the connection is closed."""


def decent() -> dict[str, Any]:
    """What a decent daemon answers, by path."""
    image: dict[str, Any] = {"Id": IMAGE, "RepoTags": None, "RepoDigests": None, "ParentId": ""}
    image |= {"Created": 1_700_000_000, "Size": 5, "Labels": None}
    about = {"ID": "one", "DriverStatus": None}
    return {
        "/version": {"ApiVersion": "1.41", "MinAPIVersion": "1.12"},
        "/info": about,
        "/images/json": [image],
        "/containers/json": [],
        "/system/df": {"LayersSize": 5, "Images": [{"Id": IMAGE, "SharedSize": 0}]},
        f"/images/{IMAGE}/json": {"RepoTags": [], "RepoDigests": [], "RootFS": {"Layers": ["a"]}},
        f"/images/{IMAGE}": [{"Deleted": IMAGE}],
    }


class Standin:
    """Where it listens, what it answers by path, and what it was asked."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.answers: dict[str, Answer] = {
            path: (200, json.dumps(value).encode()) for path, value in decent().items()
        }
        self.asked: list[tuple[str, str]] = []

    def says(self, path: str, value: object) -> None:
        """Answer with this as JSON."""
        self.answers[path] = 200, json.dumps(value).encode()

    def always(self, answer: Answer) -> None:
        """Give the same answer to everything."""
        self.answers = dict.fromkeys(self.answers, answer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_UnixServer | _TcpServer"

    def _answer(self) -> None:
        path = re.sub(r"^/v[0-9.]+", "", self.path).partition("?")[0]
        standin = self.server.standin
        standin.asked.append((self.command, path))
        answer = standin.answers.get(path, (404, b'{"message": "no such thing"}'))
        if isinstance(answer, tuple):
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(answer[1])))
            self.end_headers()
            self.wfile.write(answer[1])
            return
        self.close_connection = True
        if isinstance(answer, bytes):
            self.wfile.write(answer)
        else:
            answer()

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names

    def address_string(self) -> str:
        return "standin"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def handle(self) -> None:
        with suppress(OSError):  # clients may go away, and distrust us
            super().handle()


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    standin: Standin


class _TcpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    standin: Standin

    def handle_error(self, *_: Any) -> None:
        """Say nothing: a client that distrusts us breaks off in the middle."""


@contextmanager
def standing_in(listening: Path | None, *, tls: ssl.SSLContext | None = None) -> Iterator[Standin]:
    """Run a stand-in on a socket file, or on any free port of loopback."""
    server: _UnixServer | _TcpServer
    if listening:
        server = _UnixServer(str(listening), _Handler)
        server.standin = Standin(f"unix://{listening}")
    else:
        server = _TcpServer(("127.0.0.1", 0), _Handler)
        server.standin = Standin(f"tcp://127.0.0.1:{server.server_address[1]}")
        if tls:
            server.socket = tls.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.standin
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
