"""Running a command as if nobody looked: its streams are ours, signals go on to it."""

from __future__ import annotations

import errno
import os
import resource
import shutil
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

SHELL = "/bin/sh"
"""Runs a script that does not say what runs it, as execvp(3) has it."""

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
        max_rss_bytes: the most memory that one of them had; 0: less than we have ourselves, which
            Linux counts as the command's until it is loaded.
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
def signals_held() -> Iterator[set[int]]:
    """Hold signals back in the `with` block, also in threads begun in it; yields the mask before.

    All of them are meant for the command: one that comes after its end is forgotten.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, no child would tell how it ended
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED_FOR)
    try:
        yield {*before}
    finally:
        while signal.sigtimedwait(_WAITED_FOR, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    mask: set[int],
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
        pid = _started(words, environment, mask)
    except OSError as error:
        code = NOT_FOUND if _is_missing(words[0], error) else CANNOT_RUN
        return Ending(exit_code=code, duration_s=clock() - began, error=error.strerror)
    return _ending(pid, began, clock)


def _started(words: Sequence[str], environment: Mapping[str, str], mask: set[int]) -> int:
    """Start a command, and return its process id."""

    def start(file: str, arguments: Sequence[str]) -> int:
        return os.posix_spawnp(file, [*arguments], environment, setsigmask=mask, setsigdef=_DEFAULT)

    if not words[0]:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    try:
        return start(words[0], words)
    except OSError as error:
        script = shutil.which(words[0])
        if error.errno != errno.ENOEXEC or script is None:
            raise
        return start(SHELL, [SHELL, script, *words[1:]])


def _is_missing(word: str, error: OSError) -> bool:
    """Tell whether no such command was found; a file for a folder in PATH means no more."""
    in_path = isinstance(error, NotADirectoryError) and "/" not in word
    return in_path or isinstance(error, FileNotFoundError)


def _ending(pid: int, began: float, clock: Callable[[], float]) -> Ending:
    """Pass signals on until the command has ended."""
    while True:
        ended, status, usage = os.wait4(-1, os.WNOHANG)
        if ended == pid:
            break
        if ended:  # an orphan; as PID 1 of a container we inherit them, and nobody else waits
            continue
        heard = signal.sigwaitinfo(_WAITED_FOR)
        if heard.si_signo != signal.SIGCHLD and not _has_come_to_all(heard):
            with suppress(ProcessLookupError):
                os.kill(pid, heard.si_signo)
    code = os.waitstatus_to_exitcode(status)
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Ending(
        exit_code=code if code >= 0 else BY_SIGNAL - code,
        duration_s=clock() - began,
        signal=-code if code < 0 else None,
        user_s=round(usage.ru_utime, 3),
        system_s=round(usage.ru_stime, 3),
        max_rss_bytes=usage.ru_maxrss * 1024 if usage.ru_maxrss > ours else 0,
    )


def _has_come_to_all(heard: signal.struct_siginfo) -> bool:
    """Tell whether the terminal has sent a signal, and to the command as well.

    Of its hangup it tells only who leads the session.
    """
    is_for_us_alone = heard.si_signo == signal.SIGHUP and os.getsid(0) == os.getpid()
    return heard.si_code == FROM_THE_KERNEL and not is_for_us_alone
