"""A terminal with somebody at its keys: it controls a session of its own, such as a shell's."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.commands import environment
from tests.support.waiting import PATIENCE_S

_TAKES_IT = """
import fcntl, os, signal, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])
"""

CTRL_C, CTRL_D, CTRL_Z, CTRL_BACKSLASH = b"\x03", b"\x04", b"\x1a", b"\x1c"


class Screen:
    """What a terminal shows, and its keys.

    Attributes:
        process: who leads its session.
        slave: the other end, to look at its settings.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", master: int, slave: int) -> None:
        self.process = process
        self.slave = slave
        self._master = master
        self._shown = b""

    def type(self, keys: bytes | str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode() if isinstance(keys, str) else keys)

    def shows(self, text: str) -> str:
        """Wait until that is shown, and return what was before it, since the last time."""
        deadline = time.monotonic() + PATIENCE_S
        while text.encode() not in self._shown:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} is not in {self._shown!r}"
            if select.select([self._master], [], [], left)[0]:
                self._read(f"{text!r} did not come, but the end; after {self._shown!r}")
        before, _, self._shown = self._shown.partition(text.encode())
        return before.decode()

    def _read(self, otherwise: str) -> None:
        try:
            self._shown += os.read(self._master, 65536)
        except OSError as error:
            raise AssertionError(otherwise) from error

    def ends(self) -> int:
        """Wait for the end of who leads the session, whatever it still shows."""
        deadline = time.monotonic() + PATIENCE_S
        while self.process.poll() is None and time.monotonic() < deadline:
            if select.select([self._master], [], [], 0.01)[0]:
                self._read("nobody has the terminal open")
        return self.process.wait(1)

    @property
    def settings(self) -> list[Any]:
        """The terminal's."""
        return termios.tcgetattr(self.slave)

    def resize(self, lines: int, columns: int) -> None:
        """Drag its corner."""
        termios.tcsetwinsize(self._master, (lines, columns))

    def hang_up(self) -> None:
        """Close the window."""
        os.close(self.slave)
        os.close(self._master)
        self.slave = self._master = -1


@contextmanager
def screen(*command: str, **popen: Any) -> Iterator[Screen]:
    """Run a command as the leader of a terminal's session; all in that end with it."""
    master, slave = pty.openpty()
    settings = termios.tcgetattr(slave)
    settings[3] &= ~termios.ECHO  # what is typed would be taken for what is answered
    termios.tcsetattr(slave, termios.TCSANOW, settings)
    streams = {"stdin": slave, "stdout": slave, "stderr": slave}
    wrapped = [sys.executable, "-I", "-S", "-c", _TAKES_IT, *command]
    env = environment({"PS1": "", "PS2": "", "TERM": "dumb"})
    with subprocess.Popen(wrapped, **{"env": env, **streams, **popen}) as process:
        shown = Screen(process, master, slave)
        try:
            yield shown
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            if shown.slave >= 0:
                shown.hang_up()


@contextmanager
def shell() -> Iterator[Screen]:
    """Run a shell that has job control, and knows us as `proc-run`."""
    with screen("bash", "--norc", "--noprofile", "--noediting", "-i") as shown:
        shown.type(f'proc-run() {{ {sys.executable} -m proc_run "$@"; }}; echo ready\n')
        shown.shows("ready")
        yield shown
