"""A real terminal for a command, and what it showed there."""

import os
import pty
import subprocess
from collections.abc import Sequence

from tests.support.commands import environment


def shown_on_a_terminal(command: Sequence[str], **settings: str) -> tuple[int, str]:
    """Run a command with a terminal as its stdin, stdout and stderr; its code and its output."""
    master, slave = pty.openpty()
    env = environment({"TERM": "xterm-256color", "COLUMNS": "100", **settings})
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env) as process:
        os.close(slave)
        output = b"".join(iter(lambda: _read(master), b""))
    os.close(master)
    return process.returncode, output.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says EIO where others say the end: nobody has it open any more
        return b""
