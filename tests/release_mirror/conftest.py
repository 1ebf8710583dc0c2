"""A mirror under test: the command in-process, on the stand-in, into a folder of the test's."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from release_mirror.cli import main
from tests.support.commands import Finished, call
from tests.support.github import GitHub


@dataclass(frozen=True, kw_only=True)
class Ran(Finished):
    """What a run of the command left behind."""

    @property
    def counts(self) -> tuple[int, int, int]:
        """Downloaded, skipped, failed."""
        return self.json["downloaded"], self.json["skipped"], self.json["failed"]

    @property
    def reason(self) -> str:
        """The reason of the only failure."""
        [failure] = self.json["failures"]
        return str(failure["reason"])


Mirror = Callable[..., Ran]

OWN = {"manifest.sqlite", ".release-mirror.lock", "SHA256SUMS"}
"""The names of the mirror's own files, where no release has an asset of such a name."""


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    """Where the mirror goes; not there yet."""
    return tmp_path / "mirror"


@pytest.fixture
def mirror(github: GitHub, dest: Path, capsys: pytest.CaptureFixture[str]) -> Mirror:
    """Runs release-mirror octo/tool --dest DEST --json and more arguments."""

    def run(*arguments: object, repository: str = "octo/tool", json: bool = True) -> Ran:
        argv = [repository, "--dest", dest, "--api-url", github.api_url, *arguments]
        return call(Ran, main, capsys, *argv, *(["--json"] if json else []))

    return run


def files_in(folder: Path) -> set[str]:
    """The regular files below a folder, but for the mirror's own account of them."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in OWN
    }
