"""What a command prints: notes on stderr, results on stdout, tables, sizes and safe text.

Nothing here decides what to say. Rich is loaded only where a table meets a terminal.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident
from contextlib import contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from typing import IO, Any, Literal

KILO = 1000
"""Sizes are shown in decimal units, as `docker` and disk makers do."""

_JOINERS = "\u200c\u200d"  # unprintable to Python, harmless, and part of Persian and of emoji


class _Writing:
    """Tells whether this thread is in a write, which may last as long as a reader likes.

    A signal that comes meanwhile must break it off (see `toolroll_shared.signals`).
    """

    def __init__(self) -> None:
        self._threads: list[tuple[int, Any]] = []

    def __enter__(self) -> None:
        self._threads.append((get_ident(), None))

    def __exit__(self, *_: object) -> None:
        self._threads.remove((get_ident(), None))

    @contextmanager
    def to(self, stream: Any) -> Iterator[None]:
        """Say what is written to, so that a write which goes on by itself is left alone."""
        entry = (get_ident(), stream)
        self._threads.append(entry)
        try:
            yield
        finally:
            self._threads.remove(entry)

    def __bool__(self) -> bool:
        return any(thread == get_ident() for thread, _ in self._threads)

    @property
    def streams(self) -> list[Any]:
        """What this thread is writing to; None where that is not known."""
        return [stream for thread, stream in self._threads if thread == get_ident()]


writing = _Writing()


def note(tool: str, message: str) -> None:
    """Say `tool: message` on stderr, without secrets.

    A stderr that is gone or full stops no work.
    """
    from .secrets import secrets_of

    message = secrets_of(os.environ).hidden(message)
    try:
        with writing.to(sys.stderr):
            sys.stderr.write(f"{tool}: {message}\n")
            sys.stderr.flush()
    except (OSError, AttributeError, ValueError):
        forget(sys.stderr)


def forget(stream: IO[str] | None) -> None:
    """Point a standard stream at /dev/null: who read it has gone, or its disk is full.

    What is still buffered goes there too, so that the interpreter's last flush cannot fail.
    """
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, stream.fileno())  # type: ignore[union-attr] # None is suppressed
        finally:
            os.close(null)


def is_terminal(stream: IO[str] | None) -> bool:
    """Tell whether a person is looking; sys.stdout and sys.stderr may be closed: None."""
    return stream is not None and stream.isatty()


def write(text: str, *, flush: bool = False) -> None:
    """Write to stdout; complain like a full disk when there is no stdout at all.

    Args:
        text: what to write.
        flush: now, because more is to come only later.

    Raises:
        BrokenPipeError: the reader went away: stop, there is nobody to tell.
        OSError: stdout cannot be written.
    """
    if sys.stdout is None:
        raise OSError(9, "stdout is closed")
    with writing.to(sys.stdout):
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()


def write_bytes(block: bytes | bytearray | memoryview, *, flush: bool = False) -> None:
    """Write bytes to stdout as they are; see `write`."""
    if sys.stdout is None:
        raise OSError(9, "stdout is closed")
    with writing.to(sys.stdout):
        sys.stdout.buffer.write(block)
        if flush:
            sys.stdout.buffer.flush()


def write_result(text: str) -> None:
    """Write the result of finished work: a reader who left does not change the outcome.

    Use it where the work is done and its exit code known; use `write` where the output
    is the work itself, so that a closed pipe ends it.
    """
    try:
        write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        forget(sys.stdout)


def printable(text: str) -> str:
    r"""Return `text` with every character that could steer a terminal shown as an escape.

    Control characters (C0, DEL, C1), line separators, bidirectional overrides and lone
    surrogates become `\n`, `\x1b`, `\u202e`, ...; ordinary text of any script stays.
    """
    if text.isprintable():
        return text
    return "".join(map(_printable, text))


def _printable(character: str) -> str:
    from unicodedata import category

    if character.isprintable() or character in _JOINERS or category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode("ascii")


def oneline(text: str) -> str:
    """Return `text` as one safe line: white space folded, the rest as `printable` does."""
    return printable(" ".join(text.split()))


def redact_url(url: str) -> str:
    """Return a URL without what could be a secret: user, password, query and fragment."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        return "(a URL that cannot be parsed)"
    host = parts.netloc.rpartition("@")[2]
    if parts.scheme not in {"http", "https"} or not host:
        return "(no http URL)"
    return printable(f"{parts.scheme}://{host}{parts.path}" + ("?..." if parts.query else ""))


def human_size(size: int) -> str:
    """Return a number of bytes as people read it: `0 B`, `999 B`, `1.5 kB`, `20.0 MB`."""
    amount = float(size)
    if size < KILO:
        return f"{size} B"
    for unit in ("kB", "MB", "GB"):
        amount /= KILO
        if round(amount, 1) < KILO:
            return f"{amount:.1f} {unit}"
    return f"{amount / KILO:.1f} TB"


def json_document(value: object) -> str:
    """Return one JSON document, indented, in ASCII so that no terminal or locale minds."""
    import json

    return json.dumps(value, indent=2, allow_nan=False) + "\n"


def table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    terminal: bool,
    numbers: Collection[str] = (),
) -> str:
    """Return rows as text: columns for a terminal, else tab-separated lines.

    On a terminal the columns are aligned, headed and fitted to its width. Elsewhere there
    is no header, so that `cut -f` and friends meet data only. No rows are no text at all.
    All text is made printable.

    Args:
        header: the columns' names.
        rows: their cells.
        terminal: whether it will be shown on one.
        numbers: the names of columns that are aligned at the right.
    """
    safe = [[printable(cell) for cell in row] for row in rows]
    if not terminal or not safe:
        return "".join("\t".join(row) + "\n" for row in safe)
    return _terminal_table(header, safe, numbers)


def _terminal_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Collection[str]
) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in header:
        justify: Literal["left", "right"] = "right" if name in numbers else "left"
        grid.add_column(name, min_width=len(name), justify=justify)
    for row in rows:  # the widest columns give way, and each row stays one line
        grid.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    console = Console()
    with console.capture() as capture:
        console.print(grid)
    return capture.get()
