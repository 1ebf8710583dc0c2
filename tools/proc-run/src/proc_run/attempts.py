"""Runs a command, once or until it succeeds."""

from __future__ import annotations

import signal
import time

from .family import Family, present_descendants
from .linux import adopt_orphans
from .results import BY_SIGNAL, OWN_ERROR, Result
from .starting import NotStarted, start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from .hearing import Hearing
    from .limits import Limits
    from .plumbing import Connection, Plumbing
    from .running import Run
    from .starting import Start
    from .streams import Stream

    Say = Callable[[str], None]

LONGEST_WAIT_S = 300.0
"""No wait between two attempts is longer."""


class Retries:
    """How often a command that fails is run again.

    Args:
        number: how often at most.
        backoff: seconds before the first time, at most; twice as many before each further one.
    """

    def __init__(self, number: int = 0, *, backoff: float = 1.0) -> None:
        self.number = number
        self.backoff = backoff


class Runner:
    """Runs a command; everything in it is about this process, so there is one of them.

    Args:
        plan: how it is started.
        plumbing: makes its streams.
        limits: what is allowed to it.
        hearing: signals.
        mirrors_stops: whether we stop when the command does, for a shell to see.
        say: told what a user should know.
        note: told of each attempt that is over.
    """

    def __init__(  # noqa: PLR0913 - the parts of a run
        self,
        plan: Start,
        plumbing: Plumbing,
        limits: Limits,
        hearing: Hearing,
        *,
        mirrors_stops: bool = False,
        say: Say,
        note: Callable[[Result], None] = lambda _: None,
    ) -> None:
        self._plan = plan
        self._plumbing = plumbing
        self._limits = limits
        self._hearing = hearing
        self._mirrors_stops = mirrors_stops
        self._say = say
        self._note = note
        self._strangers: Collection[tuple[int, int]] = ()

    def run(self, retries: Retries) -> Result:
        """Run the command until it succeeds, there are no retries left, or a signal comes."""
        self._strangers = present_descendants()
        adopt_orphans()
        attempt = 1
        while True:
            result = self._once(attempt)
            self._note(result)
            if attempt > retries.number or not _may_help(result):
                return result
            if interrupted := self._wait(result, retries):
                return interrupted
            attempt += 1

    def _once(self, attempt: int) -> Result:
        connection = self._plumbing.connect()
        started_at, started = time.time(), time.monotonic()
        try:
            try:
                pid = start(self._plan, connection.given)
            finally:
                connection.begin()
            ending = self._run(pid, connection, started).to_its_end()
        except NotStarted as error:
            self._say(str(error))
            return Result("spawn_error", error.code, error=str(error), attempts=attempt)
        finally:
            connection.end()
        returncode = ending.returncode(preserves_status=self._limits.preserves_status)
        if self._has_lost_output(connection.streams):
            returncode = returncode or OWN_ERROR
        return Result(
            ending.outcome,
            returncode,
            ending=ending,
            streams=connection.streams,
            started_at=started_at,
            attempts=attempt,
        )

    def _run(self, pid: int, connection: Connection, started: float) -> Run:
        from .running import Run  # the command runs already

        leads = self._plan.own_group or self._plan.has_terminal
        return Run(
            Family(pid, leads_a_group=leads, strangers=self._strangers),
            connection,
            self._limits,
            self._hearing,
            started=started,
            mirrors_stops=self._mirrors_stops,
            say=self._say,
        )

    def _has_lost_output(self, streams: Iterable[Stream]) -> bool:
        failed = [stream for stream in streams if stream.failure]
        for stream in failed:
            reason = stream.failure and stream.failure.strerror
            self._say(f"the command's {stream.name} could not be passed on: {reason}")
        return bool(failed)

    def _wait(self, result: Result, retries: Retries) -> Result | None:
        """Wait before the next attempt; a signal that wants an end leads to a result."""
        import random

        from toolroll_shared.retry import Backoff

        backoff = Backoff(first=retries.backoff, cap=LONGEST_WAIT_S)
        seconds = backoff.wait(result.attempts, after=None, random=random.random)
        count = f"attempt {result.attempts} of {retries.number + 1}"
        self._say(f"{count} ended with {result.returncode}; again in {seconds:.1f}s")
        heard = self._hearing.sleep(seconds)
        if heard is None:
            return None
        self._say("interrupted before the next attempt")
        return result.interrupted(heard.number)


def _may_help(result: Result) -> bool:
    """Tell whether another attempt may end better, and nobody wanted an end.

    Under --pty only the command hears of Ctrl+C; shells tell of it by their exit code.
    """
    if result.returncode in {0, BY_SIGNAL + signal.SIGINT} or result.ending is None:
        return False
    return not result.ending.is_wanted
