"""What all three commands do with standard output: headers, and text made safe for a terminal."""

from __future__ import annotations

import os
import sys

from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import is_terminal, note, oneline, printable, write_bytes
from toolroll_shared.streams import shown

from .choices import names_of, reading

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Any

    from toolroll_shared.logs import Log
    from toolroll_shared.simd import Text
    from toolroll_shared.streams import Input


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


def counted(emit: Callable[[Text], None], fields: dict[str, Any]) -> Callable[[Text], None]:
    """Return what writes, and counts the bytes for a record."""
    fields["bytes"] = 0

    def count(text: Text) -> None:
        fields["bytes"] += len(text)
        emit(text)

    return count


def safe(text: bytes) -> bytes:
    """Return text in which nothing steers a terminal; newlines and tabs stay."""
    lines = text.decode("utf-8", "backslashreplace").split("\n")
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in lines).encode()


def name_bytes(name: str) -> bytes:
    """Return a file's name as it is printed: as it is, but harmless on a terminal."""
    if name == "-":
        return b"(standard input)"
    return os.fsencode(printable(name) if is_terminal(sys.stdout) else name)


def print_each(
    action: str,
    arguments: argparse.Namespace,
    log: Log,
    show: Callable[[Input, Callable[[Text], None]], None],
) -> Exit:
    """Print something of each input, with headers; one that cannot be read is named.

    Args:
        action: what is done, for the log.
        arguments: those of the command.
        log: gets a record of each input.
        show: prints an input by what it is given.
    """
    names, code = names_of(arguments), Exit.OK
    emit = emitter(raw=arguments.raw)
    several = len(names) > 1 and not arguments.quiet
    headers = _Headers(emit, shown=several or arguments.verbose)
    for name in names:
        try:
            with log.action(action, shown(name)) as fields, reading(name, arguments) as source:
                headers.show(name)
                show(source, counted(emit, fields))
        except UsageError as error:
            note("logtools", oneline(str(error)))
            code = Exit.USAGE
    return code


class _Headers:
    """What stands before each of several files, as head and tail print it."""

    def __init__(self, write: Callable[[Text], None], *, shown: bool) -> None:
        self._write = write
        self._shown = shown
        self._first = True

    def show(self, name: str) -> None:
        if self._shown:
            title = b"standard input" if name == "-" else name_bytes(name)
            self._write(b"" if self._first else b"\n")
            self._write(b"==> " + title + b" <==\n")
            self._first = False
