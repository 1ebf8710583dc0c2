"""How long a command may take, and what happens to what it leaves behind."""

from __future__ import annotations

import signal

KILL_AFTER_S = 10.0
"""Seconds between the signal of a timeout and KILL, unless told otherwise."""

GRACE_S = 2.0
"""Seconds that what outlives the command may go on, and hold its output open."""


class Limits:
    """What is allowed to a command.

    Args:
        timeout: seconds that it may take; None: any.
        idle_timeout: seconds that it may write nothing; None: any.
        signal: what it is sent after one of them.
        kill_after: seconds from then to KILL; None: never.
        kills_after_signals: whether KILL also follows signals that others send us to pass on.
        grace: seconds that what outlives it may go on, and hold its output open.
        keeps_descendants: whether what outlives it, and what left its process group, is spared.
        preserves_status: whether its own exit code also counts after a timeout.
    """

    def __init__(  # noqa: PLR0913 - each is one limit
        self,
        *,
        timeout: float | None = None,
        idle_timeout: float | None = None,
        signal: int = signal.SIGTERM,
        kill_after: float | None = KILL_AFTER_S,
        kills_after_signals: bool = False,
        grace: float = GRACE_S,
        keeps_descendants: bool = False,
        preserves_status: bool = False,
    ) -> None:
        self.timeout = timeout
        self.idle_timeout = idle_timeout
        self.signal = signal
        self.kill_after = kill_after
        self.kills_after_signals = kills_after_signals
        self.grace = grace
        self.keeps_descendants = keeps_descendants
        self.preserves_status = preserves_status
