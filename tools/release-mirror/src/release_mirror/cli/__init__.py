"""The `release-mirror` command: arguments in, a mirror brought up to date, checked or served."""

import argparse
import sys
from collections.abc import Callable, Sequence

from toolroll_shared.cli import Parser, add_common_arguments, add_version_argument, run
from toolroll_shared.errors import UsageError
from toolroll_shared.logs import Log, open_log

from .checks import PRUNE, STATUS, VERIFY, add_prune, add_status, add_verify
from .pieces import TOOL
from .serving import SERVE, add_serve
from .sync import SYNC, add_sync

_DESCRIPTION = """\
Mirror the release assets of GitHub repositories into a folder.

  sync [HOST/]OWNER/REPO...   bring the mirror up to date; the command, if none is named
  verify                      read every file, and hold it against the manifest
  status                      what is mirrored, how fresh and how large
  prune                       remove what a policy does not keep
  serve                       serve it as GitHub's API for releases, read-only

Each has its own --help.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda: _main(sys.argv[1:] if argv is None else argv))


def _main(argv: Sequence[str]) -> int:
    arguments = _parse(argv)
    command: Callable[[argparse.Namespace, Log], int] = arguments.run
    with open_log(TOOL, arguments.log_json) as log:
        return command(arguments, log)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the arguments of a command; it is `sync` where none is named.

    Raises:
        UsageError: the first argument is neither a command nor could be a repository.
    """
    first = argv[0] if argv else "-"
    if first in {"-h", "--help", "--version"}:
        return build_parser().parse_args(argv)
    if first in COMMANDS:
        return command_parser(first).parse_intermixed_args(argv[1:])
    if not first.startswith("-") and "/" not in first:
        commands = ", ".join(COMMANDS)
        raise UsageError(f"{first!r} is neither OWNER/REPO nor a command ({commands})")
    try:
        return command_parser("sync").parse_intermixed_args(argv)
    except UsageError as error:
        if late := [one for one in argv if one in COMMANDS]:
            raise UsageError(f"the command comes first: {TOOL} {late[0]} ...") from error
        raise


def build_parser() -> Parser:
    """Return the parser of what comes without a command."""
    parser = Parser(TOOL, description=_DESCRIPTION, usage=f"{TOOL} [COMMAND] ...")
    add_version_argument(parser, tool=TOOL)
    return parser


def command_parser(command: str) -> Parser:
    """Return a command's parser."""
    add_arguments, usage, description = COMMANDS[command]
    parser = Parser(f"{TOOL} {command}", usage=f"%(prog)s {usage}", description=description)
    add_arguments(parser)
    add_common_arguments(parser, tool=TOOL)
    return parser


_Command = tuple[Callable[[argparse.ArgumentParser], None], str, str]

COMMANDS: dict[str, _Command] = {
    "sync": (add_sync, "[OPTIONS] --dest DIR [HOST/]OWNER/REPO... | --config FILE", SYNC),
    "verify": (add_verify, "[OPTIONS] --dest DIR [OWNER/REPO...]", VERIFY),
    "status": (add_status, "[OPTIONS] --dest DIR", STATUS),
    "prune": (add_prune, "[OPTIONS] --dest DIR [OWNER/REPO...]", PRUNE),
    "serve": (add_serve, "[OPTIONS] --dest DIR", SERVE),
}
"""For each command: what adds its arguments, its usage, its description."""
