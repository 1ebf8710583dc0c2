"""The `logtools` command: arguments in, the lines that are wanted out."""

from __future__ import annotations

from toolroll_shared.cli import run
from toolroll_shared.commands import Command, Commands

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

TOOL = "logtools"

_DESCRIPTION = """\
Look at logs: fast, byte by byte, and across their rotations.

  head   print the first lines of each FILE
  grep   print the lines of each FILE that have NEEDLE, a fixed string
  tail   print the last lines of each FILE, and with -f what is written to it from then on
"""

_HEAD = "Print the first 10 lines of each FILE; without FILE, or where it is -, standard input."
_GREP = """\
Print the lines of each FILE that have NEEDLE, which is a fixed string, not a pattern; without
FILE, or where it is -, those of standard input. Files that end with .gz, .zst or .xz are
decompressed. Exit code 0 if a line was selected, 1 if none was, 2 if a FILE cannot be read.
"""
_TAIL = "Print the last 10 lines of each FILE; without FILE, or where it is -, standard input."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda journal: COMMANDS.run(argv, journal))


def _add_head(parser: argparse.ArgumentParser) -> None:
    from .heads import add_arguments

    add_arguments(parser)


def _add_grep(parser: argparse.ArgumentParser) -> None:
    from .greps import add_arguments

    add_arguments(parser)


def _add_tail(parser: argparse.ArgumentParser) -> None:
    from .tails import add_arguments

    add_arguments(parser)


COMMANDS = Commands(
    tool=TOOL,
    description=_DESCRIPTION,
    commands={
        "head": Command(_add_head, "[OPTIONS] [FILE...]", _HEAD),
        "grep": Command(_add_grep, "[OPTIONS] [FILE...] NEEDLE", _GREP),
        "tail": Command(_add_tail, "[OPTIONS] [FILE...]", _TAIL),
    },
)
