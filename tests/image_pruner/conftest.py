"""A dockerd of our own for all tests of a worker, empty for each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from image_pruner.cli import main
from tests.support.commands import Finished, call
from tests.support.docker import Engine, dockerd
from tests.support.socket_proxy import Proxy, recording

Prune = Callable[..., Finished]


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[Engine]:
    with dockerd() as engine:
        yield engine


@pytest.fixture
def engine(docker_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An empty daemon, which DOCKER_HOST names."""
    monkeypatch.setenv("DOCKER_HOST", docker_engine.host)
    yield docker_engine
    docker_engine.clear()
    assert docker_engine.ids() == set()


@pytest.fixture
def proxy(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Proxy]:
    """A recording proxy before that daemon, which DOCKER_HOST names instead."""
    with recording(engine.socket, tmp_path_factory.mktemp("proxy")) as found:
        monkeypatch.setenv("DOCKER_HOST", found.host)
        yield found


@pytest.fixture
def prune(capsys: pytest.CaptureFixture[str]) -> Prune:
    """Run image-pruner in this process."""
    return lambda *arguments: call(Finished, main, capsys, *arguments)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one and the home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path
