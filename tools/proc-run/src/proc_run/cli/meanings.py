"""What the options of `proc-run` mean to its logic."""

from __future__ import annotations

import math

from proc_run.limits import KILL_AFTER_S, Limits
from proc_run.tails import Redaction
from toolroll_shared.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping


def redaction(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Redaction:
    """Return what hides secrets in reports and messages.

    Raises:
        UsageError: a variable that is to be hidden is not there.
    """
    missing = [name for name in arguments.secret_env if name not in environment]
    if missing:
        raise UsageError(f"--secret-env {missing[0]}: there is no such variable")
    secrets = [environment[name] for name in arguments.secret_env]
    return Redaction(secrets, arguments.redact)


def limits(arguments: argparse.Namespace) -> Limits:
    """Return what is allowed to the command."""
    kill_after = KILL_AFTER_S if arguments.kill_after is None else arguments.kill_after
    return Limits(
        timeout=_limit(arguments.timeout),
        idle_timeout=_limit(arguments.idle_timeout),
        signal=arguments.signal,
        kill_after=_limit(kill_after),
        kills_after_signals=arguments.kill_after is not None,
        grace=arguments.grace,
        keeps_descendants=arguments.keep_descendants,
        preserves_status=arguments.preserve_status,
    )


def _limit(seconds: float | None) -> float | None:
    """Return a duration as a limit: 0, and more than there is, are none."""
    return seconds if seconds and math.isfinite(seconds) else None


def is_watched(arguments: argparse.Namespace) -> bool:
    """Tell whether the command's output has to pass through us."""
    return bool(
        arguments.json
        or arguments.json_file is not None
        or _limit(arguments.idle_timeout)
        or arguments.quiet_on_success
        or arguments.max_output is not None
        or arguments.pty
    )
