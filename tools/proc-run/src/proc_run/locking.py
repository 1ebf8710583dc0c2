"""A lock that at most one run has; the system takes it back, however the run ends."""

from __future__ import annotations

import errno
import fcntl
import os

from .processes import look_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .hearing import Heard, Hearing

AGAIN_S = 0.05
"""Seconds between two tries; flock(2) itself would not end for a signal that is blocked."""


class Lock:
    """A lock on a file, which is made where it is not there, and never written.

    Args:
        path: the file.
        is_inherited: whether the command has the lock, too: then it lasts until both have
            ended, though we are killed.

    Raises:
        OSError: the file cannot be opened, or cannot be locked.
    """

    def __init__(self, path: str, *, is_inherited: bool) -> None:
        self._descriptor = _opened(path)
        self._is_inherited = is_inherited

    def get(self, hearing: Hearing, *, within: float) -> bool | Heard:
        """Take the lock; False if another one has it all the time.

        Args:
            hearing: a signal that wants an end ends the waiting, and is returned.
            within: seconds that it may take.
        """
        waited = 0.0
        while not self._is_had():
            if waited >= within:
                return False
            if heard := hearing.sleep(min(AGAIN_S, within - waited)):
                return heard
            waited += AGAIN_S
        os.set_inheritable(self._descriptor, self._is_inherited)
        return True

    def _is_had(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go of it; a command that inherited it has it still."""
        os.close(self._descriptor)

    @property
    def holder(self) -> str:
        """Who has it, as far as the system tells: `backup (123)`."""
        status = os.fstat(self._descriptor)
        major, minor = os.major(status.st_dev), os.minor(status.st_dev)
        wanted = f"{major:02x}:{minor:02x}:{status.st_ino}"
        try:
            with open("/proc/locks", encoding="ascii") as file:
                for fields in map(str.split, file):
                    if fields[1] == "FLOCK" and wanted in fields:
                        process = look_at(int(fields[4]))
                        return f"{process.name} ({process.pid})" if process else "another run"
        except (OSError, ValueError, IndexError):
            pass
        return "another run"


def _opened(path: str) -> int:
    """Open a file, also one that may only be read, and make it if it is not there."""
    for flags in (os.O_RDWR, os.O_RDONLY):  # the first one, as NFS asks for it
        try:
            return os.open(path, flags | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in {errno.ENOENT, errno.EACCES, errno.EROFS}:
                raise
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
