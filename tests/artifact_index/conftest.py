"""artifact-index under test: the command in-process, on the stand-in, into a file of the test's."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from artifact_index.cli import main
from tests.artifact_index.tables import Export
from tests.support.commands import Finished, call
from tests.support.github import GitHub

Counts = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Ran(Finished):
    """What a sync of one repository left behind."""

    @property
    def counts(self) -> tuple[Counts, Counts]:
        """New, changed and unchanged releases; the same of assets."""
        assert self.code == 0, self.stderr
        return _counts(self.summary["releases"]), _counts(self.summary["assets"])

    @property
    def gone(self) -> tuple[int, int]:
        """Releases and assets that were found to be gone."""
        return self.summary["releases"]["gone"], self.summary["assets"]["gone"]

    @property
    def summary(self) -> dict[str, Any]:
        """What the summary says of the only repository."""
        [repository] = self.json["repositories"]
        assert repository.keys() == {
            "repository",
            "ok",
            "error",
            "gone_since",
            "releases",
            "assets",
        }
        return dict(repository)


def _counts(changes: dict[str, int]) -> Counts:
    assert changes.keys() == {"new", "changed", "unchanged", "gone"}
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


@pytest.fixture
def export(db: Path, capsys: pytest.CaptureFixture[str]) -> Export:
    """Runs artifact-index export --db DB and more arguments."""

    def run(*arguments: object) -> Finished:
        return call(Finished, main, capsys, "export", "--db", db, *arguments)

    return run
