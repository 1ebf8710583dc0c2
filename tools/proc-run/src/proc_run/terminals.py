"""A terminal for a command that insists on one, and our own terminal while it runs there."""

from __future__ import annotations

import os
import select
import termios
import tty
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SIZE = 24, 80
"""Lines and columns where we have no terminal ourselves."""

_END_OF_FILE = b"\x04"
_KEYS = 4096
"""Bytes that are read of our input at once: as many as a terminal's line may have."""


class Terminal:
    """A new terminal, joined to our streams.

    Where our standard input is a terminal, it is made raw, so that each key goes to the
    new one, which has its settings; `restore` takes that back. Otherwise the new one neither
    shows what it is given nor changes what is written to it: bytes stay as they are.

    Attributes:
        master: our end.
        slave: the command's end; -1 when we have let go of it.
    """

    def __init__(self, stdin: int, stdout: int) -> None:
        self._ours = stdin if os.isatty(stdin) else None
        self._sizes = [one for one in (stdout, stdin) if os.isatty(one)]
        self.master, self.slave = os.openpty()
        self._settings = None if self._ours is None else termios.tcgetattr(self._ours)
        if self._settings is None:
            termios.tcsetattr(self.slave, termios.TCSANOW, _plain(self.slave))
        else:
            termios.tcsetattr(self.slave, termios.TCSANOW, self._settings)
        self.resize()

    def begin(self) -> None:
        """Make our terminal raw; also again, after it was somebody else's for a while."""
        if self._ours is not None:
            with suppress(termios.error):  # it was hung up
                tty.setraw(self._ours, termios.TCSANOW)

    def resize(self) -> None:
        """Give the command's terminal the size of ours."""
        lines, columns = _SIZE
        with suppress(OSError):  # it was hung up
            for size in map(os.get_terminal_size, self._sizes[:1]):
                lines, columns = size.lines or lines, size.columns or columns
        termios.tcsetwinsize(self.master, (lines, columns))

    def release(self) -> None:
        """Close the command's end, which was ours, too: from now on it can be seen."""
        if self.slave >= 0:
            os.close(self.slave)
            self.slave = -1

    def restore(self) -> None:
        """Give our terminal the settings that it had; who does not read it is not waited for."""
        if self._ours is not None and self._settings is not None:
            with suppress(termios.error):
                termios.tcsetattr(self._ours, termios.TCSANOW, self._settings)


def _plain(terminal: int) -> list[Any]:
    settings = termios.tcgetattr(terminal)
    settings[tty.OFLAG] &= ~termios.OPOST
    settings[tty.LFLAG] &= ~termios.ECHO
    return settings


class Feed:
    """Passes our input on to a terminal; its end becomes the key that means one (Ctrl+D)."""

    def __init__(self, source: int, terminal: int) -> None:
        self._source = source
        self._terminal = terminal
        self._pending = b""
        self._has_ended = False
        self._ends_a_line = True

    @property
    def waits_for(self) -> tuple[int, int] | None:
        """The descriptor, and poll()'s event, with which it goes on."""
        if self._pending:
            return self._terminal, select.POLLOUT
        return None if self._has_ended else (self._source, select.POLLIN)

    def step(self) -> None:
        """Do what can be done at once."""
        if not self._pending:
            self._read()
        if self._pending:
            self._write()

    def _read(self) -> None:
        try:
            self._pending = os.read(self._source, _KEYS)
        except OSError:  # it is gone
            self._pending = b""
        if self._pending:
            self._ends_a_line = self._pending.endswith(b"\n")
        else:
            self._has_ended = True
            self._pending = _END_OF_FILE if self._ends_a_line else 2 * _END_OF_FILE

    def _write(self) -> None:
        try:
            self._pending = self._pending[os.write(self._terminal, self._pending) :]
        except BlockingIOError:
            return
        except OSError:  # the command has ended
            self._pending, self._has_ended = b"", True
