"""Loaded by each Python of a test that has this folder on PYTHONPATH and sets PRETENDED_SYSTEM.

To our packages, and to no others, this system is then `win32` or `darwin`: what that one's Python
lacks is absent, and what behaves otherwise there does so. That is no Windows: file names, open
files that cannot be renamed, and consoles stay those of this system.
"""

import builtins
import errno
import fcntl
import os
import select
import socket
import stat
import sys
from collections.abc import Mapping
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

OURS = {"toolroll_shared", "text_utils", "logtools", "gh_releases", "artifact_index"} | {
    *("multi_fetch", "release_mirror", "proc_run", "observe", "image_pruner", "k8s_toolbox")
}
O_BINARY = 1 << 30
_WSAENOTSOCK = 10038

ABSENT_MODULES = {
    "win32": {
        *("fcntl", "grp", "inotify_simple", "posix", "pty", "pwd", "readline", "resource"),
        *("syslog", "termios", "tty"),
    },
    "darwin": {"inotify_simple"},
}

_LINUX_ONLY = """
    O_DIRECT O_LARGEFILE O_NOATIME O_PATH O_RSYNC O_TMPFILE copy_file_range eventfd eventfd_read
    fdatasync getrandom getxattr listxattr memfd_create pidfd_open pipe2 posix_fadvise
    posix_fallocate sched_getaffinity sched_getparam sched_setaffinity setns setxattr splice unshare
    waitid
    sigtimedwait sigwaitinfo SIGPOLL SIGPWR SIGRTMAX SIGRTMIN SIGSTKFLT
    epoll EPOLLIN EPOLLOUT EPOLLERR EPOLLHUP EPOLLET
    AF_NETLINK AF_PACKET SOCK_CLOEXEC SOCK_NONBLOCK TCP_USER_TIMEOUT
    F_GETPIPE_SZ F_SETPIPE_SZ prlimit CLOCK_BOOTTIME
"""
_POSIX_ONLY = """
    O_ACCMODE O_ASYNC O_CLOEXEC O_DIRECTORY O_DSYNC O_NDELAY O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC
    P_ALL P_PID P_PGID WCONTINUED WEXITED WIFEXITED WIFSIGNALED WIFSTOPPED WNOHANG WNOWAIT WTERMSIG
    WUNTRACED chown chroot confstr ctermid environb fchdir fchmod fchown fork forkpty fpathconf
    fstatvfs getegid geteuid getgid getgroups getloadavg getpgid getpgrp getpriority getresuid
    getsid getuid initgroups killpg lchown lockf major makedev minor mkfifo mknod nice openpty
    pathconf posix_spawn posix_spawnp pread preadv pwrite pwritev readv register_at_fork
    sched_yield sendfile set_blocking setegid seteuid setgid setpgid setpriority setsid setuid
    statvfs sync sysconf tcgetpgrp tcsetpgrp ttyname uname wait wait3 wait4 writev
    ITIMER_REAL SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP
    SIGTTIN SIGTTOU SIGUSR1 SIGUSR2 SIGWINCH SIGXCPU SIGXFSZ SIG_BLOCK SIG_SETMASK SIG_UNBLOCK alarm
    getitimer pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigwait
    PIPE_BUF POLLERR POLLHUP POLLIN POLLOUT poll
    AF_UNIX recv_fds send_fds
    clock_gettime clock_settime tzset
"""
ABSENT_NAMES = {
    "win32": {*_LINUX_ONLY.split(), *_POSIX_ONLY.split()},
    "darwin": {*_LINUX_ONLY.split()},
}


class Pretended(ModuleType):
    """A module as another system has it."""

    def __init__(self, real: ModuleType, absent: set[str], others: Mapping[str, Any]) -> None:
        super().__init__(real.__name__)
        self.__dict__.update(others)
        self.__dict__["_real"], self.__dict__["_absent"] = real, absent

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__["_absent"]:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self.__dict__["_real"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.__dict__["_real"], name, value)


def is_socket(file: Any) -> bool:
    """Tell sockets; libcurl's eventfd, which has no type at all, is a socket on Windows."""
    descriptor = file if isinstance(file, int) else file.fileno()
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISSOCK(mode) or not stat.S_IFMT(mode)


def refuse_all_but_sockets(file: Any) -> None:
    if not is_socket(file):
        raise OSError(_WSAENOTSOCK, "An operation was attempted on something that is not a socket")


def windows_open(path: Any, flags: int, *rest: Any, **settings: Any) -> int:
    if settings.get("dir_fd") is not None:
        raise NotImplementedError("dir_fd unavailable on this platform")
    if Path(path).is_dir():
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    if not flags & O_BINARY and path != os.devnull and flags & os.O_CREAT == 0:
        raise AssertionError(f"{path} is opened as a text: Windows would change its bytes")
    return os.open(path, flags & ~O_BINARY, *rest)


def windows_kill(pid: int, number: int) -> None:
    raise AssertionError(f"os.kill({pid}, {number}) ends the process, whatever the number")


def windows_select(*lists: Any) -> Any:
    for one in [one for some in lists[:3] for one in some]:
        refuse_all_but_sockets(one)
    return select.select(*lists)


def locking(descriptor: int, mode: int, _size: int) -> None:
    try:
        fcntl.flock(descriptor, mode)
    except BlockingIOError as error:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from error


def pretended(system: str) -> dict[str, ModuleType]:
    """Return the modules that are others on a system."""
    others: dict[str, dict[str, Any]] = {"sys": {"platform": system}}
    if system == "win32":
        others["os"] = {"name": "nt", "O_BINARY": O_BINARY, "open": windows_open}
        others["os"]["kill"] = windows_kill
        others["select"] = {"select": windows_select}
    names = ("sys", "os", "select", "signal", "socket", "time", "fcntl", "resource")
    absent = ABSENT_NAMES[system]
    found: dict[str, ModuleType] = {
        name: Pretended(__import__(name), absent, others.get(name, {})) for name in names
    }
    if system == "win32":
        found["msvcrt"] = ModuleType("msvcrt")
        found["msvcrt"].__dict__.update(locking=locking, LK_NBLCK=fcntl.LOCK_EX | fcntl.LOCK_NB)
    return found


def _asyncio() -> ModuleType:
    import asyncio

    from event_loops import SelectorLoop, use_proactor  # type: ignore[import-not-found]

    use_proactor()
    return Pretended(asyncio, set(), {"SelectorEventLoop": SelectorLoop})


def pretend(system: str) -> None:
    """Give our packages the modules of a system from now on."""
    modules, real = pretended(system), builtins.__import__

    @wraps(real)
    def import_as_there(
        name: str,
        globals: Any = None,  # noqa: A002 - it is called so by name
        *rest: Any,
        **named: Any,
    ) -> ModuleType:
        importer = globals or {}
        package = importer.get("__package__") or importer.get("__name__") or ""
        level = named.get("level", rest[2] if len(rest) > 2 else 0)
        if level or package.partition(".")[0] not in OURS:
            return real(name, globals, *rest, **named)
        if name in ABSENT_MODULES[system]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name == "asyncio" and system == "win32":
            modules["asyncio"] = _asyncio()
        return modules.get(name) or real(name, globals, *rest, **named)

    builtins.__import__ = import_as_there


if os.environ.get("PRETENDED_SYSTEM"):
    assert socket.AF_UNIX, "the real one is untouched"
    pretend(os.environ["PRETENDED_SYSTEM"])
    assert sys.platform == "linux"
