"""The `wc-lite` command: arguments in, counts out."""

from __future__ import annotations

import os
import stat
import sys

from toolroll_shared.cli import Parser, add_common_arguments, run
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import (
    is_terminal,
    json_document,
    note,
    oneline,
    printable,
    write_bytes,
    write_result,
)
from toolroll_shared.streams import STDIN, Input, blocks, opened, shown

from .counting import COLUMNS, add, counts, facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from typing import Any

    from toolroll_shared.logs import Journal, Log

TOOL = "wc-lite"

_DESCRIPTION = """\
Count lines, words and bytes of each FILE, and of all together where there are several.

Without FILE, or where it is -, standard input is counted. A line ends with a newline, a word
is a run of bytes other than ASCII white space, a character is one of UTF-8.
"""

_LEAST_WIDTH_OF_PIPES = 7  # as wc has it: their sizes are not known when the first is printed


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda journal: _main(argv, journal))


def build_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(TOOL, description=_DESCRIPTION)
    parser.add_argument("files", nargs="*", metavar="FILE", help="a file, or - for standard input")
    for short, name, what in [
        ("-l", "lines", "the newlines"),
        ("-w", "words", "the words"),
        ("-m", "chars", "the characters of UTF-8"),
        ("-c", "bytes", "the bytes"),
        ("-L", "width", "the columns of the widest line"),
    ]:
        long = "--max-line-length" if name == "width" else f"--{name}"
        parser.add_argument(
            short, long, dest=name, action="store_true", help=f"print the number of {what}"
        )
    parser.add_argument(
        "--files0-from",
        metavar="FILE",
        help="count the files that FILE names, each name ended by a NUL; - for standard input",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document: also the longest line, the kinds of line ends, a byte "
        "order mark, whether it is valid UTF-8, whether there is a final newline",
    )
    add_common_arguments(parser, tool="text-utils")
    return parser


def _main(argv: Sequence[str] | None, journal: Journal) -> int:
    arguments = build_parser().parse(argv)
    columns = [name for name in COLUMNS if getattr(arguments, name)]
    if arguments.json and columns:
        raise UsageError("--json tells all; it takes no -l, -w, -m, -c, -L")
    names = _names(arguments)
    log = journal.open(arguments.log_json)
    if arguments.json:
        return _print_facts(names, log)
    return _print_rows(names, columns or ["lines", "words", "bytes"], log)


def _names(arguments: argparse.Namespace) -> list[str]:
    """Return what to count; the empty name is standard input that nobody named."""
    if arguments.files0_from is None:
        if "" in arguments.files:
            raise UsageError("a name is empty: is a variable not set?")
        return arguments.files or [""]
    if arguments.files:
        raise UsageError(f"--files0-from names the files: {arguments.files[0]!r} is one too many")
    with opened(arguments.files0_from) as source:
        listed = b"".join(blocks(source))
    names = listed.removesuffix(b"\0").split(b"\0") if listed else []
    if b"" in names:
        raise UsageError(f"{shown(arguments.files0_from)}: name {names.index(b'') + 1} is empty")
    if arguments.files0_from == STDIN and b"-" in names:
        raise UsageError("standard input cannot be both the list and in it")
    return [os.fsdecode(name) for name in names]


class _Inputs:
    """Reads input after input; what cannot be read is named, and the rest goes on."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.failed: dict[str, str] = {}

    def read(self, name: str, count: Callable[[Input], dict[str, Any]]) -> dict[str, Any] | None:
        """Return what `count` makes of an input, or None."""
        name = name or STDIN
        try:
            with self._log.action("count", shown(name)) as fields, opened(name) as source:
                counted = count(source)
                fields.update({"bytes": source.taken, **counted})
                return counted
        except UsageError as error:
            self.failed[name] = str(error)
            note(TOOL, oneline(self.failed[name]))
            return None

    @property
    def exit_code(self) -> Exit:
        return Exit.USAGE if self.failed else Exit.OK


def _print_facts(names: Sequence[str], log: Log) -> int:
    inputs = _Inputs(log)
    found = [(name or STDIN, inputs.read(name, facts)) for name in names]
    totals: dict[str, int] = {"lines": 0, "words": 0, "bytes": 0}
    for _, row in found:
        add(totals, {name: row[name] for name in totals} if row else {})
    document = {
        "files": [{"name": name, **row} for name, row in found if row],
        "total": totals,
        "failed": [{"name": name, "error": error} for name, error in inputs.failed.items()],
    }
    write_result(json_document(document))
    return inputs.exit_code


def _print_rows(names: Sequence[str], columns: Sequence[str], log: Log) -> int:
    width = _width(names, columns)
    inputs, totals = _Inputs(log), dict.fromkeys(columns, 0)
    for name in names:
        row = inputs.read(name, lambda source: counts(source, columns))
        if row is not None:
            add(totals, row)
            _print_row(row, width, name)
    if len(names) > 1:
        _print_row(totals, width, "total")
    return inputs.exit_code


def _print_row(row: dict[str, int], width: int, name: str) -> None:
    text = " ".join(f"{number:{width}}" for number in row.values())
    safe = printable(name) if is_terminal(sys.stdout) or "\n" in name else name
    write_bytes(os.fsencode(f"{text} {safe}".removesuffix(" ")) + b"\n")


def _width(names: Sequence[str], columns: Sequence[str]) -> int:
    """Return the columns' width as wc chooses it: that of all regular files' sizes together."""
    if len(names) == len(columns) == 1:
        return 1
    total, least = 0, 1
    for name in names:
        try:
            status = os.fstat(0) if name in {"", STDIN} else os.stat(name)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            total += status.st_size
        else:
            least = _LEAST_WIDTH_OF_PIPES
    return max(least, len(str(total)))
