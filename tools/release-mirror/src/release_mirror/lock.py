"""One writer per DEST: a lock that dies with its process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolroll_shared.errors import ToolError, TryLater
from toolroll_shared.streams import make_folder

LOCK_NAME = ".release-mirror.lock"


@contextmanager
def claimed(dest: Path) -> Iterator[None]:
    """Make DEST if needed, and be its only writer in the `with` block.

    Raises:
        TryLater: another process is.
        ToolError: DEST cannot be written.
    """
    descriptor = _open_lock(dest)
    try:
        _lock(descriptor, dest)
        yield
    finally:
        os.close(descriptor)


def _open_lock(dest: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        make_folder(dest)
        return os.open(dest / LOCK_NAME, flags, 0o644)
    except OSError as error:
        raise ToolError(f"{dest}: cannot be written: {error.strerror}") from error


def _lock(descriptor: int, dest: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
        raise TryLater(
            f"{dest}: another release-mirror (process {holder}) is working in it; wait for its end"
        ) from None
    except OSError as error:
        raise ToolError(f"{dest}: cannot be locked: {error.strerror}") from error
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except OSError as error:
        raise ToolError(f"{dest}: cannot be written: {error.strerror}") from error
