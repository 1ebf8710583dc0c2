"""Processes as /proc tells of them, and signals that never reach another one of that number."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_STATE, _PARENT, _GROUP, _SESSION, _THREADS, _START = 0, 1, 2, 3, 17, 19
"""Places in /proc/PID/stat, from the third field on: proc_pid_stat(5)."""

LOOKS = 100
"""How often we look for a child that comes and goes: some milliseconds, if there is none."""


class Process:
    """A process at the moment when it was looked at.

    Args:
        pid: its number.
        name: of its program, up to 15 bytes.
        state: of its first thread: `R`, `S`, `T` for stopped, `Z` for ended, ...
        threads: how many it has.
        parent: the number of its parent.
        group: the number of its process group.
        session: the number of its session.
        start: when it began, in ticks; with `pid`, this is the process and no other.
    """

    __slots__ = ("group", "name", "parent", "pid", "session", "start", "state", "threads")

    def __init__(  # noqa: PLR0913 - what /proc tells
        self,
        pid: int,
        *,
        name: str,
        state: str,
        parent: int,
        group: int,
        session: int,
        threads: int,
        start: int,
    ) -> None:
        self.pid = pid
        self.name = name
        self.state = state
        self.parent = parent
        self.group = group
        self.session = session
        self.threads = threads
        self.start = start

    @property
    def has_ended(self) -> bool:
        """Whether it has, and only its exit status is left; its first thread may end before it."""
        return self.state in "ZX" and self.threads <= 1

    def is_still_there(self) -> bool:
        """Look again."""
        now = look_at(self.pid)
        return now is not None and now.start == self.start and not now.has_ended

    def send(self, number: int) -> None:
        """Send a signal, unless the process has ended: never to another one of that number.

        Raises:
            PermissionError: it is somebody else's.
        """
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                if self.is_still_there():
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)


def look_at(pid: int) -> Process | None:
    """Return what there is to know of a process; None if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except OSError:
        return None
    name, _, rest = stat.partition(b"(")[2].rpartition(b")")
    fields = rest.split()
    return Process(
        pid,
        name=os.fsdecode(name),
        state=chr(fields[_STATE][0]),
        parent=int(fields[_PARENT]),
        group=int(fields[_GROUP]),
        session=int(fields[_SESSION]),
        threads=int(fields[_THREADS]),
        start=int(fields[_START]),
    )


def descendants(ancestor: int, *, without: Collection[tuple[int, int]] = ()) -> list[Process]:
    """Return all that descend from a process and have not ended, parents before children.

    Args:
        ancestor: the number of the process.
        without: `pid` and `start` of those that do not count, nor what descends from them.
    """
    children: dict[int, list[Process]] = {}
    for process in _all():
        if (process.pid, process.start) not in without:
            children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    wanted = [ancestor]
    while wanted:
        born = children.pop(wanted.pop(0), [])
        found += born
        wanted += [process.pid for process in born]
    return [process for process in found if not process.has_ended]


def fleeting_children() -> list[Process]:
    """Return children of ours that have not ended, also one that is gone before all is looked at.

    A process that forks and ends again and again has another number each time, and may be
    missed among all processes for seconds; a look at our own children takes microseconds.
    """
    place = f"/proc/self/task/{os.getpid()}/children"
    for _ in range(LOOKS):
        try:
            with open(place, "rb") as file:
                pids = file.read().split()
        except OSError:  # a kernel without CONFIG_PROC_CHILDREN
            return []
        seen = [process for pid in pids if (process := look_at(int(pid)))]
        if found := [process for process in seen if not process.has_ended]:
            return found
    return []


def _all() -> Iterable[Process]:
    for name in os.listdir("/proc"):
        if name.isdigit() and (process := look_at(int(name))):
            yield process
