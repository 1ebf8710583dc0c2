"""Logs that are followed over their rotations and restarts of ours, each record counted once.

What was counted, and how far, is kept together in one file that is replaced as a whole; and only
what is kept is shown, so that no counter ever goes back. The reading is that of `logtools`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from shutil import rmtree
from typing import Any

from logtools import resume
from toolroll_shared.errors import CorruptStore, ToolError, UsageError
from toolroll_shared.files import AtomicFile

from .metrics import Metrics
from .records import Lines, record_of
from .samples import Foreign, Samples, accumulated, exposition, parsed

FORMAT = "observe-state"
VERSION = 1

MAX_STATE_BYTES = 64 * 1024 * 1024
"""Of a state; ours have some kilobytes."""

LATE_S = 30.0
"""Seconds after which a log that seems unchanged is read all the same: an older file may grow."""


class Followed:
    """Logs, and what they have come to so far.

    Args:
        logs: their paths.
        state: where it is kept.
        notify: told what a user should know.
        clock: monotonic seconds.

    Raises:
        CorruptStore: the state is none, or one of a later version.
        UsageError: it cannot be read.
    """

    def __init__(
        self,
        logs: Sequence[Path],
        state: Path,
        *,
        notify: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = state
        self._notify = notify
        self._turn = threading.Lock()
        self._samples, cursors = _load(state)
        self._folder = _emptied(state.with_name(f"{state.name}.d"))
        self._logs = [
            _Log(path.absolute(), self._folder / str(number), clock, notify)
            for number, path in enumerate(logs)
        ]
        for log in self._logs:
            log.restore(cursors.get(str(log.path)))
        self._others = {key: one for key, one in cursors.items() if key not in self._names()}
        self._trouble = ""
        self._text = exposition(self._samples)

    def close(self) -> None:
        """Remove what is only of use while logs are followed."""
        rmtree(self._folder, ignore_errors=True)

    def _names(self) -> set[str]:
        return {str(log.path) for log in self._logs}

    @property
    def trouble(self) -> str:
        """What keeps us from counting now; nothing if all is well."""
        return next((log.trouble for log in self._logs if log.trouble), self._trouble)

    def text(self) -> str:
        """Count what is new, keep it, and return the metrics."""
        self.refresh()
        return self._text

    def refresh(self) -> None:
        """Count what is new, and keep it."""
        with self._turn:
            cursors = {str(log.path): log.cursor() for log in self._logs}
            news = [new for log in self._logs if (new := log.read())]
            if not news:
                return
            samples = reduce(accumulated, (new.samples() for new in news), self._samples)
            try:
                self._save(samples)
            except OSError as error:
                for log in self._logs:
                    log.restore(cursors[str(log.path)])
                self._tell(f"{self._state}: {error.strerror}: nothing new is counted")
                return
            self._trouble = ""
            self._samples, self._text = samples, exposition(samples)

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._notify(trouble)

    def _save(self, samples: Samples) -> None:
        cursors = {str(log.path): log.cursor() for log in self._logs}
        state = {
            "format": FORMAT,
            "version": VERSION,
            "cursors": {**self._others, **cursors},
            "metrics": exposition(samples),
        }
        temporary = self._state.with_name(f"{self._state.name}.tmp")
        with AtomicFile(self._state, temporary=temporary) as file:
            file.write(json.dumps(state, indent=1).encode() + b"\n")
            file.commit()


class _Log:
    """One of the logs."""

    def __init__(
        self,
        path: Path,
        cursor: Path,
        clock: Callable[[], float],
        notify: Callable[[str], None],
    ) -> None:
        self.path = path
        self.trouble = ""
        self._cursor = cursor
        self._clock = clock
        self._notify = notify
        self._seen: object = None
        self._read_at = -LATE_S

    def cursor(self) -> str | None:
        """Return how far it is read, as `logtools` writes it."""
        return self._cursor.read_text() if self._cursor.exists() else None

    def restore(self, cursor: str | None) -> None:
        """Go back to where a cursor was."""
        self._seen = None
        if cursor is None:
            self._cursor.unlink(missing_ok=True)
        else:
            self._cursor.write_text(cursor)

    def read(self) -> Metrics | None:
        """Return what is new, counted; None if there is nothing."""
        seen = self._look()
        if seen == self._seen and self._clock() - self._read_at < LATE_S:
            return None
        lines, before, metrics = Lines(), self.cursor(), Metrics()

        def take(piece: bytes | bytearray | memoryview) -> None:
            for line in lines.split(piece):
                if line:
                    metrics.take(record_of(line))

        try:
            resume(str(self.path), str(self._cursor), emit=take, flush=bool, say=self._notify)
        except (ToolError, OSError) as error:
            self._tell(str(error))
            return None
        self._tell("")
        self._seen, self._read_at = seen, self._clock()
        return metrics if self.cursor() != before else None

    def _look(self) -> object:
        try:
            status = self.path.stat()
        except OSError as error:
            return error.errno
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self.trouble:
            self._notify(f"{trouble}; waiting for it")
        self.trouble = trouble


def _emptied(folder: Path) -> Path:
    """Return a folder without what a process that was killed has left there."""
    rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def _load(path: Path) -> tuple[Samples, dict[str, str]]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_STATE_BYTES + 1)
    except FileNotFoundError:
        return {}, {}
    except OSError as error:
        raise UsageError(f"--state {path}: {error.strerror}") from error
    try:
        return _parsed(json.loads(text))
    except (Foreign, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CorruptStore(
            f"{path}: not a state of this version: {error}; "
            "remove it to count from the logs' beginnings"
        ) from error


def _parsed(state: Any) -> tuple[Samples, dict[str, str]]:
    if state["format"] != FORMAT or state["version"] != VERSION:
        raise ValueError("it is another program's or version's")
    cursors = {str(path): str(one) for path, one in state["cursors"].items() if one is not None}
    return parsed(state["metrics"]), cursors
