"""A server that holds every request up."""

from collections.abc import Iterator

import pytest

from tests.multi_fetch.servers import Gate
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
