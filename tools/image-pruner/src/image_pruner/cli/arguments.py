"""The options of `image-pruner`, and what they select."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

from toolroll_shared.cli import Parser, add_common_arguments, duration, positive_int
from toolroll_shared.errors import UsageError
from toolroll_shared.output import oneline

if TYPE_CHECKING:
    from image_pruner.planning import Selection

TOOL = "image-pruner"
TIMEOUT_S = 120.0
"""Default of `--timeout`: deleting a large image from a slow disk takes its time."""
MAX_TIMEOUT_S = 86_400.0
"""A day: sockets know no time beyond some bound of the system's."""
AGE_UNITS = ("h", "d", "w")

_DESCRIPTION = """\
Say which Docker images could go, why, and what that frees; with --yes, delete them.

Images that fit all the options go; without any, dangling ones. What a container uses, running
or not, is kept, and so is what an image that stays is built upon.
"""


_SELECTION = (
    "older_than",
    "filter",
    "label",
    "dangling",
    "keep_last",
    "exclude",
    "age_basis",
    "max_delete",
)


class Age(NamedTuple):
    """An age, and how the user said it."""

    seconds: float
    text: str


def build_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(TOOL, description=_DESCRIPTION)
    _add_selection(parser.add_argument_group("which images"))
    _add_action(parser.add_argument_group("what to do"))
    _add_daemon(parser.add_argument_group("which daemon"))
    add_common_arguments(parser, tool=TOOL)
    return parser


def _add_selection(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--older-than",
        type=_age,
        metavar="DAYS",
        help="older than this many days, or 36h, 2w, ...",
    )
    group.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="PREFIX",
        help="of this repository (app), its tags that fit (app:pr-*), or all repositories below "
        "(registry:5000/team/); may be repeated: any of them",
    )
    group.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="KEY[=VALUE]",
        help="with this label, or with a ! before it, without; may be repeated: all of them",
    )
    group.add_argument(
        "--dangling", action="store_true", help="without a name, and nothing made from them"
    )
    group.add_argument(
        "--keep-last",
        type=positive_int,
        metavar="N",
        help="not among the last N of a repository",
    )
    group.add_argument(
        "--exclude",
        type=_some,
        action="append",
        default=[],
        metavar="GLOB",
        help="not this repository, repository:tag or id; may be repeated",
    )
    group.add_argument(
        "--age-basis",
        choices=("created", "tagged"),
        help="count age from the build (default), or from the last tagging on this daemon",
    )
    group.add_argument(
        "--max-delete", type=positive_int, metavar="N", help="no more than N, the oldest first"
    )


def _add_action(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--yes", action="store_true", help="delete; without it nothing is changed")
    group.add_argument(
        "--plan",
        type=_some,
        metavar="FILE",
        help="write the plan to FILE; with --yes, carry out the plan in FILE and nothing else",
    )
    group.add_argument("--json", action="store_true", help="print one JSON document at the end")


def _add_daemon(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-H",
        "--host",
        type=_some,
        metavar="URL",
        help="unix://, tcp:// or ssh:// (default: $DOCKER_HOST, else that of the context)",
    )
    group.add_argument(
        "--context",
        type=_some,
        metavar="NAME",
        help="a context of docker's (default: $DOCKER_CONTEXT, else the current one)",
    )
    group.add_argument(
        "--timeout",
        type=_timeout,
        default=TIMEOUT_S,
        metavar="DURATION",
        help=f"for each answer of the daemon (default: {TIMEOUT_S / 60:g}m)",
    )


def _some(text: str) -> str:
    """Refuse an empty text: `--plan "$UNSET"` shall not mean that there is no plan."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty: perhaps a variable is not set")
    return text


def _age(text: str) -> Age:
    """Return an age; `6m` is none, for who means months would get minutes."""
    shown = f"{text}d" if text[-1:].isdigit() else text
    try:
        if shown.endswith(AGE_UNITS):
            return Age(duration(shown), shown)
    except argparse.ArgumentTypeError:
        pass
    raise argparse.ArgumentTypeError(
        f"{text!r} is not an age: a number of days, or with h, d or w, such as 36h or 2w"
    )


def _timeout(text: str) -> float:
    seconds = duration(text)
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not between nothing and a day")
    return seconds


def selection_of(arguments: argparse.Namespace) -> Selection:
    """Return what is to be selected, from a plan or from the options.

    Raises:
        UsageError: options make no sense, or the plan cannot be read.
        CorruptStore: it is no plan.
    """
    if arguments.yes and arguments.plan:
        if name := _first_option(arguments):
            raise UsageError(f"--yes --plan does what the plan says: {name} cannot change that")
        from pathlib import Path

        from image_pruner.plans import read_plan

        return read_plan(Path(arguments.plan))
    from image_pruner.names import parse_filter
    from image_pruner.rules import Criteria, parse_label

    if arguments.dangling and (arguments.filter or arguments.keep_last):
        raise UsageError("--dangling images have no name for --filter or --keep-last")
    try:
        filters = [parse_filter(text) for text in arguments.filter]
        labels = [parse_label(text) for text in arguments.label]
    except ValueError as error:
        raise UsageError(oneline(str(error))) from error
    return Criteria(
        older_than=arguments.older_than.seconds if arguments.older_than else None,
        age=arguments.older_than.text if arguments.older_than else "",
        filters=filters,
        labels=labels,
        excludes=arguments.exclude,
        dangling=arguments.dangling,
        keep_last=arguments.keep_last,
        by_tag=arguments.age_basis == "tagged",
        max_delete=arguments.max_delete,
    )


def _first_option(arguments: argparse.Namespace) -> str | None:
    given = (name for name in _SELECTION if getattr(arguments, name))
    return next((f"--{name.replace('_', '-')}" for name in given), None)
