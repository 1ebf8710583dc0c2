"""`logtools head`: its arguments, and what it does with them."""

from __future__ import annotations

from logtools.heading import head_bytes, head_lines
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import note, oneline
from toolroll_shared.streams import shown

from .choices import (
    Count,
    add_files,
    add_headers,
    add_period,
    add_raw,
    bytes_of,
    count_of,
    names_of,
    reading,
)
from .printing import Headers, emitter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from toolroll_shared.logs import Log

_DEFAULT_LINES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `logtools head`."""
    add_files(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "-n",
        "--lines",
        type=count_of,
        metavar="N",
        help=f"the first N lines (default: {_DEFAULT_LINES}); of -N, all but the last N",
    )
    group.add_argument(
        "-c", "--bytes", type=bytes_of, metavar="N", help="the first N bytes; of -N, all but those"
    )
    add_headers(parser)
    add_raw(parser)
    add_period(parser)
    parser.set_defaults(run=run_head)


def run_head(arguments: argparse.Namespace, log: Log) -> int:
    """Carry out `logtools head`."""
    names, code = names_of(arguments), Exit.OK
    emit = emitter(raw=arguments.raw)
    several = len(names) > 1 and not arguments.quiet
    headers = Headers(emit, shown=several or arguments.verbose)
    count = arguments.bytes or arguments.lines or Count("", _DEFAULT_LINES)
    head = head_bytes if arguments.bytes else head_lines
    for name in names:
        try:
            with log.action("head", shown(name)), reading(name, arguments) as source:
                headers.show(name)
                head(source, count.number, emit, but_last=count.sign == "-")
        except UsageError as error:
            note("logtools", oneline(str(error)))
            code = Exit.USAGE
    return code
