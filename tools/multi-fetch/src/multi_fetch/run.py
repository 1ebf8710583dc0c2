"""One run of the command: a list of URLs in, a report of each line out, and what it came to."""

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolroll_shared.files import AtomicFile
from toolroll_shared.logs import Log

from .engine import Fetcher
from .feed import Entry, Feed
from .jobs import Limits, Method
from .lines import Lines
from .naming import file_name, key_of, temporary_name
from .out import Out
from .records import Outcome, encoded, readable, record
from .sinks import FileSink, HashSink, Sink
from .tally import Tally

if TYPE_CHECKING:
    from .previous import Previous


LAST_WORDS_S = 1.0
"""How long nobody may read, once we are to stop and the grace is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one run is asked to do.

    Attributes:
        limits: what it never exceeds.
        ndjson: print records, not readable lines.
        method: of all requests.
        headers: of all requests.
        output_dir: where bodies are saved, or None to throw them away.
        sha256: hash them.
        durable: wait until the disk has each saved body before it gets its name.
        resume: an earlier run's records, or None.
        grace: seconds that what is in flight gets after the first Ctrl+C.
    """

    limits: Limits
    ndjson: bool = False
    method: Method = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    output_dir: Path | None = None
    sha256: bool = False
    durable: bool = False
    resume: Path | None = None
    grace: float = 5.0


class Stopper:
    """What the first Ctrl+C does: it starts nothing more, and gives the rest some grace.

    Attributes:
        asked: whether it came.
    """

    def __init__(self, grace: float) -> None:
        self.asked = False
        self._grace = grace
        self._stop: Callable[[], None] | None = None

    def watch(self, fetcher: Fetcher, out: Out) -> None:
        """Stop this one when the time comes, from the task that takes its results."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None  # noqa: S101 - we are in it

        def look(written: int) -> None:
            if out.is_waiting and out.written == written:  # nobody reads, and nobody will
                task.cancel()
            else:
                loop.call_later(LAST_WORDS_S, look, out.written)

        def stop() -> None:
            fetcher.stop(self._grace)
            loop.call_later(self._grace, look, -1)

        self._stop = stop
        if self.asked:
            stop()

    def __call__(self) -> None:
        """Stop."""
        self.asked = True
        if self._stop is not None:
            self._stop()


async def fetch_lines(
    options: Options, lines: Lines, out: Out, tally: Tally, stopper: Stopper, *, log: Log
) -> None:
    """Fetch what the lines name, and report each of them.

    Args:
        options: how.
        lines: what.
        out: where the reports go.
        tally: counts them.
        stopper: is given the fetcher to stop.
        log: gets a record for each fetch.

    Raises:
        UsageError: the list, or the earlier run's records, cannot be read.
        CorruptStore: the earlier run's records are none.
    """
    out.begin()
    report = _Report(out, tally, log, options)
    with _previous(options) as previous:
        feed = Feed(
            lines,
            report,
            sink_for=_sinks(options),
            headers=options.headers,
            method=options.method,
            done_before=(lambda _url: None) if previous is None else previous.record_of,
        )
        async with Fetcher(options.limits) as fetcher:
            stopper.watch(fetcher, out)
            async for result in fetcher.fetch(feed.jobs()):
                await feed.finished(result)
        if stopper.asked:
            await feed.cancel_rest()


def _previous(options: Options) -> "AbstractContextManager[Previous | None]":
    if options.resume is None:
        return nullcontext()
    from .previous import Previous  # noqa: PLC0415 - SQLite, for those who need it

    folder = options.output_dir
    return Previous(
        options.resume,
        method=options.method,
        sha256=options.sha256,
        path_of=None if folder is None else lambda url: folder / file_name(url),
    )


def _sinks(options: Options) -> Callable[[str], Sink]:
    """Return what makes the sink for a URL."""
    folder, process, numbers = options.output_dir, os.getpid(), count()
    if folder is None:
        return (lambda _url: HashSink()) if options.sha256 else (lambda _url: Sink())

    def file_sink(url: str) -> Sink:
        name = file_name(url)
        return FileSink(
            folder / name,
            temporary=folder / temporary_name(name, process, next(numbers)),
            resume=True,
            durable=options.durable,
            hashing=options.sha256,
        )

    return file_sink


class _Report:
    """Prints, counts and logs what became of each line."""

    def __init__(self, out: Out, tally: Tally, log: Log, options: Options) -> None:
        self._out = out
        self._tally = tally
        self._log = log
        self._ndjson = options.ndjson
        self._method = options.method

    async def fetched(self, entry: Entry, outcome: Outcome) -> None:
        await self._out.line(self._text(entry.index, entry, outcome))
        self._tally.add(outcome)
        if self._log.is_on:
            self._record(entry, outcome)

    def _record(self, entry: Entry, outcome: Outcome) -> None:
        self._log.record(
            "fetch",
            entry.shown,
            duration_s=outcome.ms / 1000,
            ok=outcome.kind is None,
            status=outcome.status,
            bytes=outcome.bytes,
            attempts=outcome.attempts,
            error=outcome.kind,
        )

    async def duplicate(self, index: int, entry: Entry, outcome: Outcome) -> None:
        await self._out.line(self._text(index, entry, outcome, duplicate_of=entry.index))
        self._tally.add(outcome, duplicate=True)

    async def resumed(self, index: int, shown: str, record: dict[str, Any]) -> None:
        outcome = Outcome.of_record(record)
        if self._ndjson:
            mine = {"index": index, "duplicate_of": None, "resumed": True}
            await self._out.line(encoded({**record, **mine}))
        else:
            await self._out.line(readable(shown, outcome, note="done before"))
        self._tally.add(outcome, resumed=True)

    def _text(
        self, index: int, entry: Entry, outcome: Outcome, *, duplicate_of: int | None = None
    ) -> str:
        if not self._ndjson:
            note = "" if duplicate_of is None else f"as line {duplicate_of}"
            return readable(entry.shown, outcome, note=note)
        key = None if entry.shown == entry.url else key_of(entry.url)
        return record(
            index, entry.shown, outcome, method=self._method, key=key, duplicate_of=duplicate_of
        )


def write_summary(path: Path, tally: Tally, duration_s: float) -> None:
    """Write the summary as JSON into a file, which appears whole, or through a pipe.

    Raises:
        OSError: it cannot be written.
    """
    text = json.dumps(tally.as_json(duration_s), indent=2) + "\n"
    if path.exists() and not path.is_file():  # a pipe, or /dev/null: nothing to be replaced
        path.write_text(text)
        return
    with AtomicFile(path, temporary=path.with_name(f".{path.name}-{os.getpid()}.part")) as file:
        file.write(text.encode())
        file.commit()
