"""Small programs around `run`, started as processes of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

TIMEOUT = 20  # seconds that a hanging program may hold up a test
ENVIRONMENT = {name: os.environ[name] for name in os.environ if name != "PYTHONUNBUFFERED"}

_PROGRAM = """
import sys
from toolroll_shared.cli import run
{definitions}
def with_journal(opened):
    global journal
    journal = opened
    return body()
sys.exit(run("tool", with_journal))
"""


def program(definitions: str) -> list[str]:
    """The command line of a program that defines `body` and runs it as the command `tool`.

    Its `body` may use `journal`.
    """
    return [sys.executable, "-c", _PROGRAM.format(definitions=definitions)]


def in_shell(command: list[str], words: str) -> list[str]:
    """The command under a shell that puts `words` around it, as in `{} >&-`."""
    return ["sh", "-c", words.format('exec "$@"'), "sh", *command]


def finish(command: list[str], **settings: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    usual: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "env": ENVIRONMENT,
        "timeout": TIMEOUT,
    }
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command, text=True, check=False, **{**usual, **settings}
    )
    return done


@contextmanager
def nobody_reads() -> Iterator[int]:
    """The end to write to of a pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        yield writer
    finally:
        os.close(writer)


def start(command: list[str], **settings: Any) -> subprocess.Popen[str]:
    """Start a program, and return when it has said `ready`."""
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=ENVIRONMENT, **settings
    )
    await_line(process, "ready")
    return process


def await_line(process: subprocess.Popen[str], line: str) -> None:
    """Wait until the program prints this line next."""
    assert process.stdout is not None
    assert process.stdout.readline() == f"{line}\n"


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for the program's end; its code, and what it printed since."""
    try:
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    finally:
        process.send_signal(signal.SIGKILL)  # nothing happens if it has ended
    return process.returncode, stdout, stderr
