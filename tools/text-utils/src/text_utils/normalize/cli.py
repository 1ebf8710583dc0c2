"""The `normalize` command: arguments in, files with uniform line ends out."""

from __future__ import annotations

import os
import sys

from toolroll_shared.cli import Parser, add_common_arguments, run
from toolroll_shared.errors import Exit, ToolError, UsageError
from toolroll_shared.output import is_terminal, note, oneline, printable, write_bytes
from toolroll_shared.streams import STDIN, Input, opened, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from toolroll_shared.logs import Journal, Log

    from .ends import Mender

TOOL = "normalize"
BACKUP_SUFFIX = ".bak"

_DESCRIPTION = """\
Write FILE anew with one kind of line ends: to FILE.lf or FILE.crlf, or where -o or
--in-place says; standard input, which is -, to standard output. Nothing is overwritten
without --force, and a file is there whole or not at all.

A line's end is a newline with the carriage returns right before it; a carriage return
elsewhere is left alone. A last line without an end stays so. Mode, times and a byte order
mark are kept.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda journal: _main(argv, journal))


def build_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(TOOL, description=_DESCRIPTION)
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument("--to", choices=["lf", "crlf"], required=True, help="what ends a line")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-o", "--output", metavar="OUT", help="write to OUT; - is standard output")
    where.add_argument("--in-place", action="store_true", help="replace FILE, if it would change")
    where.add_argument(
        "--check",
        action="store_true",
        help="write nothing; name each FILE that would change, and exit with 1 if there is one",
    )
    parser.add_argument(
        "--backup",
        action="store_true",
        help=f"with --in-place: keep the old text as FILE{BACKUP_SUFFIX}",
    )
    parser.add_argument("--force", action="store_true", help="overwrite OUT, or an old backup")
    parser.add_argument(
        "--mac", action="store_true", help="take a lone carriage return for a line's end too"
    )
    parser.add_argument(
        "--remove-bom", action="store_true", help="leave out a byte order mark of UTF-8"
    )
    parser.add_argument(
        "--binary", action="store_true", help="normalize a FILE that has NULs or is UTF-16, too"
    )
    add_common_arguments(parser, tool="text-utils")
    return parser


def _main(argv: Sequence[str] | None, journal: Journal) -> int:
    arguments = build_parser().parse(argv)
    _check(arguments)
    code = Exit.OK
    log = journal.open(arguments.log_json)
    for name in arguments.files:
        try:
            code = max(code, _normalize(name, arguments, log))
        except ToolError as error:
            note(TOOL, oneline(str(error)))
            code = max(code, error.exit_code)
    return code


def _check(arguments: argparse.Namespace) -> None:
    if arguments.output is not None and len(arguments.files) > 1:
        raise UsageError(f"-o {arguments.output} is for one file, not {len(arguments.files)}")
    if arguments.output == "":
        raise UsageError("the name after -o is empty: is a variable not set?")
    if arguments.backup and not arguments.in_place:
        raise UsageError("--backup is a part of --in-place")
    if arguments.in_place and STDIN in arguments.files:
        raise UsageError("standard input has no place: name a file, or leave --in-place out")


def _normalize(name: str, arguments: argparse.Namespace, log: Log) -> Exit:
    from .texts import would_change

    with log.action("normalize", shown(name)) as fields, opened(name) as source:
        if arguments.in_place:
            from .places import check_has_place

            check_has_place(source.descriptor, name)
        if arguments.check or arguments.in_place:
            fields["changed"] = would_change(*_mended(source, arguments), whole=arguments.check)
            fields["bytes"] = source.taken
            if arguments.check and fields["changed"]:
                safe = printable(name) if is_terminal(sys.stdout) else name
                write_bytes(os.fsencode(safe) + b"\n")
                return Exit.FAILED
            if arguments.check or not fields["changed"]:
                return Exit.OK
            os.lseek(source.descriptor, 0, os.SEEK_SET)
        blocks, mender = _mended(source, arguments)
        looked_at = source.taken
        _write(name, source, blocks, arguments)
        fields |= {"changed": mender.changed, "bytes": source.taken - looked_at}
    return Exit.OK


def _mended(source: Input, arguments: argparse.Namespace) -> tuple[Iterator[bytes], Mender]:
    from .ends import Mender
    from .texts import mended

    mender = Mender(arguments.to, mac=arguments.mac)
    keep_bom = not arguments.remove_bom
    return mended(source, mender, keep_bom=keep_bom, binary=arguments.binary), mender


def _write(
    name: str, source: Input, blocks: Iterator[bytes], arguments: argparse.Namespace
) -> None:
    output = arguments.output or (STDIN if name == STDIN else f"{name}.{arguments.to}")
    if output == STDIN and not arguments.in_place:
        for block in blocks:
            write_bytes(block)
        return
    from .places import write_in_place, write_new

    if arguments.in_place:
        backup = BACKUP_SUFFIX if arguments.backup else None
        write_in_place(source.descriptor, blocks, name, backup=backup, force=arguments.force)
    else:
        write_new(source.descriptor, blocks, output, force=arguments.force)
