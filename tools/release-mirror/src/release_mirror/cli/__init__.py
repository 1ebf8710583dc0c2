"""The `release-mirror` command: arguments in, a mirror brought up to date, checked or served."""

from collections.abc import Sequence

from toolroll_shared.cli import need_posix, run
from toolroll_shared.commands import Command, Commands
from toolroll_shared.logs import Journal

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


COMMANDS = Commands(
    tool=TOOL,
    description=_DESCRIPTION,
    operand="OWNER/REPO",
    commands={
        "sync": Command(
            add_sync, "[OPTIONS] --dest DIR [HOST/]OWNER/REPO... | --config FILE", SYNC
        ),
        "verify": Command(add_verify, "[OPTIONS] --dest DIR [OWNER/REPO...]", VERIFY),
        "status": Command(add_status, "[OPTIONS] --dest DIR", STATUS),
        "prune": Command(add_prune, "[OPTIONS] --dest DIR [OWNER/REPO...]", PRUNE),
        "serve": Command(add_serve, "[OPTIONS] --dest DIR", SERVE),
    },
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda journal: _main(argv, journal))


def _main(argv: Sequence[str] | None, journal: Journal) -> int:
    need_posix()
    return COMMANDS.run(argv, journal)
