"""What tests get: servers that hold requests up or tell what they got, and runs of the command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from multi_fetch.cli import main
from tests.multi_fetch.commanding import Fetch, Ran, listed, tells_its_path
from tests.multi_fetch.servers import Gate
from tests.support.commands import call
from tests.support.rawserver import RawServer


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def gated(gate: Gate) -> Iterator[RawServer]:
    with RawServer(gate) as server:
        yield server
        gate.open()  # who was cancelled is still inside


@pytest.fixture
def server() -> Iterator[RawServer]:
    """A server that tells the path it was asked for."""
    with RawServer(tells_its_path) as server:
        yield server


@pytest.fixture
def fetch_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Fetch:
    """Runs `multi-fetch LIST --ndjson` in this process; the URLs first, then by name `options`."""

    def run(*urls: str, options: tuple[object, ...] = (), ndjson: bool = True) -> Ran:
        arguments = [listed(tmp_path, *urls), *options, *(["--ndjson"] if ndjson else [])]
        return call(Ran, main, capsys, *arguments)

    return run
