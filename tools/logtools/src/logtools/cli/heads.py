"""`logtools head`: its arguments, and what it does with them."""

from __future__ import annotations

from logtools.heading import head_bytes, head_lines

from .choices import Count, add_files, add_headers, add_period, add_raw, bytes_of, count_of
from .printing import print_each

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from toolroll_shared.logs import Log
    from toolroll_shared.simd import Text
    from toolroll_shared.streams import Input

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
    count = arguments.bytes or arguments.lines or Count("", _DEFAULT_LINES)
    head = head_bytes if arguments.bytes else head_lines

    def show(source: Input, emit: Callable[[Text], None]) -> None:
        head(source, count.number, emit, but_last=count.sign == "-")

    return print_each("head", arguments, log, show)
