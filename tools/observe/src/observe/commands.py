"""Running a command as if nobody looked: its streams are ours, signals go on to it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

CANNOT_RUN = 126
NOT_FOUND = 127
BY_SIGNAL = 128

FROM_THE_KERNEL = 128
"""A signal's si_code (SI_KERNEL): the terminal has sent it, to the command as well."""

_PASSED_ON = {
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
}
_WAITED_FOR = {*_PASSED_ON, signal.SIGCHLD}
_DEFAULT = {signal.SIGPIPE, signal.SIGXFSZ}  # Python ignores them


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a command ended.

    Attributes:
        exit_code: as a shell has it.
        duration_s: how long it took.
        signal: the number of the signal that killed it.
        error: why it could not be started.
        user_s: processor time of it and of those it has waited for.
        system_s: the same in the system.
        max_rss_bytes: the most memory that one of them had.
    """

    exit_code: int
    duration_s: float
    signal: int | None = None
    error: str | None = None
    user_s: float = 0.0
    system_s: float = 0.0
    max_rss_bytes: int = 0

    @property
    def outcome(self) -> str:
        """The same in a word."""
        if self.error is not None:
            return "not_started"
        if self.signal is not None:
            return "killed"
        return "failed" if self.exit_code else "ok"


@contextmanager
def signals_held() -> Iterator[set[signal.Signals]]:
    """Hold signals back in the `with` block, also in threads begun in it; yields the mask before.

    What comes between two commands is heard at the end of the block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    try:
        yield {one for one in before if isinstance(one, signal.Signals)}
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    mask: set[signal.Signals],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Ending:
    """Run a command to its end, while signals are held.

    Args:
        words: the command and its arguments.
        environment: its environment.
        mask: the signals that it begins with blocked.
        clock: monotonic seconds.
    """
    began = clock()
    try:
        pid = os.posix_spawnp(words[0], [*words], environment, setsigmask=mask, setsigdef=_DEFAULT)
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        reason = getattr(error, "strerror", None) or str(error)
        code = NOT_FOUND if missing else CANNOT_RUN
        return Ending(exit_code=code, duration_s=clock() - began, error=reason)
    return _ending(pid, began, clock)


def _ending(pid: int, began: float, clock: Callable[[], float]) -> Ending:
    """Pass signals on until the command has ended."""
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            break
        heard = signal.sigwaitinfo(_WAITED_FOR)
        if heard.si_signo != signal.SIGCHLD and heard.si_code != FROM_THE_KERNEL:
            with suppress(ProcessLookupError):
                os.kill(pid, heard.si_signo)
    code = os.waitstatus_to_exitcode(status)
    return Ending(
        exit_code=code if code >= 0 else BY_SIGNAL - code,
        duration_s=clock() - began,
        signal=-code if code < 0 else None,
        user_s=round(usage.ru_utime, 3),
        system_s=round(usage.ru_stime, 3),
        max_rss_bytes=usage.ru_maxrss * 1024,
    )
