"""How far the downloads are: bars on a terminal, a line now and then in CI, else nothing.

All of it goes to stderr. Downloads tell of themselves from several threads.
"""

import time
from collections.abc import Callable
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from toolroll_shared.output import human_size, printable

from .report import counted

if TYPE_CHECKING:
    from rich.progress import TaskID

PLAIN_EVERY_S = 15.0
"""Between two plain lines: a log of an hour stays readable."""

LARGE = 4 * 1000 * 1000
"""Bytes of a file from which on it has a bar of its own: others are gone too soon."""


class Watcher(Protocol):
    """Somebody who watches the downloads, as a context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def begin(self, files: int, total: int) -> None:
        """Downloads begin: how many files, and their bytes in all."""

    def advance(self, name: str, size: int | None, count: int) -> None:
        """Bytes of a file arrived, or (below 0) were lost to a failed attempt."""

    def end(self, name: str) -> None:
        """A file is here, or has failed for good."""


class Nobody:
    """Nobody watches: a cron job."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass

    def begin(self, files: int, total: int) -> None:
        """Show nothing."""

    def advance(self, name: str, size: int | None, count: int) -> None:
        """Show nothing."""

    def end(self, name: str) -> None:
        """Show nothing."""


class Lines(Nobody):
    """Says how far it is, every so often.

    Args:
        say: takes a line.
        every: seconds between two.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        *,
        every: float = PLAIN_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._every = every
        self._clock = clock
        self._lock = Lock()
        self._files = self._ended = self._total = self._bytes = 0
        self._began = self._said = clock()

    def begin(self, files: int, total: int) -> None:
        """Count them in."""
        with self._lock:
            if not self._files:
                self._began = self._said = self._clock()
            self._files += files
            self._total += total

    def advance(self, name: str, size: int | None, count: int) -> None:
        """Count bytes, and speak if it is time to."""
        del name, size
        with self._lock:
            self._bytes += count
            now = self._clock()
            if now - self._said < self._every:
                return
            self._said = now
            rate = human_size(round(self._bytes / (now - self._began)))
            line = (
                f"{self._ended:,} of {counted(self._files)}, {human_size(max(0, self._bytes))} of "
                f"{human_size(self._total)}, {rate}/s"
            )
        self._say(line)

    def end(self, name: str) -> None:
        """Count a file."""
        del name
        with self._lock:
            self._ended += 1


class Bars(Nobody):
    """A bar for all downloads and one for each large file; what else is written is above them."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.table import Column  # noqa: PLC0415

        self._progress = Progress(
            TextColumn(
                "{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=1)
            ),
            BarColumn(bar_width=20),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            expand=True,
        )
        self._lock = Lock()
        self._files = self._ended = self._total = 0
        self._all = self._progress.add_task("", total=None, visible=False)
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def begin(self, files: int, total: int) -> None:
        """Show the bar of all for so many files and bytes more."""
        self._files += files
        self._total += total
        self._show_all()

    def advance(self, name: str, size: int | None, count: int) -> None:
        """Move the bars."""
        self._progress.advance(self._all, count)
        if size is None or size < LARGE:
            return
        with self._lock:
            bar = self._bars.get(name)
            if bar is None:
                shown = printable(name.partition("/")[2].partition("/")[2] or name)
                bar = self._progress.add_task(shown, total=size)
                self._bars[name] = bar
        self._progress.advance(bar, count)

    def end(self, name: str) -> None:
        """Take a file's bar away."""
        self._ended += 1
        self._show_all()
        with self._lock:
            bar = self._bars.pop(name, None)
        if bar is not None:
            self._progress.remove_task(bar)

    def _show_all(self) -> None:
        done = f"{self._ended:,} of {counted(self._files)}"
        self._progress.update(self._all, description=done, total=self._total, visible=True)
