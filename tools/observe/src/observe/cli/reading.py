"""`observe check`, `tail` and `report`: logs that are read from their beginning."""

from __future__ import annotations

import argparse
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from observe.records import Lines, lines_of, record_of
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import (
    is_terminal,
    json_document,
    note,
    oneline,
    printable,
    table,
    write,
    write_result,
)
from toolroll_shared.streams import STDIN, blocks, opened, shown

if TYPE_CHECKING:
    from toolroll_shared.logs import Log

TOOL = "observe"

MAX_PROBLEMS = 1000
"""That are named in a JSON document; all are counted."""


def check(arguments: argparse.Namespace, log: Log) -> int:
    """Carry out `observe check`."""
    from observe.schema import problems_of, schema_text

    if arguments.schema:
        write_result(schema_text())
        return Exit.OK
    checked, found = 0, 0
    named: list[dict[str, Any]] = []
    for name in arguments.files or [STDIN]:
        with log.action("check", shown(name)) as fields:
            fields |= {"lines": 0, "invalid": 0}
            for number, line in _numbered(name):
                problems = problems_of(line) if line else []
                fields["lines"] += 1
                fields["invalid"] += bool(problems)
                where = {"file": name, "line": number}
                if arguments.json:
                    named += [{**where, "problem": problem} for problem in problems]
                    del named[MAX_PROBLEMS:]
                else:
                    for problem in problems:
                        write(f"{printable(shown(name))}:{number}: {oneline(problem)}\n")
            fields["ok"] = not fields["invalid"]
            checked, found = checked + fields["lines"], found + fields["invalid"]
    if arguments.json:
        write(json_document({"lines": checked, "invalid": found, "problems": named}))
    elif found:
        note(TOOL, f"{found} of {checked} lines are no records")
    return Exit.FAILED if found else Exit.OK


def _numbered(name: str) -> Iterator[tuple[int, bytes]]:
    with opened(name) as source:
        yield from enumerate(lines_of(blocks(source)), 1)


def report(arguments: argparse.Namespace, log: Log) -> int:
    """Carry out `observe report`."""
    from observe.reports import report_of
    from observe.views import HEADER, NUMBERS, plain_rows, terminal_rows

    names = arguments.files or [STDIN]
    with log.action("report", ", ".join(map(shown, names))) as fields:
        lines = (line for name in names for _, line in _numbered(name))
        found = report_of(lines, request_id=arguments.request_id)
        fields |= {"rows": len(found.rows), "invalid": found.invalid}
    if arguments.json:
        rows = [row.as_json() for row in found.rows]
        write_result(json_document({"rows": rows, "invalid": found.invalid}))
    elif is_terminal(sys.stdout):
        shown_rows = terminal_rows(found.rows)
        write_result(table(HEADER, shown_rows, terminal=True, numbers=NUMBERS))
    else:
        write_result(table(HEADER, plain_rows(found.rows), terminal=False))
    if found.invalid:
        note(TOOL, f"{found.invalid} lines are no records, and are not counted")
    return Exit.OK


def tail(arguments: argparse.Namespace, log: Log) -> int:
    """Carry out `observe tail`."""
    wanted = _wanted(arguments)
    last: deque[bytes] = deque(maxlen=arguments.lines)
    with log.action("tail", shown(arguments.file)):
        if not arguments.follow:
            last.extend(line for _, line in _numbered(arguments.file) if line and wanted(line))
            _print(last)
            return Exit.OK
        if arguments.file == STDIN:
            raise UsageError("standard input has no name to follow: name a FILE")
        return _follow(arguments.file, wanted, last)


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


def _print(lines: deque[bytes]) -> None:
    from observe.views import record_text

    colour = is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
    while lines:
        write(record_text(lines.popleft(), colour=colour) + "\n")


def _follow(name: str, wanted: Callable[[bytes], bool], last: deque[bytes]) -> int:
    from logtools import Following, Start, follow

    lines = Lines()
    unbounded: deque[bytes] = deque()
    waiting = last

    def take(piece: bytes | bytearray | memoryview) -> None:
        waiting.extend(line for line in lines.split(piece) if line and wanted(line))

    def flush() -> None:
        nonlocal waiting
        _print(waiting)
        waiting = unbounded
        if sys.stdout is not None:
            sys.stdout.flush()

    follow(
        [name],
        emit=take,
        say=lambda text: note(TOOL, oneline(text)),
        flush=flush,
        how=Following(start=Start(1, from_start=True)),
    )
    return Exit.OK
