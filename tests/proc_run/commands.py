"""Running `proc-run` as cron and CI do: as a process without a terminal, on real commands."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.support.commands import argv, environment

MODULE = "proc_run"
TIMEOUT_S = 60.0
"""Never reached when all is well."""


HEARS = """
import os, signal, sys, threading
def hear(numbers):
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    def tell():
        while True:
            os.write(1, b"heard %d\\n" % signal.sigwait(numbers))
    threading.Thread(target=tell, daemon=True).start()
"""
"""The beginning of a Python script that tells of each signal, whatever else it waits for.

A handler would not do: of a signal that comes just before Python waits in read(2), it is told
after that, which may be never.
"""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A run that ended, and what it wrote, byte by byte."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.stdout)

    @property
    def notes(self) -> str:
        """What proc-run itself said."""
        return "".join(
            line + "\n"
            for line in self.stderr.decode().splitlines()
            if line.startswith("proc-run: ")
        )


def sh(script: str) -> tuple[str, ...]:
    """The words that run a shell script."""
    return ("--", "sh", "-c", script)


def python(script: str) -> tuple[str, ...]:
    """The words that run a Python script at once: without the site's modules."""
    return ("--", sys.executable, "-I", "-S", "-c", script)


def run(
    *arguments: object,
    stdin: bytes | IO[bytes] | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
    timeout: float = TIMEOUT_S,
    env: Mapping[str, str] | None = None,
    **popen: Any,
) -> Finished:
    """Run `proc-run` to its end, in a session of its own."""
    source = (
        {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin or subprocess.DEVNULL}
    )
    done = subprocess.run(
        argv(MODULE, *arguments),
        stdout=stdout,
        stderr=stderr,
        env=environment(env or {}),
        timeout=timeout,
        check=False,
        start_new_session=True,
        **source,
        **popen,
    )
    return Finished(code=done.returncode, stdout=done.stdout or b"", stderr=done.stderr or b"")


@contextmanager
def running(*arguments: object, **popen: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """Start `proc-run` in a session of its own; it is killed at the end, if it is still there."""
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


def exists(pid: int) -> bool:
    """Tell whether a process is there, and has not ended."""
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):  # the latter if it goes while we read
        return False


def state_of(pid: int) -> str:
    """What a process does, in the kernel's letters: `S` sleeps, `T` is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def named(text: str) -> list[int]:
    """The processes that have a word in their command line."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:  # noqa: PTH123
                if text.encode() in file.read() and exists(int(name)):
                    found.append(int(name))
        except OSError:
            continue
    return found
