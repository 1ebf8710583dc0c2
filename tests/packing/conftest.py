"""What tests of packing build: once for all workers of a run, and only what is asked for."""

import os
from pathlib import Path

import pytest

from tests.packing.shelf import Shelf


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Wheels, sdists and single files of the sources as they are."""
    root = tmp_path_factory.getbasetemp()
    return Shelf(root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home where nothing was ever unpacked, and a folder for what is temporary beside it."""
    (tmp_path / "temporary").mkdir()
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME")
    return tmp_path / "home"
