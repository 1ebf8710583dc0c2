"""Opening the mirror's files for strangers: only what was recorded, and only below DEST."""

import os
import stat
from pathlib import Path

from .catalogue import Held

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A FIFO in the place of a file would be waited for.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class NotAsRecorded(Exception):
    """What is at the place is not the file that the manifest knows."""


def open_held(dest: Path, file: Held) -> int:
    """Return a descriptor of a file.

    Every folder on the way is opened relative to the one before it, and no symbolic link is
    followed, so that nothing which changes meanwhile leads out of DEST.

    Raises:
        NotAsRecorded: it is missing, no regular file, or differs in size or time.
    """
    try:
        descriptor = _descend(dest, file.path.split("/"))
    except OSError as error:
        raise NotAsRecorded(error.strerror) from error
    try:
        _check(os.fstat(descriptor), file)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _descend(dest: Path, parts: list[str]) -> int:
    if any(part in {"", ".", ".."} for part in parts):
        raise NotAsRecorded("its recorded path leads elsewhere")
    here = os.open(dest, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for part in parts[:-1]:
        here = _step(here, part, _FOLDER)
    return _step(here, parts[-1], _FILE)


def _step(here: int, part: str, flags: int) -> int:
    try:
        return os.open(part, flags, dir_fd=here)
    finally:
        os.close(here)


def _check(status: os.stat_result, file: Held) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotAsRecorded("it is no regular file")
    if status.st_size != file.size:
        raise NotAsRecorded(f"it has {status.st_size} bytes, not {file.size}")
    if status.st_mtime_ns != file.mtime_ns:
        raise NotAsRecorded("it was changed at another time")
