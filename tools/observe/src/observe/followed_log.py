"""One log that is followed: what is new in it, counted, from where the last kept counts end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from logtools import Following, resume
from toolroll_shared.errors import ToolError

from .metrics import Metrics
from .records import MAX_LINE_BYTES, Bytes, records_of

LATE_S = 30.0
"""Seconds after which a log that seems unchanged is read all the same: who knows."""

GRACE_S = 3600.0
"""A file that was rotated away is read until it was silent for so long: a run that has it open
still may be about a slow action."""

_HOW = Following(max_line_bytes=MAX_LINE_BYTES, grace=GRACE_S)


class _Ended(Exception):
    """There is no time for all of it."""


class FollowedLog:
    """A log.

    Args:
        path: absolute.
        scratch: a file of its own for `logtools`, which is worth nothing by itself.
        cursor: how far it is counted, as `logtools` writes it; None: not at all.
        is_ending: whether there is no time left.
        notify: told what a user should know.
        clock: monotonic seconds.

    Attributes:
        path: see above.
        trouble: why it cannot be read now, if it cannot.
        reached: how far it was read.
    """

    def __init__(
        self,
        path: Path,
        scratch: Path,
        cursor: str | None,
        *,
        is_ending: Callable[[], bool],
        notify: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        self.path = path
        self.trouble = ""
        self.reached = self._kept = cursor
        self._scratch = scratch
        self._is_ending = is_ending
        self._notify = notify
        self._clock = clock
        self._said: set[str] = set()
        self._looked: object = None
        self._seen: object = None
        self._read_at = -LATE_S

    def read(self) -> Metrics | None:
        """Return what is new since what was kept, counted; None if there is nothing."""
        self._looked = self._look()
        if self._looked == self._seen and self._clock() - self._read_at < LATE_S:
            return None
        metrics = Metrics()
        try:
            self.reached = self._counted_by(metrics)
        except _Ended:
            return None
        except (ToolError, OSError) as error:
            self.reached = self._kept
            self._tell(str(error))
            return None
        self._tell("")
        if self.reached != self._kept:
            return metrics
        self.keep()
        return None

    def keep(self) -> None:
        """Remember that what was read is kept."""
        self._kept = self.reached
        if not self.trouble:
            self._seen, self._read_at = self._looked, self._clock()

    def _counted_by(self, metrics: Metrics) -> str:
        """Count what is new, and return where it ends."""
        if self._kept is None:
            self._scratch.unlink(missing_ok=True)
        else:
            self._scratch.write_text(self._kept)
        said: set[str] = set()

        def take(piece: Bytes) -> None:
            if self._is_ending():
                raise _Ended
            for record in records_of(piece):
                metrics.take(record)

        resume(str(self.path), str(self._scratch), emit=take, flush=bool, say=said.add, how=_HOW)
        for text in sorted(said - self._said):
            self._notify(text)
        self._said = said
        return self._scratch.read_text()

    def _look(self) -> object:
        """Return what tells whether the log, or an earlier file of it, has changed."""
        real = os.path.realpath(self.path)
        folder, name = os.path.split(real)
        try:
            with os.scandir(folder) as entries:
                ours = [one for one in entries if one.name.startswith(name)]
                return real, sorted((one.name, *_state_of(one)) for one in ours)
        except OSError as error:
            return real, error.errno

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            self._notify(f"{trouble}; waiting for it")
        self.trouble = trouble


def _state_of(entry: os.DirEntry[str]) -> tuple[int, ...]:
    try:
        status = entry.stat()
    except OSError:  # renamed meanwhile
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
