"""`k8s-toolbox logs`."""

from __future__ import annotations

import argparse
import math
import re
from typing import TYPE_CHECKING

from toolroll_shared.cli import duration, instant, positive_int, whole_number
from toolroll_shared.errors import UsageError

from .cluster import add_cluster_arguments, cluster_of, some

if TYPE_CHECKING:
    from toolroll_shared.logs import Log

USAGE = "(POD... | -l SELECTOR) [-n NS] [-c CONTAINER | --all-containers] [--follow] ..."
DESCRIPTION = """\
Show what containers write; of several, in the order of time.

With --follow, go on until they end, over lost connections, rotated logs and restarts of the API
server: no line is lost, none comes twice, and what could not be had is said.
"""
SELECTED_TAIL = 10
"""Lines of each container that a selector selects, if --tail does not say: as kubectl has it."""
ALL = -1
"""For --tail, as kubectl has it."""
MAX_REQUESTS = 50
"""Default of --max-log-requests."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("pods", nargs="*", type=some, metavar="POD", help="names of pods")
    _add_choice(parser.add_argument_group("which containers"))
    _add_part(parser.add_argument_group("which lines"))
    _add_form(parser.add_argument_group("how"))
    add_cluster_arguments(parser, every=False)
    parser.set_defaults(run=run)


def _add_choice(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-l",
        "--selector",
        type=some,
        metavar="SELECTOR",
        help="of pods with labels: app=web,tier!=test; with --follow, new ones join",
    )
    which = group.add_mutually_exclusive_group()
    which.add_argument("-c", "--container", type=some, metavar="NAME", help="this one")
    which.add_argument(
        "--all-containers", action="store_true", help="all, init and ephemeral ones too"
    )
    group.add_argument(
        "-p", "--previous", action="store_true", help="as it was before its last restart"
    )
    group.add_argument(
        "--max-log-requests",
        type=positive_int,
        default=MAX_REQUESTS,
        metavar="N",
        help=f"no more than N containers at the same time (default: {MAX_REQUESTS})",
    )


def _add_part(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--tail",
        type=_tail,
        metavar="N",
        help=f"the last N of each (default: all; {SELECTED_TAIL} with -l; -1 for all)",
    )
    since = group.add_mutually_exclusive_group()
    since.add_argument("--since", type=_since, metavar="DURATION", help="of the last 10m, 2h, ...")
    since.add_argument(
        "--since-time", type=instant, metavar="INSTANT", help="since 2026-05-01T12:00:00Z"
    )
    group.add_argument(
        "--grep",
        action="append",
        default=[],
        type=_pattern,
        metavar="REGEX",
        help="in which this is found; may be repeated: any of them",
    )
    group.add_argument("-f", "--follow", action="store_true", help="go on with what comes")


def _add_form(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--timestamps", action="store_true", help="with the time of each line")
    group.add_argument(
        "--no-prefix", action="store_true", help="without [pod/container], where there are several"
    )
    group.add_argument(
        "--json", action="store_true", help="one JSON object per line: ts, pod, container, line"
    )


def _tail(text: str) -> int:
    return ALL if text == str(ALL) else whole_number(text)


def _since(text: str) -> int:
    seconds = math.ceil(duration(text))
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no time at all")
    return seconds


def _pattern(text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode(errors="surrogateescape"))
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from error


def run(arguments: argparse.Namespace, log: Log) -> int:
    """Run the command."""
    if bool(arguments.pods) == bool(arguments.selector):
        raise UsageError(
            "which pods? names of some, or -l SELECTOR (see 'k8s-toolbox logs --help')"
        )
    if arguments.previous and arguments.follow:
        raise UsageError("--previous: what has ended cannot be followed")
    from .logview import View

    return View(arguments, cluster_of(arguments, log), log).show()
