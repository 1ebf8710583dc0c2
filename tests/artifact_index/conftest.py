"""artifact-index under test: the command in-process, on the stand-in, into a file of the test's."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from artifact_index.cli import main
from tests.support.commands import Finished, call
from tests.support.github import GitHub


@dataclass(frozen=True, kw_only=True)
class Ran(Finished):
    """What a run of the command left behind."""

    @property
    def counts(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """New, changed and unchanged releases; the same of assets."""
        assert self.code == 0, self.stderr
        summary = self.json
        assert summary.keys() == {"repository", "releases", "assets"}
        releases, assets = (_counts(summary[kind]) for kind in ("releases", "assets"))
        return releases, assets


def _counts(changes: dict[str, int]) -> tuple[int, int, int]:
    assert changes.keys() == {"new", "changed", "unchanged"}
    return changes["new"], changes["changed"], changes["unchanged"]


Index = Callable[..., Ran]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """Where the database goes; not there yet."""
    return tmp_path / "index.sqlite"


@pytest.fixture
def index(github: GitHub, db: Path, capsys: pytest.CaptureFixture[str]) -> Index:
    """Runs artifact-index octo/tool --db DB --json and more arguments."""

    def run(*arguments: object, repository: str = "octo/tool", path: Path = db) -> Ran:
        argv = [repository, "--db", path, "--api-url", github.api_url, "--json", *arguments]
        return call(Ran, main, capsys, *argv)

    return run


def rows(db: Path, sql: str) -> list[Any]:
    """The rows of a query; of a single column, its values."""
    with closing(sqlite3.connect(db)) as connection:
        found = connection.execute(sql).fetchall()
    return [row[0] if len(row) == 1 else row for row in found]
