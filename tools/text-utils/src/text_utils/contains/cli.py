"""The `contains` command: arguments in, an exit code out."""

from __future__ import annotations

import os

from toolroll_shared.cli import Parser, add_common_arguments, run
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import json_document, write_result
from toolroll_shared.search import first_hit, needle_for
from toolroll_shared.streams import opened, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from toolroll_shared.logs import Journal

TOOL = "contains"

_DESCRIPTION = """\
Tell whether FILE contains NEEDLE: exit code 0 if it does, 1 if not, 2 if FILE cannot be read.

Nothing is printed unless --json is given. NEEDLE is a fixed string, not a pattern. Reading
ends at the first hit; files of any size, with lines of any length, take the same memory.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda journal: _main(argv, journal))


def build_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(TOOL, description=_DESCRIPTION)
    parser.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument("needle", metavar="NEEDLE", help="what to search for")
    parser.add_argument(
        "-i",
        "--ignore-case",
        action="store_true",
        help="compare letters caselessly, as Unicode folds them; where the text or NEEDLE is "
        "not UTF-8, only those of ASCII",
    )
    parser.add_argument(
        "--hex", action="store_true", help="NEEDLE is bytes in hexadecimal, as in 'ca fe'"
    )
    output = parser.add_mutually_exclusive_group()
    output.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing; that is the default"
    )
    output.add_argument(
        "--json", action="store_true", help="print the first hit's offset in bytes and its line"
    )
    add_common_arguments(parser, tool="text-utils")
    return parser


def _main(argv: Sequence[str] | None, journal: Journal) -> int:
    arguments = build_parser().parse(argv)
    needle = needle_for(_needle(arguments), caseless=arguments.ignore_case)
    with (
        journal.open(arguments.log_json).action("search", shown(arguments.file)) as fields,
        opened(arguments.file) as source,
    ):
        hit = first_hit(source, needle, lines=arguments.json)
        fields |= {"found": hit is not None, "bytes": source.taken}
    if arguments.json:
        offset, line = hit or (None, None)
        found = {"found": hit is not None, "offset": offset, "line": line}
        write_result(json_document({"file": arguments.file, **found}))
    return Exit.OK if hit else Exit.FAILED


def _needle(arguments: argparse.Namespace) -> bytes:
    if not arguments.needle:
        raise UsageError("the needle is empty, so it is in every file: is a variable not set?")
    if not arguments.hex:
        return os.fsencode(arguments.needle)
    try:
        needle = bytes.fromhex(arguments.needle)
    except ValueError as error:
        raise UsageError(f"{arguments.needle!r} is not bytes in hexadecimal") from error
    if not needle:
        raise UsageError("the needle is empty")
    return needle
