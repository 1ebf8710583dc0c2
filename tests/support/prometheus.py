"""Prometheus, node_exporter and Pushgateway: real ones, each on a free port of loopback.

What they keep is gone when they end. A test that needs one of them skips where it is missing.
"""

import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from tests.support.nginx import free_port
from tests.support.waiting import PATIENCE_S

ANSWER_S = 10.0


class Server:
    """One that runs.

    Attributes:
        url: its root.
    """

    def __init__(self, port: int, log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._log = log

    def log(self) -> str:
        """What it has said on stderr so far."""
        return self._log.read_text()

    def get(self, path: str) -> str:
        """Return what it answers to a path, its metrics for example."""
        with urllib.request.urlopen(self.url + path, timeout=ANSWER_S) as answer:
            text: str = answer.read().decode()
        return text


class Prometheus(Server):
    """Answers queries."""

    def ask(self, endpoint: str, **parameters: str) -> dict[str, Any]:
        """Return the answer of an endpoint of its API, an error's too."""
        query = urlencode(parameters)
        try:
            text = self.get(f"/api/v1/{endpoint}?{query}")
        except HTTPError as error:
            with error:
                text = error.read().decode()
        answer: dict[str, Any] = json.loads(text)
        return answer

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and the value of each series that an expression has now."""
        answer = self.ask("query", query=expression)
        assert answer["status"] == "success", (expression, answer)
        found = answer["data"]["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]


def needs(command: str) -> str:
    """Return where a command is, or skip the test."""
    found = shutil.which(command)
    if found is None:
        pytest.skip(f"needs {command}, which Debian has as a package (promtool: prometheus)")
    return found


def promtool(
    *arguments: str | Path, stdin: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run promtool to its end, whatever it comes to."""
    command = [needs("promtool"), *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=PATIENCE_S * 4, check=False
    )


@contextmanager
def prometheus(config: str) -> Iterator[Prometheus]:
    """Run a Prometheus.

    Args:
        config: its prometheus.yml: what it scrapes, and which files have its rules.
    """
    program = needs("prometheus")
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        path = folder / "prometheus.yml"
        path.write_text(config)
        command = [program, f"--config.file={path}", f"--storage.tsdb.path={folder / 'data'}"]
        with _running(command, port, folder / "log", ready="/-/ready"):
            yield Prometheus(port, folder / "log")


@contextmanager
def node_exporter(folder: Path) -> Iterator[Server]:
    """Run a node_exporter that collects nothing but the text files of a folder."""
    program = needs("prometheus-node-exporter")
    with tempfile.TemporaryDirectory() as name:
        log, port = Path(name) / "log", free_port()
        collectors = ["--collector.disable-defaults", "--collector.textfile"]
        command = [program, *collectors, f"--collector.textfile.directory={folder}"]
        with _running(command, port, log, ready="/"):
            yield Server(port, log)


@contextmanager
def pushgateway() -> Iterator[Server]:
    """Run a Pushgateway that remembers nothing of others."""
    program = needs("prometheus-pushgateway")
    with tempfile.TemporaryDirectory() as name:
        log, port = Path(name) / "log", free_port()
        command = [program, "--persistence.file="]  # Debian's would remember those before
        with _running(command, port, log, ready="/-/ready"):
            yield Server(port, log)


@contextmanager
def _running(command: list[str], port: int, log: Path, *, ready: str) -> Iterator[None]:
    """Have a server running as soon as it answers, and end it."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=file, stderr=file
        )
    try:
        _await(process, f"http://127.0.0.1:{port}{ready}", log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()  # nothing happens if it has ended
            process.wait()


def _await(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=ANSWER_S).close()
        except HTTPError as error:  # 503: it comes up
            error.close()
        except OSError:
            pass
        else:
            return
        time.sleep(0.02)
    raise AssertionError(f"{process.args!r} does not get ready:\n{log.read_text()}")
