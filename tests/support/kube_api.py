"""A stand-in for a Kubernetes API server, on the wire: what a real one cannot be made to do.

    with kube_api() as api:
        api.pods.put(pod("web-0"))
        log = api.log("team-a", "web-0", "app")
        log.write("one line")
        ...  # any client with api.kubeconfig

It lists in pages, watches with bookmarks, and reads and follows logs as a kubelet does. `fault`
is asked before each answer; `cut` breaks what streams. Every request is in `asked`.
"""

import json
import random
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from tests.support.kube_state import (
    NS,
    BadSelector,
    Expired,
    Kind,
    Log,
    Object,
    now_ns,
    stamped,
    status,
)

WAIT_S = 0.2  # between two looks of a stream whether it is to end


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str] = field(repr=False)


class Cut(Exception):
    """Raised by a fault: break the connection."""


Answer: TypeAlias = tuple[int, bytes, dict[str, str]]


class KubeApi:
    """The server's state, and what a test may do to it."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.pods = Kind(self.changed)
        self.events = Kind(self.changed)
        self.namespaces = Kind(self.changed)
        self.logs: dict[tuple[str, str, str], Log] = {}
        self.asked: list[Asked] = []
        self.fault: Callable[[Asked], Answer | None] = lambda _asked: None
        self.budget: Callable[[Asked], int | None] = lambda _asked: None
        self.watch_error_as_status = False
        self.pages_expire_before = 0
        self.bookmarks = 0
        self.tears = 0
        self.stopped = False
        self.tls: ssl.SSLContext | None = None
        self.url = ""
        self.kubeconfig = Path()
        self._port = 0
        self._server: ThreadingHTTPServer
        self._streams: dict[int, socket.socket] = {}
        for name in ("default", "team-a", "team-b"):
            self.namespaces.put({"metadata": {"name": name}, "kind": "Namespace"})

    def start(self) -> None:
        """Serve; at the same port, if it was stopped."""
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = server = _Server(("127.0.0.1", self._port), handler)
        if self.tls is not None:  # the handshake is left to the connection's own thread
            wrap = self.tls.wrap_socket
            server.socket = wrap(server.socket, server_side=True, do_handshake_on_connect=False)
        self._port = int(server.server_address[1])
        scheme = "https" if self.tls else "http"
        self.url, self.stopped = f"{scheme}://127.0.0.1:{self._port}", False
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Serve no more: nobody listens then."""
        self.stopped = True
        with self.changed:
            self.changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def log(self, namespace: str, pod: str, container: str = "app") -> Log:
        """Return a container's log."""
        return self.logs.setdefault((namespace, pod, container), Log(self.changed))

    def paths(self) -> list[str]:
        """Return the paths that were asked for."""
        return [one.path for one in self.asked]

    @property
    def streaming(self) -> int:
        """The number of logs and watches that are open."""
        return len(self._streams)

    def cut(self, *, reset: bool = True) -> None:
        """Break all that streams: as a crashed server does, or with a FIN in the middle."""
        with self.changed:
            streams = list(self._streams.values())
        for one in streams:
            with suppress(OSError):
                if reset:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)

    def tear(self) -> None:
        """Break all logs that stream in the middle of what they send next."""
        self.tears += 1

    def bookmark(self) -> None:
        """Send a bookmark to all watches."""
        with self.changed:
            self.bookmarks += 1
            self.changed.notify_all()

    @contextmanager
    def stream(self, connection: socket.socket) -> Iterator[None]:
        """Know of a stream while it is open."""
        with self.changed:
            self._streams[id(connection)] = connection
        try:
            yield
        finally:
            with self.changed:
                del self._streams[id(connection)]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing: that clients go away, or refuse our certificate, is what tests want."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: KubeApi
    timeout = 60

    def log_message(self, *_: Any) -> None:
        pass

    def _any(self) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), headers)
        self.api.asked.append(asked)
        try:
            if (answer := self.api.fault(asked)) is not None:
                self._answer(*answer)
            elif self.command != "GET":
                self._refuse(405, "MethodNotAllowed", "this server can only be read")
            else:
                self._get(asked)
        except Cut:
            self.api_cut()
        except OSError:
            self.close_connection = True

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def api_cut(self) -> None:
        """Break this connection in the middle."""
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _json(self, value: object) -> None:
        self._answer(200, json.dumps(value).encode())

    def _refuse(self, code: int, reason: str, message: str) -> None:
        self._answer(code, status(code, reason, message))

    def _get(self, asked: Asked) -> None:
        words = asked.path.strip("/").split("/")
        match words:
            case ["api", "v1", "namespaces", namespace, ("pods" | "events") as resource]:
                self._many(asked, resource, namespace)
            case ["api", "v1", ("pods" | "events" | "namespaces") as resource]:
                self._many(asked, resource, None)
            case ["api", "v1", "namespaces", name]:
                self._one("namespaces", "", name)
            case ["api", "v1", "namespaces", namespace, ("pods" | "events") as resource, name]:
                self._one(resource, namespace, name)
            case ["api", "v1", "namespaces", namespace, "pods", name, "log"]:
                self._log(asked, namespace, name)
            case _:
                self._discover(words)

    def _discover(self, words: list[str]) -> None:
        """Say what there is, as kubectl asks first."""
        match words:
            case ["api"]:
                self._json({"kind": "APIVersions", "versions": ["v1"]})
            case ["apis"]:
                self._json({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})
            case ["version"]:
                self._json({"major": "1", "minor": "35", "gitVersion": "v1.35.0"})
            case ["api", "v1"]:
                verbs = ["get", "list", "watch"]
                kinds = (("pods", "Pod", ["po"]), ("events", "Event", ["ev"]))
                named = [
                    {
                        "name": name,
                        "kind": kind,
                        "namespaced": True,
                        "verbs": verbs,
                        "shortNames": s,
                    }
                    for name, kind, s in kinds
                ]
                self._json({"kind": "APIResourceList", "groupVersion": "v1", "resources": named})
            case _:
                self._refuse(404, "NotFound", "the server could not find the requested resource")

    def _kind(self, resource: str) -> Kind:
        found: Kind = getattr(self.api, resource)
        return found

    def _one(self, resource: str, namespace: str, name: str) -> None:
        found = self._kind(resource).get(namespace, name)
        if found is None:
            self._refuse(404, "NotFound", f'{resource} "{name}" not found')
        else:
            self._json(found)

    def _many(self, asked: Asked, resource: str, namespace: str | None) -> None:
        kind = self._kind(resource)
        if asked.query.get("watch") in {"1", "true"}:
            self._watch(asked, kind, namespace)
            return
        labels, fields = (asked.query.get(key, "") for key in ("labelSelector", "fieldSelector"))
        try:
            things = kind.all(namespace, labels, fields)
        except BadSelector as error:
            self._refuse(400, "BadRequest", f"unable to parse requirement: {error}")
            return
        start, token_version = 0, kind.version
        if token := asked.query.get("continue"):
            start, token_version = map(int, token.split("."))
            if token_version < max(kind.oldest, self.api.pages_expire_before):
                message = "The provided continue parameter is too old"
                self._refuse(410, "Expired", message)
                return
        limit = int(asked.query.get("limit", 0)) or len(things) or 1
        meta = {"resourceVersion": str(token_version)}
        if start + limit < len(things):
            meta["continue"] = f"{start + limit}.{token_version}"
        title = {"pods": "PodList", "events": "EventList", "namespaces": "NamespaceList"}[resource]
        page = things[start : start + limit]
        self._json({"kind": title, "apiVersion": "v1", "metadata": meta, "items": page})

    def _begin(self, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _watch(self, asked: Asked, kind: Kind, namespace: str | None) -> None:
        version, bookmarks = int(asked.query.get("resourceVersion") or 0), self.api.bookmarks
        labels, fields = (asked.query.get(key, "") for key in ("labelSelector", "fieldSelector"))
        gone = status(410, "Expired", f"too old resource version: {version}")
        if version < kind.oldest and self.api.watch_error_as_status:
            self._answer(410, gone)
            return
        self._begin("application/json")
        with self.api.stream(self.connection):
            while not self.api.stopped:
                with self.api.changed:
                    try:
                        news = kind.after(version)
                    except Expired:
                        self._chunk(b'{"type":"ERROR","object":%s}\n' % gone)
                        break
                    if not news and bookmarks == self.api.bookmarks:
                        self.api.changed.wait(WAIT_S)
                        continue
                for version, what, thing in news:  # noqa: B007 - it is the last one seen
                    inside = namespace in {None, thing["metadata"].get("namespace")}
                    if inside and _selected(thing, labels, fields):
                        self._chunk(json.dumps({"type": what, "object": thing}).encode() + b"\n")
                if bookmarks != self.api.bookmarks:
                    bookmarks = self.api.bookmarks
                    self._send_bookmark(version)
        self._chunk(b"")

    def _send_bookmark(self, version: int) -> None:
        mark = {"metadata": {"resourceVersion": str(version), "creationTimestamp": None}}
        thing = {"type": "BOOKMARK", "object": {"kind": "Pod", "apiVersion": "v1", **mark}}
        self._chunk(json.dumps(thing).encode() + b"\n")

    def _log(self, asked: Asked, namespace: str, name: str) -> None:
        pod = self.api.pods.get(namespace, name)
        if pod is None:
            self._refuse(404, "NotFound", f'pods "{name}" not found')
            return
        containers = [one["name"] for one in pod["spec"]["containers"]]
        container = asked.query.get("container") or (containers[0] if len(containers) == 1 else "")
        if not container:
            text = f"a container name must be specified for pod {name}, choose one of: {containers}"
            self._refuse(400, "BadRequest", text)
            return
        log = self.api.log(namespace, name, container)
        self._begin("text/plain")
        with self.api.stream(self.connection):
            for block in self._blocks(log, asked):
                self._chunk(block)
        self._chunk(b"")

    def _blocks(self, log: Log, asked: Asked) -> Iterator[bytes]:
        """Yield what is to be sent of a log, up to where it is to be cut."""
        budget, tears = self.api.budget(asked), self.api.tears
        for block in _read(self.api, log, asked.query):
            if tears != self.api.tears:
                self.wfile.write(b"%x\r\n%s" % (len(block), block[: len(block) // 2]))
                raise Cut
            if budget is not None and len(block) >= budget:
                self._chunk(block[:budget])
                raise Cut
            budget = budget - len(block) if budget is not None else None
            yield block


def _selected(thing: Object, labels: str, fields: str) -> bool:
    from tests.support.kube_state import selects

    return selects(thing, labels, fields)


def _read(api: KubeApi, log: Log, query: dict[str, str]) -> Iterator[bytes]:
    """Yield blocks of a log as a kubelet reads its file."""
    timestamps = query.get("timestamps") == "true"
    since = _since(query)
    lines = log.previous if query.get("previous") == "true" else log.lines
    with api.changed:
        chosen = [one for one in lines if one[0] >= since]
        if "tailLines" in query:
            chosen = chosen[len(chosen) - min(len(chosen), int(query["tailLines"])) :]
        position, generation = len(log.lines), log.generation
    if chosen:
        yield _block(chosen, timestamps=timestamps, open_line=log.open_line)
    if query.get("follow") != "true":
        return
    while not api.stopped:
        with api.changed:
            if log.generation != generation:
                if log.at_rotation == "end":
                    return
                if log.at_rotation == "go on":
                    position, generation = 0, log.generation
                else:
                    api.changed.wait(WAIT_S)
                    continue
            log.sent = position
            news, position = log.lines[position:], len(log.lines)
            if not news and log.ended:
                return
            if not news:
                api.changed.wait(WAIT_S)
                continue
        yield _block(news, timestamps=timestamps, open_line=False)


def _since(query: dict[str, str]) -> int:
    from datetime import datetime

    if "sinceTime" in query:
        return int(datetime.fromisoformat(query["sinceTime"]).timestamp()) * NS
    return now_ns() - int(query["sinceSeconds"]) * NS if "sinceSeconds" in query else 0


def _block(lines: list[tuple[int, bytes]], *, timestamps: bool, open_line: bool) -> bytes:
    text = b"".join(stamped(at, line, timestamps=timestamps) + b"\n" for at, line in lines)
    return text.removesuffix(b"\n") if open_line else text


def random_budget(seed: int, most: int) -> Callable[[Asked], int | None]:
    """Return a budget that cuts each log after a random number of bytes."""
    source = random.Random(seed)  # noqa: S311 - it decides about cuts
    return lambda _asked: source.randrange(1, most)


@contextmanager
def kube_api(folder: Path, *, tls: ssl.SSLContext | None = None) -> Iterator[KubeApi]:
    """Run the stand-in on loopback; its kubeconfig is put into a folder."""
    api = KubeApi()
    api.tls = tls
    api.start()
    api.kubeconfig = write_kubeconfig(folder / "kubeconfig", api.url)
    try:
        yield api
    finally:
        api.stop()


def write_kubeconfig(path: Path, url: str, **more: Any) -> Path:
    """Write a kubeconfig of one context, in the namespace team-a; return its path."""
    cluster = {"server": url, **more.get("cluster", {})}
    context = {"cluster": "it", "user": "us", "namespace": "team-a"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "standin",
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "us", "user": more.get("user", {"token": "t0ken"})}],
        "contexts": [{"name": "standin", "context": context}],
    }
    path.write_text(json.dumps(config))
    return path
