"""The `image-pruner` command: options in, a plan out, and with `--yes` the deed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toolroll_shared.cli import run

from .arguments import TOOL, build_parser, selection_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolroll_shared.logs import Journal

__all__ = ["build_parser", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; without `argv`, end this process with it.

    That saves what Python does to take itself and the SDK down: a tenth of a short run.
    """
    code = run(TOOL, lambda journal: _main(argv, journal))
    if argv is None:  # all is written: `run` has seen to that
        os._exit(code)
    return code


def _main(argv: Sequence[str] | None, journal: Journal) -> int:
    arguments = build_parser().parse_args(argv)
    selection = selection_of(arguments)
    from image_pruner.endpoints import find_endpoint

    endpoint = find_endpoint(os.environ, host=arguments.host, context=arguments.context)
    log = journal.open(arguments.log_json)
    from image_pruner.daemon import Daemon

    from .session import Session

    with Daemon(endpoint, timeout=arguments.timeout) as daemon:
        return Session(arguments, selection, daemon, log).run()
