"""A registry on loopback, as much of one as `docker pull` needs."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.images import Made

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Registry:
    """Where it listens, and what it has: blobs by digest, manifests by repository and reference."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], bytes] = {}

    def add(self, repository: str, tag: str, image: Made) -> str:
        """Offer an image, and return its manifest's digest."""
        layers = [self._blob(gzip.compress(one, mtime=0), "layer") for one in image.layers]
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._blob(image.config, "config"),
            "layers": layers,
        }
        data = json.dumps(document).encode()
        digest = _digest(data)
        self.manifests[repository, tag] = self.manifests[repository, digest] = data
        return digest

    def _blob(self, data: bytes, kind: str) -> dict[str, Any]:
        self.blobs[_digest(data)] = data
        media = {
            "layer": "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "config": "application/vnd.docker.container.image.v1+json",
        }
        return {"mediaType": media[kind], "size": len(data), "digest": _digest(data)}


class _Server(ThreadingHTTPServer):
    registry: Registry


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        _, _, path = self.path.partition("/v2/")
        repository, kind, reference = _parts(path)
        registry = self.server.registry
        if kind == "manifests":
            self._send(registry.manifests.get((repository, reference)), MANIFEST)
        elif kind == "blobs":
            self._send(registry.blobs.get(reference), "application/octet-stream")
        else:
            self._send(b"{}", "application/json")

    def _send(self, data: bytes | None, kind: str) -> None:
        body = data or b""
        self.send_response(404 if data is None else 200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", _digest(body))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_GET = do_HEAD = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def _parts(path: str) -> tuple[str, str, str]:
    head, _, reference = path.rpartition("/")
    repository, _, kind = head.rpartition("/")
    return repository, kind, reference


def _digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


@contextmanager
def serving() -> Iterator[Registry]:
    """Run a registry that has nothing yet; dockerd trusts one on loopback without TLS."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.registry = Registry(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.registry
        finally:
            server.shutdown()
            thread.join()
