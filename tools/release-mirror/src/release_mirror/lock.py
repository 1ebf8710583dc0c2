"""One writer per DEST, or several readers: a lock that dies with its process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolroll_shared.errors import ToolError, TryLater
from toolroll_shared.files import make_folder

LOCK_NAME = ".release-mirror.lock"

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # a link, or a pipe, is somebody else's


@contextmanager
def claimed(dest: Path) -> Iterator[None]:
    """Make DEST if needed, and be its only writer in the `with` block.

    Raises:
        TryLater: another process works in it.
        ToolError: DEST cannot be written.
    """
    descriptor = _open_lock(dest)
    try:
        _lock(descriptor, dest, fcntl.LOCK_EX)
        _sign(descriptor, dest)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def unchanging(dest: Path) -> Iterator[None]:
    """Keep writers out of DEST in the `with` block, as far as that can be done by reading only.

    Raises:
        TryLater: a writer works in it.
    """
    try:
        descriptor = os.open(dest / LOCK_NAME, _FLAGS | os.O_RDONLY)
    except OSError:  # no writer was ever there, or it is a copy
        yield
        return
    try:
        _lock(descriptor, dest, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _open_lock(dest: Path) -> int:
    try:
        make_folder(dest)
        return os.open(dest / LOCK_NAME, _FLAGS | os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ToolError(f"{dest}: cannot be written: {error.strerror}") from error


def _lock(descriptor: int, dest: Path, kind: int) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise TryLater(
            f"{dest}: another release-mirror (process {holder}) is working in it; wait for its end"
        ) from None
    except OSError as error:
        raise ToolError(f"{dest}: cannot be locked: {error.strerror}") from error


def _sign(descriptor: int, dest: Path) -> None:
    """Say in the lock whose it is."""
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        raise ToolError(f"{dest}: cannot be written: {error.strerror}") from error
