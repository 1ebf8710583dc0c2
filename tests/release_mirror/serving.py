"""A served mirror under test: the real command in a process of its own, and talking to it."""

import asyncio
import http.client
import json
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from release_mirror.serve import Options, serve
from tests.support.commands import argv, run
from tests.support.journals import recorded

PATIENCE_S = 30  # never reached when all is well


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True)
class Served:
    """A server that runs."""

    url: str
    records_path: Path

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname
        assert parts.port
        return parts.hostname, parts.port

    def ask(
        self, path: str, method: str = "GET", content: bytes | None = None, **headers: str
    ) -> Answer:
        """Make one request; the path goes out as it is, `_` in a header's name as `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)
        try:
            connection.request(method, path, content, named)
            response = connection.getresponse()
            return Answer(status=response.status, headers=response.headers, body=response.read())
        finally:
            connection.close()

    def say(self, data: bytes) -> bytes:
        """Send bytes on a connection, and return all that comes until the server hangs up."""
        with socket.create_connection(self.address, timeout=PATIENCE_S) as connection:
            connection.sendall(data)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def records(self, count: int = 0) -> list[dict[str, Any]]:
        """Return what it has recorded so far, once it is that many: an answer comes first."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            lines = self.records_path.read_text().splitlines()
            if len(lines) >= count:
                return [json.loads(line) for line in lines]
            assert time.monotonic() < deadline
            time.sleep(0.01)


@dataclass(frozen=True, kw_only=True)
class ServedHere(Served):
    """A server in this process; `notes` is what it says."""

    notes: list[str]


@dataclass(frozen=True, kw_only=True)
class ServedElsewhere(Served):
    """The command in a process of its own."""

    process: "subprocess.Popen[str]"

    def end(self) -> tuple[int, str]:
        """Stop it; returns its exit code and stderr."""
        self.process.terminate()
        _, stderr = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, stderr


@contextmanager
def serving_here(dest: Path) -> Iterator[ServedHere]:
    """Serve a mirror on any port from a thread, which takes less time than a process."""
    records, notes = dest.with_name(f"{dest.name}-requests.json"), list[str]()
    urls: queue.Queue[str] = queue.Queue()
    options = Options(dest=dest, host="127.0.0.1", port=0)
    loop = asyncio.new_event_loop()
    with recorded("release-mirror", records) as log:
        work = loop.create_task(serve(options, ready=urls.put, notify=notes.append, log=log))
        work.add_done_callback(lambda _: loop.stop())
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            url = urls.get(timeout=PATIENCE_S)
            yield ServedHere(url=url, records_path=records, notes=notes)
        finally:
            loop.call_soon_threadsafe(work.cancel)
            thread.join(PATIENCE_S)
            loop.close()
    assert work.cancelled()


@contextmanager
def serving(dest: Path, *arguments: object, **popen: Any) -> Iterator[ServedElsewhere]:
    """Serve a mirror on any port; more arguments come last, and so win."""
    records = dest.with_name(f"{dest.name}-requests.json")
    command = argv("release_mirror", "serve", "--dest", dest, "--listen", "127.0.0.1:0")
    command += ["--log-json", str(records), *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **popen
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, process.stderr and process.stderr.read()
            yield ServedElsewhere(url=url, process=process, records_path=records)
        finally:
            process.kill()


def mirrored(dest: Path, url: str, *arguments: object, token: str = "") -> Mapping[str, Any]:
    """Mirror octo/tool from an API in a process; returns its summary."""
    command = ("sync", "octo/tool", "--dest", dest, "--api-url", url, "--json", *arguments)
    ran = run("release_mirror", *command, GH_TOKEN=token)
    assert ran.code == 0, ran.stderr
    summary: Mapping[str, Any] = ran.json
    return summary


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder with what is in them, but for the mirror's own account."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent != folder
    }
