"""How many files and sockets the system lets us have open."""

import sys

from toolroll_shared.errors import UsageError

SPARE = 64
"""Descriptors for all but sockets and saved bodies: streams, logs, host lookups, libraries."""


def ensure_descriptors(concurrency: int, *, saving: bool) -> None:
    """See to it that there are enough descriptors, before one is missing.

    Args:
        concurrency: sockets at once.
        saving: whether each of them goes into a file.

    Raises:
        UsageError: the system does not allow so many.
    """
    if sys.platform == "win32":  # it has no such limit
        return
    import resource  # noqa: PLC0415 - not everywhere

    each = 3 if saving else 2  # a connection in flight, one kept of another host, and a file
    needed = concurrency * each + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return
    if hard != resource.RLIM_INFINITY and needed > hard:
        most = (hard - SPARE) // each
        raise UsageError(
            f"--concurrency {concurrency}: needs {needed} file descriptors, and {hard} are allowed "
            f"(ulimit -Hn); at most {max(most, 0)} is possible"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
