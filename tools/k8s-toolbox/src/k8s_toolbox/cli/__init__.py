"""The `k8s-toolbox` command: pods, logs and events."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from toolroll_shared.cli import run
from toolroll_shared.commands import Command, Commands

from . import events, logs, pods
from .cluster import TOOL

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

COMMANDS = Commands(
    tool=TOOL,
    description="Show pods, logs and events of a Kubernetes cluster; nothing is ever changed.\n",
    commands={
        "pods": Command(pods.add_arguments, pods.USAGE, pods.DESCRIPTION),
        "logs": Command(logs.add_arguments, logs.USAGE, logs.DESCRIPTION),
        "events": Command(events.add_arguments, events.USAGE, events.DESCRIPTION),
    },
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; without `argv`, end this process with it.

    Threads that still wait for a server end with it, and what Python does to take the SDK down
    is saved: a tenth of a short run.
    """
    code = run(TOOL, lambda journal: COMMANDS.run(argv, journal))
    if argv is None:  # all is written: `run` has seen to that
        if credentials := sys.modules.get("k8s_toolbox.credentials"):
            credentials.end_plugins()
        os._exit(code)
    return code
