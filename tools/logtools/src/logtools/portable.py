"""What POSIX has and Windows does not: reading at an offset, and locks on files."""

from __future__ import annotations

import os
import sys


def _read_at(descriptor: int, size: int, offset: int) -> bytes:
    """Read as `os.pread` does; no two threads of ours share a descriptor."""
    before = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        os.lseek(descriptor, offset, os.SEEK_SET)
        return os.read(descriptor, size)
    finally:
        os.lseek(descriptor, before, os.SEEK_SET)


def _read_into_at(descriptor: int, buffer: memoryview, offset: int) -> int:
    block = _read_at(descriptor, len(buffer), offset)
    buffer[: len(block)] = block
    return len(block)


if sys.platform == "win32":
    read_at, read_into_at = _read_at, _read_into_at
else:
    read_at = os.pread

    def read_into_at(descriptor: int, buffer: memoryview, offset: int) -> int:
        """Read bytes at an offset into a buffer, and return how many there were."""
        return os.preadv(descriptor, [buffer], offset)


def lock(descriptor: int) -> None:
    """Lock a file until it is closed, or its process ends.

    Raises:
        BlockingIOError: another process has locked it.
    """
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(error.errno, error.strerror) from error
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
