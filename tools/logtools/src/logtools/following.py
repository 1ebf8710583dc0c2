"""`tail -f`: the last lines of files, and then what is added, over every rotation.

Files are followed by name, as `tail -F` of GNU does. Only whole lines are emitted.
"""

from __future__ import annotations

import os

from .followed import Followed, Following, Headers
from .watching import Watcher

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .lasting import Emit
    from .trails import Say


def follow(
    names: Sequence[str],
    *,
    emit: Emit,
    say: Say,
    flush: Callable[[], object] = bool,
    how: Following | None = None,
    watcher: Watcher | None = None,
) -> None:
    """Emit files from where they start and what is added to them, as long as `how.pid` lives.

    Args:
        names: the files, which need not be there yet.
        emit: takes whole lines, or parts of them in order.
        say: takes what a user should know: replaced, truncated, gone, back again.
        flush: called when all that is there was emitted.
        how: where to start, and so on.
        watcher: what waits, and is closed at the end; None: one that watches no output.

    Raises:
        BrokenPipeError: the watcher's output lost its reader; or whatever `emit` raises.
    """
    how = how or Following()
    heads = Headers(emit, shown=len(names) > 1 if how.headers is None else how.headers)
    waiting = watcher or Watcher(output=None, say=say)
    logs = [Followed(name, how, heads=heads, say=say) for name in names]
    try:
        for log in logs:
            log.begin()
            log.read()
        _follow(logs, waiting, flush, how.pid)
    finally:
        waiting.close()
        for log in logs:
            log.trail.close()


def _follow(
    logs: Sequence[Followed],
    watcher: Watcher,
    flush: Callable[[], object],
    pid: int | None,
) -> None:
    watched: set[tuple[int, int]] = set()
    while True:
        writing = pid is None or is_alive(pid)
        busy = [log.read() for log in logs]
        flush()
        if any(busy):
            continue
        if not writing:
            for log in logs:
                log.trail.finish(lambda _: True)
            flush()
            return
        watcher.watch(*_places(logs))
        now = {reader.identity for log in logs for reader in log.trail.reading}
        if now == watched:  # else something may have come before it was watched
            watcher.wait()
        watched = now


def _places(logs: Sequence[Followed]) -> tuple[list[str], set[str]]:
    """Return which files and which folders to watch."""
    files = [log.name for log in logs]
    open_files = (one.descriptor for log in logs for one in log.trail.reading if not one.finished)
    files += [f"/proc/self/fd/{descriptor}" for descriptor in open_files]
    paths = [path for log in logs for path in (log.name, os.path.realpath(log.name))]
    return files, {os.path.dirname(path) or "." for path in paths}


def is_alive(pid: int) -> bool:
    """Whether a process is there, its own or somebody else's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
