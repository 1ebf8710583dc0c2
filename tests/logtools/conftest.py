"""Runs `logtools` in this process, on bytes."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from logtools.cli import main
from tests.support.commands import argv


class Bytes(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    stdout: bytes
    stderr: bytes


Logtools = Callable[..., Bytes]


@pytest.fixture
def logtools(capfdbinary: pytest.CaptureFixture[bytes]) -> Logtools:
    """`logtools(*arguments)`, in this process."""

    def run(*arguments: object) -> Bytes:
        capfdbinary.readouterr()
        code = main([*map(str, arguments)])
        return Bytes(code, *capfdbinary.readouterr())

    return run


def piped(*arguments: object, stdin: bytes) -> Bytes:
    """`logtools` as a process with something on its standard input."""
    done = subprocess.run(
        argv("logtools", *arguments), input=stdin, capture_output=True, timeout=60, check=False
    )
    return Bytes(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A small log."""
    path = tmp_path / "app.log"
    path.write_bytes(b"one\ntwo needle\nthree\nfour needle, Needle\nfive\nsix\n")
    return path
