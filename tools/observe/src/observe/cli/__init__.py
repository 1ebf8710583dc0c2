"""The `observe` command: a command run and counted, or one of its own about logs."""

from __future__ import annotations

import sys

from toolroll_shared.cli import Parser, need_linux, need_posix, run
from toolroll_shared.commands import Command, Commands
from toolroll_shared.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from toolroll_shared.logs import Journal

TOOL = "observe"

_DESCRIPTION = """\
Run CMD, and turn the records that it writes into metrics. All toolroll tools write them; of any
other command, how it ended and how long it took is recorded from the outside. Its streams and its
exit code are passed through.

Commands of its own, each with its own --help:

  serve    follow logs, and let Prometheus scrape what they come to
  check    hold logs against the schema of records
  tail     show the last records of a log, readable
  report   what a log comes to: for each tool and action how many, how long, how much
"""
_SERVE = """\
Follow logs over their rotations, and serve what they come to: /metrics for Prometheus, /healthz.

Each record is counted once, also over restarts: what was counted is kept in a state file.
"""
_CHECK = """\
Hold each line of logs against the JSON Schema of action records; print what is wrong with them.

Exit code 0 if all are records, 1 if one is not, 2 if a FILE cannot be read.
"""
_TAIL = "Show the last records of a log, one a line, in colour on a terminal."
_REPORT = """\
Say what logs come to: for each tool and action how many, how many of them failed, how long they
took (percentiles by nearest rank), how many bytes.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda journal: _main(sys.argv[1:] if argv is None else argv, journal))


def _main(argv: Sequence[str], journal: Journal) -> int:
    need_posix()
    if argv and argv[0] in COMMANDS.commands:
        return COMMANDS.run(argv, journal)
    options, dashes, words = _parted(argv)
    if not dashes and options and not options[0].startswith("-"):
        names = ", ".join(COMMANDS.commands)
        raise UsageError(f"{options[0]!r} is no command ({names}); one to be run stands behind --")
    arguments = build_parser().parse_args(options)
    if not words:
        raise UsageError(f"which command? observe [OPTIONS] -- CMD (see '{TOOL} --help')")
    need_linux("only there the ends of a command, and signals, are waited for at once")
    from .wrapping import run_command

    return run_command(arguments, words, journal)


def _parted(argv: Sequence[str]) -> tuple[list[str], bool, list[str]]:
    """Return what is before the first `--`, whether there is one, and what is behind it."""
    if "--" not in argv:
        return list(argv), False, []
    place = list(argv).index("--")
    return list(argv[:place]), True, list(argv[place + 1 :])


def build_parser() -> Parser:
    """Return the parser of what stands before a command to be run."""
    from .arguments import add_run_arguments

    usage = f"{TOOL} [OPTIONS] -- CMD [ARG...]\n       {TOOL} serve|check|tail|report ..."
    parser = Parser(TOOL, description=_DESCRIPTION, usage=usage)
    add_run_arguments(parser)
    return parser


def _add_serve(parser: argparse.ArgumentParser) -> None:
    from .arguments import add_serve_arguments

    add_serve_arguments(parser)


def _add_check(parser: argparse.ArgumentParser) -> None:
    from .arguments import add_check_arguments

    add_check_arguments(parser)


def _add_tail(parser: argparse.ArgumentParser) -> None:
    from .arguments import add_tail_arguments

    add_tail_arguments(parser)


def _add_report(parser: argparse.ArgumentParser) -> None:
    from .arguments import add_report_arguments

    add_report_arguments(parser)


COMMANDS = Commands(
    tool=TOOL,
    description=_DESCRIPTION,
    commands={
        "serve": Command(_add_serve, "[OPTIONS] --log FILE...", _SERVE),
        "check": Command(_add_check, "[OPTIONS] [FILE...]", _CHECK),
        "tail": Command(_add_tail, "[OPTIONS] [FILE]", _TAIL),
        "report": Command(_add_report, "[OPTIONS] [FILE...]", _REPORT),
    },
)
