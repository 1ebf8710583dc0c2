"""`observe tail`: the last records of a log, and what comes to them."""

from __future__ import annotations

import argparse
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from observe.records import MAX_LINE_BYTES, Bytes, Lines, lines_of, record_of
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import is_terminal, note, oneline, write
from toolroll_shared.streams import STDIN, blocks, opened, shown

if TYPE_CHECKING:
    from toolroll_shared.logs import Log

TOOL = "observe"


def tail(arguments: argparse.Namespace, log: Log) -> int:
    """Carry out `observe tail`."""
    wanted = _wanted(arguments)
    last: deque[bytes] = deque(maxlen=min(arguments.lines, sys.maxsize))
    with log.action("tail", shown(arguments.file)):
        if arguments.follow:
            _follow(arguments.file, wanted, last)
            return Exit.OK
        with opened(arguments.file) as source:
            last.extend(line for line in lines_of(blocks(source)) if line and wanted(line))
        _print(last)
        return Exit.OK


def _wanted(arguments: argparse.Namespace) -> Callable[[bytes], bool]:
    """Return what tells whether a line is to be shown; what is no record is, unless one chooses."""

    def is_wanted(line: bytes) -> bool:
        if not arguments.failed and arguments.request_id is None:
            return True
        record = record_of(line)
        if record is None or (arguments.failed and record.ok):
            return False
        return arguments.request_id in {None, record.request_id}

    return is_wanted


def _print(lines: Iterable[bytes]) -> None:
    from observe.views import record_text

    colour = is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
    for line in lines:
        write(record_text(line, colour=colour) + "\n")


def _follow(name: str, wanted: Callable[[bytes], bool], last: deque[bytes]) -> None:
    """Show the last records of what is there, and then all that come."""
    from logtools import Following, Start, Watcher, follow

    if name == STDIN:
        raise UsageError("standard input has no name to follow: name a FILE")
    shower = _Shower(name, wanted, last)
    output = None if sys.stdout is None else sys.stdout.fileno()
    follow(
        [name],
        emit=shower.take,
        say=_say,
        flush=shower.flush,
        how=Following(start=Start(1, from_start=True), max_line_bytes=MAX_LINE_BYTES),
        watcher=Watcher(output=output, say=_say),
    )


class _Shower:
    """Keeps the last records until all that was there at first is read, and then shows all."""

    def __init__(self, name: str, wanted: Callable[[bytes], bool], last: deque[bytes]) -> None:
        self._wanted = wanted
        self._last = last
        self._lines = Lines()
        self._there = _size_of(name)
        self._taken, self._taken_before = 0, -1
        self._is_showing = False

    def take(self, piece: Bytes) -> None:
        self._taken += len(piece)
        found = (line for line in self._lines.split(piece) if line and self._wanted(line))
        if self._is_showing:
            _print(found)
        else:
            self._last.extend(found)

    def flush(self) -> None:
        """A large log comes in several parts; the end of it may be half a line, and not come."""
        if not self._is_showing:
            self._is_showing = self._taken >= self._there or self._taken == self._taken_before
            self._taken_before = self._taken
            if self._is_showing:
                _print(self._last)
                self._last.clear()
        if sys.stdout is not None:
            sys.stdout.flush()


def _size_of(name: str) -> int:
    try:
        return os.stat(name).st_size  # noqa: PTH116 - a name, as logtools takes it
    except OSError:
        return 0


def _say(text: str) -> None:
    note(TOOL, oneline(text))
