"""Waiting until files may have changed: told by inotify where there is one, else by the clock.

It says only that it is time to look. A reader of stdout that goes away ends the waiting too.
"""

from __future__ import annotations

import select
import time
from contextlib import suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inotify_simple import INotify  # type: ignore[import-untyped]

POLL_S = 1.0
"""How long at most until the next look: network file systems tell of no changes."""

PAUSE_S = 0.01
"""How long at least, so that a busy writer is read in blocks and not line by line."""

_POLLIN = 0x1  # <poll.h>; Windows has none
_CONTENT = 0x2 | 0x4  # IN_MODIFY, IN_ATTRIB; inotify(7)
_NAMES = 0x40 | 0x80 | 0x100 | 0x200  # IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE


class Watcher:
    """Waits for changes of files and of the names in their folders.

    Args:
        output: the descriptor whose reader may go away, or None.
        say: takes what a user should know.
        interval: seconds until the next look, whether anything changed or not.
        inotify: whether to use it where it is to be had.
    """

    def __init__(
        self,
        *,
        output: int | None,
        say: Callable[[str], object],
        interval: float = POLL_S,
        inotify: bool = True,
    ) -> None:
        self._interval = interval
        self._say = say
        self._output = output
        self._poll = select.poll() if hasattr(select, "poll") else None
        self._watches: set[int] = set()
        self._notify: INotify | None = None
        if self._poll is None:  # Windows: who reads us is missed at the next write only
            return
        if output is not None:
            self._poll.register(output, 0)  # errors are always told
        if inotify:
            self._start()

    def _start(self) -> None:
        try:
            from inotify_simple import INotify
        except ImportError:
            return
        try:
            self._notify = INotify(nonblocking=True)
        except OSError as error:
            self._say(f"looking every {self._interval:g} s: inotify: {error.strerror}")
            return
        assert self._poll is not None  # noqa: S101 - there is no inotify without
        self._poll.register(self._notify, _POLLIN)

    def watch(self, files: Iterable[str], folders: Iterable[str]) -> None:
        """Wait from now on for changes of these files, and of the names in these folders.

        What is not there, or may not be watched, is left to the clock.
        """
        if self._notify is None:
            return
        try:
            watches = {
                watch
                for paths, kinds in ((folders, _NAMES), (files, _CONTENT))
                for path in paths
                if (watch := self._add(path, kinds)) is not None
            }
        except OSError as error:
            self._say(f"looking every {self._interval:g} s: inotify: {error.strerror}")
            self.close()
            return
        for watch in self._watches - watches:
            with suppress(OSError):  # the kernel itself ends the watch of a file that is no more
                self._notify.rm_watch(watch)
        self._watches = watches

    def _add(self, path: str, kinds: int) -> int | None:
        assert self._notify is not None  # noqa: S101 - asked by the caller
        with suppress(FileNotFoundError, PermissionError, NotADirectoryError):
            return int(self._notify.add_watch(path, kinds))
        return None

    def wait(self) -> None:
        """Return when something may have changed, or after the interval.

        Raises:
            BrokenPipeError: the output's reader has gone.
        """
        if self._poll is None:
            time.sleep(self._interval)
            return
        began = time.monotonic()
        ready = self._poll.poll(self._interval * 1000)
        if any(descriptor == self._output for descriptor, _ in ready):
            raise BrokenPipeError
        if self._notify is not None and ready:
            rest = PAUSE_S - (time.monotonic() - began)
            if rest > 0:
                time.sleep(rest)
            self._notify.read(timeout=0)

    def close(self) -> None:
        """End all watches."""
        if self._notify is not None and self._poll is not None:
            self._poll.unregister(self._notify)
            self._notify.close()
            self._notify = None
