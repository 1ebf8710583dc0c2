"""How a run ended: its outcome, its exit code, and the report of it."""

from __future__ import annotations

import os
import signal
import time

from .tails import valid_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from resource import struct_rusage
    from typing import Any

    from .streams import Stream
    from .tails import Redaction

TIMED_OUT = 124
OWN_ERROR = 125
BY_SIGNAL = 128
"""Exit codes as timeout(1) and shells have them; the last one plus the signal's number."""


def signal_name(number: int) -> str:
    """Return a signal's name without `SIG`: `TERM`, `RTMIN+3`; its number if it has none."""
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        real_time = signal.SIGRTMIN < number < signal.SIGRTMAX
        return f"RTMIN+{number - signal.SIGRTMIN}" if real_time else str(number)


class Usage:
    """What processes used: CPU time in seconds, and the largest memory of one in KiB."""

    def __init__(self) -> None:
        self.user = 0.0
        self.system = 0.0
        self.peak_kib = 0

    def add(self, usage: struct_rusage) -> None:
        """Count another process, and those that it waited for."""
        self.user += usage.ru_utime
        self.system += usage.ru_stime
        self.peak_kib = max(self.peak_kib, usage.ru_maxrss)


class Ending:
    """How a command that was started ended.

    Attributes:
        pid: its process id.
        status: as wait(2) tells it; None: it goes on, and could not be ended.
        timed_out: which limit it did not keep: `timeout`, `idle_timeout`.
        passed_on: the signals that wanted an end of it, by their names.
        is_wanted: whether a signal that wants an end came, be it after the command's own.
        usage: what it and its descendants used.
        duration_s: from its start to its end.
        descendants: number, name and fate of each that outlived it.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None
        self.timed_out: str | None = None
        self.passed_on: list[str] = []
        self.is_wanted = False
        self.usage = Usage()
        self.duration_s = 0.0
        self.descendants: list[tuple[int, str, str]] = []

    @property
    def exit_code(self) -> int | None:
        """Its own exit code, if it had one."""
        if self.status is None or os.WIFSIGNALED(self.status):
            return None
        return os.WEXITSTATUS(self.status)

    @property
    def signal(self) -> int | None:
        """The signal that ended it, if one did."""
        if self.status is None or not os.WIFSIGNALED(self.status):
            return None
        return os.WTERMSIG(self.status)

    def returncode(self, *, preserves_status: bool) -> int:
        """Return what to exit with: as timeout(1), 137 where only KILL ended it."""
        if self.timed_out and not preserves_status and self.signal != signal.SIGKILL:
            return TIMED_OUT
        if self.signal is not None:
            return BY_SIGNAL + self.signal
        return TIMED_OUT if self.exit_code is None else self.exit_code

    @property
    def outcome(self) -> str:
        """What ended it: see the README's table."""
        if self.timed_out:
            return self.timed_out
        if self.passed_on and self.exit_code != 0:
            return "interrupted"
        return "exit" if self.signal is None else "signal"


class Result:
    """What a run came to, whether the command was started or not.

    Args:
        outcome: `exit`, `signal`, `timeout`, `idle_timeout`, `interrupted`, `spawn_error`,
            `locked`.
        returncode: what to exit with.
        error: why it was not started, for people.
        ending: how the command ended, if it was started.
        streams: its streams, if they were read.
        started_at: when, in seconds since 1970.
        attempts: how often it was tried.
    """

    def __init__(  # noqa: PLR0913
        self,
        outcome: str,
        returncode: int,
        *,
        error: str | None = None,
        ending: Ending | None = None,
        streams: Sequence[Stream] = (),
        started_at: float | None = None,
        attempts: int = 1,
    ) -> None:
        self.outcome = outcome
        self.returncode = returncode
        self.error = error
        self.ending = ending
        self.streams = streams
        self.started_at = started_at
        self.attempts = attempts

    def interrupted(self, number: int) -> Result:
        """Return what it comes to when a signal comes before the next attempt."""
        return Result(
            "interrupted",
            BY_SIGNAL + number,
            ending=self.ending,
            streams=self.streams,
            started_at=self.started_at,
            attempts=self.attempts,
        )

    def report(
        self, words: Sequence[str], redaction: Redaction, *, request_id: str
    ) -> dict[str, Any]:
        """Return what `--json` prints.

        Args:
            words: the command and its arguments.
            redaction: hides what nobody is to see in them and in the tails.
            request_id: the run's.
        """
        ending = self.ending
        document: dict[str, Any] = {
            "cmd": [redaction.of(valid_text(word)) for word in words],
            "returncode": self.returncode,
            "outcome": self.outcome,
            "error": None if self.error is None else redaction.of(valid_text(self.error)),
            "exit_code": ending and ending.exit_code,
            "signal": None,
            "timed_out": bool(ending and ending.timed_out),
            "signals_passed_on": [],
            "started_at": None if self.started_at is None else _iso(self.started_at),
            "duration_ms": None,
            "pid": None,
            "attempts": self.attempts,
            "request_id": request_id,
        }
        if ending is not None:
            document |= {
                "signal": None if ending.signal is None else signal_name(ending.signal),
                "signals_passed_on": ending.passed_on,
                "duration_ms": _milliseconds(ending.duration_s),
                "pid": ending.pid,
            }
        document |= _usage_of(ending, redaction)
        for name in ("stdout", "stderr"):
            document |= _stream_of(name, self.streams, redaction)
        return document


def _usage_of(ending: Ending | None, redaction: Redaction) -> dict[str, Any]:
    if ending is None:
        return {"max_rss_kib": None, "user_ms": None, "sys_ms": None, "descendants": []}
    return {
        "max_rss_kib": ending.usage.peak_kib,
        "user_ms": _milliseconds(ending.usage.user),
        "sys_ms": _milliseconds(ending.usage.system),
        "descendants": [
            {"pid": pid, "name": redaction.of(valid_text(name)), "fate": fate}
            for pid, name, fate in ending.descendants
        ],
    }


def _stream_of(name: str, streams: Sequence[Stream], redaction: Redaction) -> dict[str, Any]:
    for stream in streams:
        if stream.name == name:
            text, dropped = stream.tail.shown(redaction)
            seen = stream.tail.seen
            break
    else:
        text, dropped, seen = "", 0, 0
    return {f"{name}_bytes": seen, f"{name}_tail": text, f"{name}_dropped_bytes": dropped}


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _iso(moment: float) -> str:
    whole, rest = divmod(round(moment * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{rest:03d}Z"
