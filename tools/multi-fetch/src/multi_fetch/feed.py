"""From lines to jobs, and from results back to lines: each line is reported exactly once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from .jobs import Job, Method, Result
from .lines import MAX_LINE, Line, Lines
from .records import Outcome, failure, outcome_of
from .shown import shown_url
from .sinks import Sink

WINDOW = 10_000
"""URLs that are remembered: one that comes again within so many others is not fetched again."""


class Entry:
    """A URL that is being fetched, or was."""

    __slots__ = ("followers", "index", "outcome", "shown", "url")

    def __init__(self, index: int, url: str, shown: str) -> None:
        self.index = index
        self.url = url
        self.shown = shown
        self.outcome: Outcome | None = None
        self.followers: list[int] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class LineJob(Job[Sink]):
    """A job that knows which line it is for."""

    entry: Entry


class Reporter(Protocol):
    """Who is told what became of each line."""

    async def fetched(self, entry: Entry, outcome: Outcome) -> None:
        """Hear of a line whose URL was fetched, or could not be."""

    async def duplicate(self, index: int, entry: Entry, outcome: Outcome) -> None:
        """Hear of a line whose URL was fetched for another one."""

    async def resumed(self, index: int, shown: str, record: dict[str, Any]) -> None:
        """Hear of a line that an earlier run has done, with its record of then."""


class Feed:
    """Turns lines into jobs and results into reports.

    Args:
        lines: where the URLs come from.
        reporter: told of each line, once.
        sink_for: makes the sink for a URL's body.
        headers: of every request.
        method: of every request.
        done_before: returns an earlier run's record of a URL that need not be fetched again.
    """

    def __init__(
        self,
        lines: Lines,
        reporter: Reporter,
        *,
        sink_for: Callable[[str], Sink],
        headers: Mapping[str, str],
        method: Method,
        done_before: Callable[[str], dict[str, Any] | None] = lambda _url: None,
    ) -> None:
        self._lines = lines
        self._reporter = reporter
        self._sink_for = sink_for
        self._headers = headers
        self._method = method
        self._done_before = done_before
        self._window: dict[str, Entry] = {}
        self._followers = 0
        self._room = asyncio.Event()
        self._room.set()

    async def jobs(self) -> AsyncIterator[LineJob]:
        """Yield a job for each line that needs one, as it is wanted."""
        while True:
            await self._room.wait()
            line = await self._lines.next()
            if line is None:
                return
            try:
                job = await self._job_for(line)
            except asyncio.CancelledError:  # a stop, while its report waited for a reader
                self._lines.put_back(line)
                raise
            if job is not None:
                yield job

    async def finished(self, result: Result[Sink]) -> None:
        """Report the line that a job was for, and all that waited for the same URL."""
        assert isinstance(result.job, LineJob)  # noqa: S101 - there are no others
        entry = result.job.entry
        final = result.final_url
        shown = entry.shown if final is None or final == entry.url else shown_url(final)
        outcome = entry.outcome = outcome_of(result, None if final is None else shown)
        await self._reporter.fetched(entry, outcome)
        followers, entry.followers = entry.followers, []
        for index in followers:
            await self._reporter.duplicate(index, entry, outcome)
        if followers:
            self._followers -= len(followers)
            self._room.set()

    async def cancel_rest(self) -> None:
        """Report the lines that were not reached, as far as they need not be waited for."""
        while (line := await self._lines.next_at_hand()) is not None:
            job = await self._job_for(line)
            if job is not None:
                self._window.pop(job.entry.url, None)
                await self._reporter.fetched(job.entry, failure("cancelled", "cancelled"))

    async def _job_for(self, line: Line) -> LineJob | None:
        """Return the job for a line, or None where there is nothing to fetch for it."""
        if line.url is None:
            entry = Entry(line.number, "", "")
            message = f"the line is longer than {MAX_LINE} bytes"
            await self._reporter.fetched(entry, failure("url", message))
            return None
        url = line.url
        known = self._window.get(url)
        if known is None:
            return await self._new(line.number, url)
        if known.outcome is not None:
            await self._reporter.duplicate(line.number, known, known.outcome)
            return None
        known.followers.append(line.number)
        self._followers += 1
        if self._followers >= WINDOW:
            self._room.clear()
        return None

    async def _new(self, index: int, url: str) -> LineJob | None:
        record = self._done_before(url)
        shown = shown_url(url)
        if record is not None:
            await self._reporter.resumed(index, shown, record)
            return None
        entry = Entry(index, url, shown)
        if len(self._window) >= WINDOW:
            del self._window[next(iter(self._window))]
        self._window[url] = entry
        return LineJob(
            url=url,
            sink=self._sink_for(url),
            headers=self._headers,
            method=self._method,
            entry=entry,
        )
