"""`observe check` and `report`: logs that are read from their beginning to their end."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from observe.records import lines_of, pieces_of
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
from toolroll_shared.secrets import secrets_of
from toolroll_shared.streams import STDIN, blocks, opened, shown

if TYPE_CHECKING:
    from observe.reports import Row
    from toolroll_shared.logs import Log

TOOL = "observe"

MAX_PROBLEMS = 1000
"""That are named in a JSON document; all are counted."""


def check(arguments: argparse.Namespace, log: Log) -> int:
    """Carry out `observe check`."""
    if arguments.schema:
        from observe.schema import schema_text

        write_result(schema_text())
        return Exit.OK
    checking = _Checking(is_json=arguments.json)
    unread = 0
    for name in arguments.files or [STDIN]:
        try:
            with log.action("check", shown(name)) as fields:
                checking.check(name, fields)
        except UsageError as error:
            unread += 1
            note(TOOL, oneline(str(error)))
    checking.say()
    return Exit.USAGE if unread else Exit.FAILED if checking.invalid else Exit.OK


class _Checking:
    """What was found in all files so far."""

    def __init__(self, *, is_json: bool) -> None:
        self.lines = self.invalid = 0
        self._is_json = is_json
        self._named: list[dict[str, Any]] = []
        self._secrets = secrets_of(os.environ)

    def check(self, name: str, fields: dict[str, Any]) -> None:
        """Check one file."""
        from observe.schema import problems_of

        fields |= {"lines": 0, "invalid": 0}
        with opened(name) as source:
            for number, line in enumerate(lines_of(blocks(source)), 1):
                problems = problems_of(line) if line else []
                fields["lines"] = number
                fields["invalid"] += bool(problems)
                for problem in problems:
                    self._name(name, number, problem)
        fields["ok"] = not fields["invalid"]
        self.lines += fields["lines"]
        self.invalid += fields["invalid"]

    def _name(self, name: str, number: int, problem: str) -> None:
        problem = self._secrets.hidden(problem)  # it quotes the log
        if not self._is_json:
            write(f"{printable(shown(name))}:{number}: {oneline(problem)}\n")
        elif len(self._named) < MAX_PROBLEMS:
            self._named.append({"file": name, "line": number, "problem": problem})

    def say(self) -> None:
        """Say how many there are."""
        if self._is_json:
            found = {"lines": self.lines, "invalid": self.invalid, "problems": self._named}
            write(json_document(found))
        elif self.invalid:
            sys.stdout.flush()
            note(TOOL, f"{self.invalid} of {self.lines} lines are no records")


def report(arguments: argparse.Namespace, log: Log) -> int:
    """Carry out `observe report`."""
    from observe.reports import report_of

    names = arguments.files or [STDIN]
    unread: list[str] = []
    with log.action("report", ", ".join(map(shown, names))) as fields:
        found = report_of(_pieces_of_all(names, unread), request_id=arguments.request_id)
        fields |= {"rows": len(found.rows), "invalid": found.invalid, "ok": not unread}
    if arguments.json:
        rows = [row.as_json() for row in found.rows]
        write_result(json_document({"rows": rows, "invalid": found.invalid}))
    else:
        write_result(_table(found.rows))
    if found.invalid:
        note(TOOL, f"{found.invalid} lines are no records, and are not counted")
    return Exit.USAGE if unread else Exit.OK


def _pieces_of_all(names: list[str], unread: list[str]) -> Iterator[bytes]:
    """Yield what is in logs; one that cannot be read is named, and the others go on."""
    for name in names:
        try:
            with opened(name) as source:
                yield from pieces_of(blocks(source))
        except UsageError as error:
            unread.append(name)
            note(TOOL, oneline(str(error)))


def _table(rows: list[Row]) -> str:
    from observe.views import HEADER, NUMBERS, plain_rows, terminal_rows

    if not rows or not is_terminal(sys.stdout):
        return table(HEADER, plain_rows(rows), terminal=False)
    cells = terminal_rows(rows, columns=get_terminal_size().columns)
    header = [*HEADER, ""][: len(cells[0])]
    return table(header, cells, terminal=True, numbers=NUMBERS)
