"""Running our commands as a user does: as processes, on a given stand-in."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A command that ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.stdout)


FinishedT = TypeVar("FinishedT", bound=Finished)


def call(
    kind: type[FinishedT],
    main: Callable[[list[str]], int],
    capsys: pytest.CaptureFixture[str],
    *arguments: object,
) -> FinishedT:
    """Run a tool's `main` in this process to its end."""
    capsys.readouterr()
    code = main([*map(str, arguments)])
    captured = capsys.readouterr()
    return kind(code=code, stdout=captured.out, stderr=captured.err)


def argv(module: str, *arguments: object) -> list[str]:
    """The command line that runs a tool's module with this Python."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The test's environment with some settings more."""
    return {**os.environ, **settings}


def run(module: str, *arguments: object, timeout: float = 60, **settings: str) -> Finished:
    """Run a tool to its end; `settings` are environment variables."""
    done = subprocess.run(
        argv(module, *arguments),
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Finished(code=done.returncode, stdout=done.stdout, stderr=done.stderr)
