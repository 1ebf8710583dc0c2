"""`logtools tail`: its arguments, and what it does with them."""

from __future__ import annotations

import sys

from logtools.lasting import tail
from logtools.starting import Start
from toolroll_shared.cli import positive_int
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import note, oneline
from toolroll_shared.streams import STDIN

from .choices import (
    Count,
    add_files,
    add_headers,
    add_longest,
    add_period,
    add_raw,
    bytes_of,
    count_of,
)
from .printing import counted, emitter, print_each

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from logtools.followed import Following
    from toolroll_shared.logs import Log
    from toolroll_shared.simd import Text
    from toolroll_shared.streams import Input

_DEFAULT_LINES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `logtools tail`."""
    add_files(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "-n",
        "--lines",
        type=count_of,
        metavar="N",
        help=f"the last N lines (default: {_DEFAULT_LINES}); of +N, all from line N on",
    )
    group.add_argument(
        "-c", "--bytes", type=bytes_of, metavar="N", help="the last N bytes; of +N, from byte N on"
    )
    parser.add_argument(
        "-f",
        "--follow",
        action="store_true",
        help="then print what is added, whole lines only, by name: also where FILE is rotated, "
        "truncated, gone for a while or not there yet",
    )
    parser.add_argument(
        "--pid", type=positive_int, metavar="PID", help="with -f: end when this process has ended"
    )
    parser.add_argument(
        "--cursor",
        metavar="CURSOR",
        help="print what came to FILE since the last run with this CURSOR, which it keeps there; "
        "the first run prints all, or where -n is given, the last lines",
    )
    add_headers(parser)
    add_longest(parser, " that are followed or come from a pipe")
    add_raw(parser)
    add_period(parser)
    parser.set_defaults(run=run_tail)


def run_tail(arguments: argparse.Namespace, log: Log) -> int:
    """Carry out `logtools tail`."""
    _check(arguments)
    if arguments.follow:
        return _follow(arguments, log)
    if arguments.cursor:
        return _resume(arguments, log)
    start = _start(arguments)

    def show(source: Input, emit: Callable[[Text], None]) -> None:
        tail(source, start, emit=emit, max_line_bytes=arguments.max_line_bytes)

    return print_each("tail", arguments, log, show)


def _check(arguments: argparse.Namespace) -> None:
    if not (arguments.follow or arguments.cursor):
        if arguments.pid:
            raise UsageError("--pid is a part of -f")
        return
    if arguments.pid and sys.platform == "win32":  # os.kill() would end it there
        raise UsageError("--pid: Windows does not tell whether a process is there")
    if arguments.follow and arguments.cursor:
        raise UsageError("-f and --cursor cannot be combined: one goes on, the other comes back")
    if arguments.since is not None or arguments.until is not None:
        raise UsageError("--since and --until are for what is there: not with -f or --cursor")
    if not arguments.files or STDIN in arguments.files:
        raise UsageError("standard input has no name to follow: name a FILE")
    if arguments.cursor and len(arguments.files) > 1:
        raise UsageError("a CURSOR is for one FILE")


def _start(arguments: argparse.Namespace) -> Start:
    count = arguments.bytes or arguments.lines or Count("", _DEFAULT_LINES)
    in_bytes = arguments.bytes is not None
    return Start(count.number, in_bytes=in_bytes, from_start=count.sign == "+")


def _how(arguments: argparse.Namespace, start: Start | None) -> Following:
    from logtools.followed import Following

    headers = False if arguments.quiet else True if arguments.verbose else None
    return Following(
        start=start,
        headers=headers,
        max_line_bytes=arguments.max_line_bytes,
        pid=arguments.pid,
    )


def _follow(arguments: argparse.Namespace, log: Log) -> int:
    from logtools.following import follow
    from logtools.watching import Watcher

    output = None if sys.stdout is None else sys.stdout.fileno()
    with log.action("follow", ", ".join(arguments.files)) as fields:
        follow(
            arguments.files,
            emit=counted(emitter(raw=arguments.raw), fields),
            say=_say,
            flush=_flush,
            how=_how(arguments, _start(arguments)),
            watcher=Watcher(output=output, say=_say),
        )
    return Exit.OK


def _resume(arguments: argparse.Namespace, log: Log) -> int:
    from logtools.cursors import resume

    [name] = arguments.files
    given = arguments.lines or arguments.bytes
    with log.action("resume", name) as fields:
        resume(
            name,
            arguments.cursor,
            emit=counted(emitter(raw=arguments.raw), fields),
            flush=_flush,
            say=_say,
            how=_how(arguments, _start(arguments) if given else None),
        )
    return Exit.OK


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _say(message: str) -> None:
    note("logtools", oneline(message))
