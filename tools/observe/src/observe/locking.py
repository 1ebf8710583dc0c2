"""One at a time: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from toolroll_shared.errors import TryLater

PATIENCE_S = 60.0
"""How long others are waited for, each of whom takes some milliseconds."""

_LOOK_AGAIN_S = 0.01


@contextmanager
def locked(
    path: Path,
    *,
    within: float = PATIENCE_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Be the only one in the `with` block. The file stays, so that all lock the same one.

    Raises:
        TryLater: others were in it for as long as `within` says, in seconds.
        OSError: the file cannot be made.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o644)
    try:
        deadline = clock() + within
        while not _has_locked(descriptor):
            if clock() >= deadline:
                raise TryLater(f"{path}: another observe has it")
            sleep(_LOOK_AGAIN_S)
        yield
    finally:
        os.close(descriptor)


def _has_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
