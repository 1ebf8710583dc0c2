"""Logs that are followed over their rotations and restarts of ours, each record counted once.

What was counted, and how far, is kept together (see `state`); and only what is kept is shown, so
that no counter ever goes back. The reading is that of `logtools`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path

from .followed_log import FollowedLog
from .samples import accumulated, exposition
from .scratch import emptied, removed
from .state import State, load, save

SCRAPE_PATIENCE_S = 5.0
"""How long a scrape waits for what is new: Prometheus itself waits for 10 s."""


class Followed:
    """Logs, and what they have come to so far.

    Args:
        logs: their paths, absolute, each once.
        state: where it is kept.
        notify: told what a user should know.
        clock: monotonic seconds.

    Raises:
        CorruptStore: the state is none, or one of a later version.
        UsageError: it cannot be read.
        OSError: nothing can be written beside it.
    """

    def __init__(
        self,
        logs: Sequence[Path],
        state: Path,
        *,
        notify: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = state
        self._notify = notify
        self._turn = threading.Lock()
        self._is_ending = threading.Event()
        self._state = load(state)
        self._scratch = emptied(state.with_name(f".{state.name}.cursors"))
        self._logs = [
            FollowedLog(
                path,
                self._scratch / str(number),
                self._state.cursors.get(str(path)),
                is_ending=self._is_ending.is_set,
                notify=notify,
                clock=clock,
            )
            for number, path in enumerate(logs)
        ]
        self._trouble = ""
        self._text = exposition(self._state.samples)

    def close(self) -> None:
        """Break off what is counted now, and remove what is only of use while logs are followed."""
        self._is_ending.set()
        with self._turn:  # nothing of ours is written from here on: the next one may begin
            removed(self._scratch)

    @property
    def count(self) -> int:
        """How many logs they are."""
        return len(self._logs)

    @property
    def trouble(self) -> str:
        """What keeps us from counting now; nothing if all is well."""
        return next((log.trouble for log in self._logs if log.trouble), self._trouble)

    def text(self) -> str:
        """Count what is new, keep it, and return the metrics.

        Where much is new, and somebody else is about to count it, they are those from before.
        """
        self.refresh(within=SCRAPE_PATIENCE_S)
        return self._text

    def refresh(self, *, within: float = -1) -> None:
        """Count what is new, and keep it.

        Args:
            within: how long others that do so are waited for, in seconds; -1 is without end.
        """
        if not self._turn.acquire(timeout=within):
            return
        try:
            if not self._is_ending.is_set():
                self._count()
        finally:
            self._turn.release()

    def _count(self) -> None:
        news = [new for log in self._logs if (new := log.read())]
        if not news or self._is_ending.is_set():
            return
        samples = reduce(accumulated, (new.samples() for new in news), self._state.samples)
        ours = {str(log.path): log.reached for log in self._logs if log.reached is not None}
        state = State(samples, {**self._state.cursors, **ours})
        try:
            save(self._path, state)
        except OSError as error:
            self._tell(f"{self._path}: {error.strerror}: nothing new is counted")
            return
        self._trouble = ""
        self._state, self._text = state, exposition(samples)
        for log in self._logs:
            log.keep()

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self._notify(trouble)
