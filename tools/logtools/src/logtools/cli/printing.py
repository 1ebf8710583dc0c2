"""What all three commands do with standard output: headers, and text made safe for a terminal."""

from __future__ import annotations

import os
import sys

from toolroll_shared.output import is_terminal, printable, write_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from toolroll_shared.simd import Text


def emitter(*, raw: bool = False, flush: bool = False) -> Callable[[Text], None]:
    """Return what writes to standard output: bytes as they are, but harmless on a terminal.

    Args:
        raw: as they are there, too.
        flush: at once, not in blocks.
    """
    terminal = is_terminal(sys.stdout)
    flush = flush or terminal
    if raw or not terminal:
        return lambda text: write_bytes(text, flush=flush)
    return lambda text: write_bytes(safe(bytes(text)), flush=True)


def safe(text: bytes) -> bytes:
    """Return text in which nothing steers a terminal; newlines and tabs stay."""
    lines = text.decode("utf-8", "backslashreplace").split("\n")
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in lines).encode()


def name_bytes(name: str) -> bytes:
    """Return a file's name as it is printed: as it is, but harmless on a terminal."""
    if name == "-":
        return b"(standard input)"
    return os.fsencode(printable(name) if is_terminal(sys.stdout) else name)


class Headers:
    """What stands before each of several files, as head and tail print it."""

    def __init__(self, write: Callable[[Text], None], *, shown: bool) -> None:
        self._write = write
        self._shown = shown
        self._first = True

    def show(self, name: str) -> None:
        """Print the header of a file."""
        if self._shown:
            title = b"standard input" if name == "-" else name_bytes(name)
            self._write(b"" if self._first else b"\n")
            self._write(b"==> " + title + b" <==\n")
            self._first = False
