"""From lines to jobs, and from results back to lines: each line is reported exactly once."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol

from toolroll_shared.secrets import Secrets, login_in

from .headers import secrets_sent
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


class LineJob(Job[Sink]):
    """A job that knows which line it is for."""

    __slots__ = ("entry",)

    def __init__(
        self, url: str, sink: Sink, headers: Mapping[str, str], method: Method, entry: Entry
    ) -> None:
        self.url, self.sink, self.headers, self.method = url, sink, headers, method
        self.entry = entry


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
        self._sent = secrets_sent(headers)
        self._method = method
        self._done_before = done_before
        self._window: OrderedDict[str, Entry] = OrderedDict()  # a dict is slow to find its first
        self._followers = 0
        self._room = asyncio.Event()
        self._room.set()

    async def jobs(self) -> AsyncIterator[LineJob]:
        """Yield a job for each line that needs one, as it is wanted."""
        while True:
            if self._followers >= WINDOW:
                await self._room.wait()
            line = self._lines.pop() or await self._lines.next()
            if line is None:
                return
            job = self._new(line)
            if isinstance(job, LineJob):
                yield job
                continue
            try:
                await self._report(line, job)
            except asyncio.CancelledError:  # a stop, while its report waited for a reader
                self._lines.put_back(line)
                raise

    async def finished(self, result: Result[Sink]) -> None:
        """Report the line that a job was for, and all that waited for the same URL."""
        assert isinstance(result.job, LineJob)  # noqa: S101 - there are no others
        entry = result.job.entry
        final, shown = result.final_url, entry.shown
        if final is not None and final != entry.url:
            shown = self._shown_elsewhere(entry, final)
        outcome = entry.outcome = outcome_of(result, None if final is None else shown)
        await self._reporter.fetched(entry, outcome)
        followers, entry.followers = entry.followers, []
        for index in followers:
            await self._reporter.duplicate(index, entry, outcome)
        if followers:
            self._followers -= len(followers)
            self._room.set()

    def _shown_elsewhere(self, entry: Entry, final: str) -> str:
        """Return where a redirect led, as it may be shown: a server may write there what we sent.

        That would be our headers, and the user and password of the URL.
        """
        secrets = Secrets([*self._sent, *login_in(entry.url)])
        return shown_url(secrets.taken_from(final))

    async def cancel_rest(self) -> None:
        """Report the lines that were not reached, as far as they need not be waited for."""
        while (line := await self._lines.next_at_hand()) is not None:
            job = self._new(line)
            if isinstance(job, LineJob):
                del self._window[job.url]
                await self._reporter.fetched(job.entry, failure("cancelled", "cancelled"))
            else:
                await self._report(line, job)

    def _new(self, line: Line) -> LineJob | dict[str, Any] | None:
        """Return the job for a line; or an earlier run's record, or None: nothing to fetch."""
        url = line.url
        if url is None or url in self._window:
            return None
        if (record := self._done_before(url)) is not None:
            return record
        entry = Entry(line.number, url, shown_url(url))
        if len(self._window) >= WINDOW:
            self._window.popitem(last=False)
        self._window[url] = entry
        return LineJob(url, self._sink_for(url), self._headers, self._method, entry)

    async def _report(self, line: Line, record: dict[str, Any] | None) -> None:
        """Report a line for which nothing has to be fetched, or remember to do so."""
        if line.url is None:
            entry = Entry(line.number, "", "")
            message = f"the line is longer than {MAX_LINE} bytes"
            await self._reporter.fetched(entry, failure("url", message))
        elif record is not None:
            await self._reporter.resumed(line.number, shown_url(line.url), record)
        elif (known := self._window[line.url]).outcome is not None:
            await self._reporter.duplicate(line.number, known, known.outcome)
        else:
            known.followers.append(line.number)
            self._followers += 1
            if self._followers >= WINDOW:
                self._room.clear()
