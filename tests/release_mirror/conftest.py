"""A mirror under test: the command in-process, on the stand-in, into a folder of the test's."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from release_mirror.cli import main
from tests.support.github import GitHub
from tests.support.github_data import Repository


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a run of the command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def summary(self) -> Any:
        return json.loads(self.stdout)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Downloaded, skipped, failed."""
        return self.summary["downloaded"], self.summary["skipped"], self.summary["failed"]

    @property
    def reason(self) -> str:
        """The reason of the only failure."""
        [failure] = self.summary["failures"]
        return str(failure["reason"])


Mirror = Callable[..., Ran]


@pytest.fixture
def repo(github: GitHub) -> Repository:
    """octo/tool, without releases yet."""
    return github.add_repository("octo/tool")


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """Where the mirror goes; not there yet."""
    return tmp_path / "mirror"


@pytest.fixture
def mirror(github: GitHub, dest: Path, capsys: pytest.CaptureFixture[str]) -> Mirror:
    """Runs release-mirror octo/tool --dest DEST --json and more arguments."""

    def run(*arguments: object, repository: str = "octo/tool", json: bool = True) -> Ran:
        capsys.readouterr()
        argv = [repository, "--dest", dest, "--api-url", github.api_url, *arguments]
        code = main([*map(str, argv), *(["--json"] if json else [])])
        captured = capsys.readouterr()
        return Ran(code=code, stdout=captured.out, stderr=captured.err)

    return run


def files_in(folder: Path) -> set[str]:
    """The regular files below a folder, but for the mirror's own account."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in {"manifest.sqlite", ".release-mirror.lock"}
    }
