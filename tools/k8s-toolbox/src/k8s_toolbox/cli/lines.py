"""Lines of logs on stdout, and what there is to say about them on stderr."""

from __future__ import annotations

import json
import os
import re
import sys
import time
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from toolroll_shared.errors import Exit, ToolError
from toolroll_shared.output import is_terminal, oneline, printable, write_bytes

from .cluster import say

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from k8s_toolbox.containers import Target
    from k8s_toolbox.following import Told
    from k8s_toolbox.records import Record
    from toolroll_shared.logs import Log

COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
"""Of prefixes: the terminal's own, without red and those of the background."""

_COLOUR_SEQUENCE = re.compile("\x1b\\[[0-9;:]*m")


BLOCK_BYTES = 1 << 16
"""Lines are written together up to this size, if there are more already."""


class Output:
    """Writes what there is to tell of logs.

    Args:
        arguments: of the command: `grep`, `timestamps`, `json`.
        number: of logs; of one the output is exact to the byte.
        prefix: whether lines begin with their pod and container.
        log: for its records.
    """

    def __init__(
        self, arguments: argparse.Namespace, *, number: int, prefix: bool, log: Log
    ) -> None:
        self._grep: list[re.Pattern[bytes]] = arguments.grep
        self._timestamps = arguments.timestamps
        self._json = arguments.json
        self._exact = number == 1 and not prefix
        self._prefix = prefix
        self._log = log
        self._terminal = is_terminal(sys.stdout)
        self._colour = self._terminal and not os.environ.get("NO_COLOR")
        self._prefixes: dict[Target, bytes] = {}
        self._tallies: dict[Target, Tally] = {}
        self._away: dict[Target, float] = {}
        self._trouble: dict[Target, str] = {}
        self._error: ToolError | None = None
        self._has_failed = False

    def write(self, told: Iterable[Told], *, more: Callable[[], bool] = lambda: True) -> int:
        """Write all there is, and return the exit code.

        Args:
            told: as it comes.
            more: whether there is more already, so that it is written together.

        Raises:
            ToolError: of the one log that there is.
        """
        try:
            self._write(told, more)
        except BaseException as error:  # what is being read ends with us
            left = isinstance(error, BrokenPipeError)
            for target in [*self._tallies]:
                self._record(target, type(error).__name__, ok=left)
            raise
        return self._code()

    def _write(self, told: Iterable[Told], more: Callable[[], bool]) -> None:
        lines: list[bytes] = []
        size = 0
        for target, item in told:
            if isinstance(item, list) and target is not None:
                added = self._lines(target, item)
                lines += added
                size += sum(map(len, added))
            else:
                self._tell(target, item)
            if lines and (size > BLOCK_BYTES or not more()):
                write_bytes(b"".join(lines), flush=True)
                lines, size = [], 0
        write_bytes(b"".join(lines), flush=True)

    def _lines(self, target: Target, records: list[Record]) -> list[bytes]:
        """Return lines as they are written, without those that are not wanted."""
        tally = self._tallies.get(target) or self._tallies.setdefault(target, Tally())
        tally.lines += len(records)
        if self._grep:
            records = [one for one in records if any(map(_searcher(one), self._grep))]
        lines = [self._line(target, one) for one in records]
        tally.bytes += sum(map(len, lines))
        return lines

    def _line(self, target: Target, record: Record) -> bytes:
        if self._json:
            return self._document(target, record)
        text = _safe(record.line) if self._terminal else record.line
        if self._timestamps and record.ts:
            text = record.ts + b" " + text
        if self._prefix:
            text = self._prefix_of(target) + text
        return text + b"\n" if record.ended or not self._exact else text

    @staticmethod
    def _document(target: Target, record: Record) -> bytes:
        line = json.dumps(record.line.decode(errors="replace"))
        return f'{{"ts": "{record.ts.decode()}", {_names(target)}, "line": {line}}}\n'.encode()

    def _prefix_of(self, target: Target) -> bytes:
        if (found := self._prefixes.get(target)) is not None:
            return found
        text = f"[{target.pod}/{target.container}]"
        if self._colour:
            colour = COLOURS[zlib.crc32(target.pod.encode()) % len(COLOURS)]
            text = f"\x1b[{colour}m{text}\x1b[0m"
        return self._prefixes.setdefault(target, f"{text} ".encode())

    def _tell(self, target: Target | None, item: object) -> None:
        """Say what is no line."""
        from k8s_toolbox.following import Ended, Failed, Waiting
        from k8s_toolbox.lists import Lost
        from k8s_toolbox.wanted import Away, Back, Said

        where = f"{target.container} in {target.pod}" if target else ""
        match item:
            case Ended() if target:
                self._away.pop(target, None)
                self._record(target, self._trouble.pop(target, None))
            case Failed(error) if target:
                self._fail(target, error)
            case Said(text) if target:
                self._has_failed = True
                self._trouble[target] = text
                say(f"{where}: {oneline(text)}")
            case Waiting(why):
                say(oneline(f"{why}: waiting"))
            case Lost(why):
                say(oneline(f"{why}; going on"))
            case Away(why) if target:
                self._tell_away(target, f"{where}: {oneline(why)}")
            case Back(is_broken) if target:
                self._tell_back(target, where, is_broken=is_broken)

    def _fail(self, target: Target, error: ToolError) -> None:
        self._has_failed = True
        self._record(target, str(error))
        if self._exact:  # there is no other: it is the whole command's
            self._error = error
        else:
            say(oneline(str(error)))

    def _tell_away(self, target: Target, text: str) -> None:
        """Say that a connection is lost; with one server, the first stands for all."""
        if not self._away:
            say(f"{text}; reconnecting")
        self._away.setdefault(target, time.monotonic())

    def _tell_back(self, target: Target, where: str, *, is_broken: bool) -> None:
        now = time.monotonic()
        away_s = now - self._away.pop(target, now)
        self._log.record("reconnect", _path(target), duration_s=away_s, ok=not is_broken)
        if is_broken:
            say(f"{where}: lines may be missing, its log was rotated or removed meanwhile")
        elif not self._away:
            say("reconnected, no line is lost")

    def _record(self, target: Target, error: str | None, *, ok: bool = False) -> None:
        tally = self._tallies.pop(target, None) or Tally()
        self._log.record(
            "log",
            _path(target),
            duration_s=time.monotonic() - tally.began,
            ok=ok or error is None,
            lines=tally.lines,
            bytes=tally.bytes,
            error=error,
        )

    def _code(self) -> int:
        if self._error is not None:
            raise self._error
        return Exit.FAILED if self._has_failed else Exit.OK


def _path(target: Target) -> str:
    return f"{target.namespace}/{target.pod}/{target.container}"


class Tally:
    """What came of one log: lines that were read, bytes that were written."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.lines = 0
        self.bytes = 0


@lru_cache(maxsize=256)
def _names(target: Target) -> str:
    """Return the fields that all lines of a log share: they would be half the work for each."""
    return f'"pod": {json.dumps(target.pod)}, "container": {json.dumps(target.container)}'


def _searcher(record: Record) -> Callable[[re.Pattern[bytes]], object]:
    return lambda pattern: pattern.search(record.line)


def _safe(line: bytes) -> bytes:
    """Return a line for a terminal: without colours, and unable to steer it."""
    text = _COLOUR_SEQUENCE.sub("", line.decode(errors="replace"))
    return "\t".join(map(printable, text.rstrip("\r").split("\t"))).encode()
