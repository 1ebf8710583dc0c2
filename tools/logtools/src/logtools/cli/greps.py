"""`logtools grep`: its arguments, and what it does with them."""

from __future__ import annotations

import os

from logtools.lines import pieces_of
from logtools.matching import Search
from toolroll_shared.cli import whole_number
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import note, oneline
from toolroll_shared.search import needle_for
from toolroll_shared.streams import shown

from .choices import add_files, add_longest, add_period, add_raw, names_of, reading
from .printers import Counts, Lines, Names, Records

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from toolroll_shared.logs import Log

    from .printers import Printer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `logtools grep`."""
    add_files(parser)
    parser.add_argument("needle", metavar="NEEDLE", help="what to search for")
    parser.add_argument(
        "-i",
        "--ignore-case",
        action="store_true",
        help="compare letters caselessly, as Unicode folds them",
    )
    parser.add_argument(
        "-v", "--invert-match", action="store_true", help="select the lines without NEEDLE"
    )
    parser.add_argument(
        "-m", "--max-count", type=whole_number, metavar="N", help="stop after N selected lines"
    )
    for short, long, what in [
        ("-A", "--after-context", "print N lines after each, too"),
        ("-B", "--before-context", "print N lines before each, too"),
        ("-C", "--context", "print N lines before and after each, too"),
    ]:
        parser.add_argument(short, long, type=whole_number, metavar="N", help=what)
    _add_output(parser)
    add_period(parser)
    parser.set_defaults(run=run_grep)


def _add_output(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    for names, what in [
        (["-c", "--count"], "print only how many lines are selected"),
        (["-l", "--files-with-matches"], "print only the names of FILEs with selected lines"),
        (["-L", "--files-without-match"], "print only the names of FILEs without any"),
        (["-q", "--quiet"], "print nothing; stop at the first selected line"),
        (["-o", "--only-matching"], "print only what fits NEEDLE, each on a line of its own"),
        (["--json"], "print one JSON document"),
        (["--ndjson"], "print one JSON record a line"),
    ]:
        form.add_argument(*names, action="store_true", help=what)
    parser.add_argument(
        "-n", "--line-number", action="store_true", help="print each line's number before it"
    )
    name = parser.add_mutually_exclusive_group()
    name.add_argument(
        "-H", "--with-filename", action="store_true", help="print the FILE's name before each line"
    )
    name.add_argument(
        "--no-filename", action="store_true", help="print no names, which several FILEs get"
    )
    parser.add_argument(
        "--color",
        choices=["auto", "always", "never"],
        default="auto",
        help="mark what fits NEEDLE (default: auto, on a terminal without NO_COLOR)",
    )
    parser.add_argument(
        "--line-buffered", action="store_true", help="write each line as soon as it is found"
    )
    add_longest(parser, "")
    add_raw(parser)


def run_grep(arguments: argparse.Namespace, log: Log) -> int:
    """Carry out `logtools grep`."""
    printer = _printer(arguments, _search(arguments))
    found = failed = False
    for name in names_of(arguments):
        try:
            with log.action("grep", shown(name)) as fields, reading(name, arguments) as source:
                pieces = pieces_of(source, longest=arguments.max_line_bytes)
                fields["found"] = printer.show(pieces, name)
                fields["bytes"] = source.taken
                found = found or fields["found"]
        except UsageError as error:
            note("logtools", oneline(str(error)))
            failed = True
        if found and arguments.quiet:
            return Exit.OK
    printer.finish()
    if failed:
        return Exit.USAGE
    return Exit.OK if found else Exit.FAILED


def _search(arguments: argparse.Namespace) -> Search:
    if "\n" in arguments.needle:
        raise UsageError("NEEDLE has a newline, and so is in no line")
    look_only = arguments.quiet or arguments.files_with_matches or arguments.files_without_match
    return Search(
        needle_for(os.fsencode(arguments.needle), caseless=arguments.ignore_case),
        invert=arguments.invert_match,
        most=1 if look_only and arguments.max_count != 0 else arguments.max_count,
        longest=arguments.max_line_bytes,
    )


def _printer(arguments: argparse.Namespace, search: Search) -> Printer:
    """Return what prints as the arguments say."""
    named = (len(arguments.files) > 1 or arguments.with_filename) and not arguments.no_filename
    if arguments.quiet or arguments.files_with_matches or arguments.files_without_match:
        return Names(search, arguments)
    if arguments.count:
        return Counts(search, arguments, named=named)
    if arguments.json or arguments.ndjson:
        return Records(search, arguments)
    return Lines(search, arguments, named=named)
