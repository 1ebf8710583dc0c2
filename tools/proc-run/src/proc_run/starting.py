"""From a fork to the command: groups, streams, limits and signals as it should find them."""

from __future__ import annotations

import errno
import os
import signal

from .linux import die_with_parent
from .results import OWN_ERROR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import NoReturn

CANNOT_INVOKE = 126
NOT_FOUND = 127
"""Exit codes as timeout(1), env(1) and nice(1) have them."""

_SHELL = "/bin/sh"
_RESTORED = (signal.SIGPIPE, signal.SIGXFSZ)  # Python ignores them; programs expect not to


class NotStarted(Exception):
    """The command could not be started; tells why, and with what exit code to end."""

    def __init__(self, message: str, *, code: int) -> None:
        super().__init__(message)
        self.code = code


class Start:
    """How a command is started.

    Args:
        words: the command and its arguments.
        environment: its environment; PATH there is where it is searched.
        folder: its working directory; None for ours.
        niceness: added to ours.
        own_group: whether it leads a process group of its own; with a terminal it does.
        has_terminal: whether its standard input becomes its controlling terminal, in a session
            of its own.
        at_our_death: the signal that it gets if we are killed.
        mask: the signals that it finds blocked.
    """

    def __init__(  # noqa: PLR0913 - each is one word of what a start is
        self,
        words: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: str | None = None,
        niceness: int = 0,
        own_group: bool = True,
        has_terminal: bool = False,
        at_our_death: int = signal.SIGTERM,
        mask: Iterable[int] = (),
    ) -> None:
        self.words = words
        self.environment = environment
        self.folder = folder
        self.niceness = niceness
        self.own_group = own_group
        self.has_terminal = has_terminal
        self.at_our_death = at_our_death
        self.mask = mask


def start(plan: Start, descriptors: Mapping[int, int]) -> int:
    """Start a command, and return its process id when it runs.

    A script that names no interpreter is given to the shell, as execvp(3) does.

    Args:
        plan: how.
        descriptors: those of its descriptors 0, 1, 2 that are not ours, with what is to be
            there instead; that is above 2.

    Raises:
        NotStarted: it does not.
    """
    report, reported = os.pipe()
    try:
        ours = os.getpid()
        pid = _fork(plan)
        if not pid:
            _become(plan, descriptors, parent=ours, reported=reported)
    except BaseException:
        os.close(report)
        raise
    finally:
        os.close(reported)
    with os.fdopen(report, "rb") as file:
        failure = file.read()
    if failure:
        os.waitpid(pid, 0)
        step, number = map(int, failure.split())
        raise _not_started(plan, step, number)
    return pid


def _fork(plan: Start) -> int:
    try:
        return os.fork()
    except OSError as error:
        raise NotStarted(
            f"{plan.words[0]}: cannot be started: {error.strerror}", code=OWN_ERROR
        ) from error


def _become(plan: Start, descriptors: Mapping[int, int], *, parent: int, reported: int) -> NoReturn:
    """Turn this process, which was forked, into the command; tell what kept it from it."""
    step = _PREPARING
    try:
        _take_place(plan, descriptors)
        step = _FOLDER
        if plan.folder is not None:
            os.chdir(plan.folder)
        step = _NICENESS
        if plan.niceness:
            os.nice(plan.niceness)
        step = _PREPARING
        die_with_parent(plan.at_our_death)
        if os.getppid() != parent:
            os._exit(OWN_ERROR)
        _restore_signals(plan.mask)
        step = _EXECUTING
        _execute(plan)
    except Exception as error:  # noqa: BLE001 - it passes on as what the parent raises
        number = getattr(error, "errno", None) or errno.EINVAL
        os.write(reported, b"%d %d" % (step, number))
    finally:
        os._exit(OWN_ERROR)


_PREPARING, _FOLDER, _NICENESS, _EXECUTING = range(4)


def _take_place(plan: Start, descriptors: Mapping[int, int]) -> None:
    """Join the session and the group that the command is to be in, and take its streams."""
    for target, source in descriptors.items():
        os.dup2(source, target)
    if plan.has_terminal:
        import fcntl
        import termios

        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    elif plan.own_group:
        os.setpgid(0, 0)


def _restore_signals(mask: Iterable[int]) -> None:
    for number in _RESTORED:
        signal.signal(number, signal.SIG_DFL)
    for number in (signal.SIGINT, signal.SIGTERM):  # until exec, a handler of ours would run
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _execute(plan: Start) -> None:
    """Look for the command as execvp(3) does: the first one that is there is the one."""
    command, environment = plan.words[0], dict(plan.environment)
    failure = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for path in _places(command, environment):
        try:
            os.execve(path, list(plan.words), environment)  # noqa: S606 - what we are for
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            if path == command or isinstance(error, PermissionError):
                failure = error
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            os.execve(_SHELL, [_SHELL, path, *plan.words[1:]], environment)  # noqa: S606
    raise failure


def _places(command: str, environment: Mapping[str, str]) -> list[str]:
    if "/" in command:
        return [command]
    folders = os.get_exec_path(environment) if command else []
    return [os.path.join(folder, command) for folder in folders]


def _not_started(plan: Start, step: int, number: int) -> NotStarted:
    reason = os.strerror(number)
    if step == _FOLDER:
        return NotStarted(f"--cwd {plan.folder}: {reason}", code=OWN_ERROR)
    if step == _NICENESS:
        return NotStarted(f"--nice {plan.niceness}: {reason}", code=OWN_ERROR)
    if step == _PREPARING:
        return NotStarted(f"{plan.words[0]}: cannot be started: {reason}", code=OWN_ERROR)
    code = NOT_FOUND if number == errno.ENOENT else CANNOT_INVOKE
    return NotStarted(f"{plan.words[0] or repr('')}: {_why(plan, number)}", code=code)


def _why(plan: Start, number: int) -> str:
    if number != errno.ENOENT:
        return os.strerror(number)
    for path in _places(plan.words[0], plan.environment):
        if os.path.exists(os.path.join(plan.folder or "", path)):
            return "its interpreter (named by its first line, or its loader) is not there"
    return os.strerror(number) if "/" in plan.words[0] else "command not found"
