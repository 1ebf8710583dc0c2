"""Runs of a command that start at once: forks of a process that has loaded its modules.

Each is the real command in a process of its own, without the third of a second that Python
takes to begin. As a script, this file is the process that is forked.
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, NoReturn


@dataclass
class Forked:
    """A run; its output goes to a file, so that it never waits for a reader."""

    pid: int
    output: Path
    _nursery: "Nursery" = field(repr=False)
    _handle: int = field(repr=False)

    def send(self, number: int) -> None:
        """Send a signal, unless it has ended: never to another process of that number."""
        if self._handle >= 0:
            signal.pidfd_send_signal(self._handle, number)

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, but not for longer than that."""
        return bool(select.select([self._handle], [], [], seconds)[0])

    def wait(self, seconds: float) -> int:
        """Return its exit code, or the negative number of the signal that ended it."""
        if not self.ends_within(seconds):
            self.send(signal.SIGKILL)
            raise TimeoutError(f"still there after {seconds} s: {self.output.read_text()}")
        handle, self._handle = self._handle, -1
        os.close(handle)
        return self._nursery.ask({"wait": self.pid})


class Nursery:
    """The process that is forked."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._to: IO[str] = process.stdin
        self._from: IO[str] = process.stdout

    def ask(self, request: Mapping[str, object]) -> int:
        """Send a request and return its answer."""
        self._to.write(json.dumps(request) + "\n")
        self._to.flush()
        return int(self._from.readline())

    def start(self, output: Path, arguments: Sequence[object]) -> Forked:
        """Start the command."""
        pid = self.ask({"output": str(output), "arguments": [*map(str, arguments)]})
        return Forked(pid, output, self, os.pidfd_open(pid))


@contextmanager
def nursery(modules: Sequence[str]) -> Iterator[Nursery]:
    """Start a process that has loaded some modules; the first one's `main` is the command."""
    command = [sys.executable, __file__, *modules]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve(modules: Sequence[str]) -> None:
    loaded = [import_module(name) for name in modules]
    main = loaded[0].main
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            answer = _fork()
            if not answer:
                _be_the_command(main, request["output"], request["arguments"])
        print(answer, flush=True)


def _fork() -> int:
    """Fork, and lose no signal: Python forgets those that come to the child in its fork()."""
    ours = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ours)
    try:
        return os.fork()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ours)


def _be_the_command(main: object, output: str, arguments: Sequence[str]) -> NoReturn:
    code = 99
    try:
        nothing = os.open(os.devnull, os.O_RDONLY)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        for descriptor, stream in ((nothing, 0), (file, 1), (file, 2)):
            os.dup2(descriptor, stream)
        assert callable(main)
        code = main(list(arguments))
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1:])
