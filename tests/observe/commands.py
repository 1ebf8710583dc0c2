"""Running `observe` as cron and systemd do: as a process without a terminal."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import argv, environment

MODULE = "observe"
TIMEOUT_S = 60.0
"""Never reached when all is well."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run that ended, and what it wrote, byte by byte."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def notes(self) -> str:
        """What was said on stderr."""
        return self.stderr.decode(errors="replace")


def sh(script: str, *words: str) -> tuple[str, ...]:
    """The words that run a shell script."""
    return ("--", "sh", "-c", script, *words)


def python(script: str) -> tuple[str, ...]:
    """The words that run a Python script at once: without the site's modules."""
    return ("--", sys.executable, "-I", "-S", "-c", script)


def observe(
    *arguments: object,
    stdin: bytes = b"",
    timeout: float = TIMEOUT_S,
    env: Mapping[str, str] | None = None,
    **popen: Any,
) -> Finished:
    """Run `observe` to its end, in a session of its own."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "input": stdin}
    done = subprocess.run(
        argv(MODULE, *arguments),
        **{**streams, "env": environment(env or {}), "start_new_session": True, **popen},
        timeout=timeout,
        check=False,
    )
    return Finished(code=done.returncode, stdout=done.stdout or b"", stderr=done.stderr or b"")


@contextmanager
def observing(*arguments: object, **popen: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """Start `observe` in a session of its own; it is killed at the end, if it is still there."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(
        argv(MODULE, *arguments),
        **{**streams, "env": environment({}), "start_new_session": True, **popen},
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def records(path: Path) -> list[dict[str, Any]]:
    """The records of a log, each of which is whole."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def runs(path: Path) -> list[tuple[str, str]]:
    """Which runs a log has, and how they ended."""
    return [(one["tool"], one["outcome"]) for one in records(path) if one["action"] == "run"]


def series(text: str) -> dict[str, float]:
    """The values of an exposition by what stands before them."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
