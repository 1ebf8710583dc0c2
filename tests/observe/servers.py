"""A real `observe serve`: started, scraped, killed."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.commands import argv, environment
from tests.support.waiting import PATIENCE_S

SERIES = "toolroll_actions_total"


class Serve:
    """One that runs.

    Attributes:
        process: its process.
        url: where it is scraped.
    """

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url

    def request(self, path: str, method: str = "GET") -> tuple[HTTPResponse, str]:
        """Return an answer and its body."""
        parts = urlsplit(self.url)
        connection = HTTPConnection(str(parts.hostname), parts.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer, answer.read().decode()
        finally:
            connection.close()

    def text(self) -> str:
        """Scrape it."""
        answer, text = self.request("/metrics")
        assert answer.status == 200, text
        return text

    def samples(self) -> dict[str, float]:
        """Scrape it, and return values by names and labels as the text has them."""
        return samples_of(self.text())

    def counted(self) -> float:
        """How many actions it has counted."""
        return total(self.samples(), SERIES)

    def health(self) -> tuple[int, dict[str, Any]]:
        """Return what it says of itself."""
        answer, text = self.request("/healthz")
        return answer.status, json.loads(text)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and stderr."""
        self.process.send_signal(number)
        _, stderr = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, stderr


def samples_of(text: str) -> dict[str, float]:
    """Return values by names and labels as an exposition has them."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def total(samples: dict[str, float], name: str) -> float:
    """Return the sum of a metric over all its labels."""
    return sum(value for key, value in samples.items() if key.partition("{")[0] == name)


@contextmanager
def serving(
    *logs: Path, state: Path, listen: str = "127.0.0.1:0", **settings: str
) -> Iterator[Serve]:
    """Run `observe serve` until the end of the block, on any port."""
    command = argv("observe", "serve", "--log", *logs, "--listen", listen, "--state", state)
    with started(command, settings=settings) as serve:
        yield serve


@contextmanager
def started(
    command: list[str], *, cwd: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Serve]:
    """Run a command that says its address first."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, cwd=cwd, env=environment(settings or {})
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            _, stderr = process.communicate(timeout=PATIENCE_S)
            raise AssertionError(f"it does not start: {process.returncode}: {stderr}")
        yield Serve(process, url)
    finally:
        process.kill()
        process.communicate()


def append(path: Path, *lines: bytes) -> None:
    """Add to a file with one write."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, b"".join(lines))
    finally:
        os.close(descriptor)
