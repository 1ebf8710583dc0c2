"""Carrying out a plan: downloads through multi_fetch's engine, and the manifest's records."""

import math
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from gh_releases import ClientOptions, download_request
from multi_fetch import FetchError, FileSink, Job, Limits, Result
from toolroll_shared.errors import Refused
from toolroll_shared.logs import Log
from toolroll_shared.retry import Backoff

from .manifest import Manifest
from .plan import Action, FileRecord, OnDisk, Wanted, sha256_of
from .report import Report

DOWNLOAD_TIMEOUT_S = 6 * 3600.0
"""For one attempt at one asset: the largest, 2 GiB, at 100 kB/s; silence ends it much earlier."""

TEMPORARY_GLOB = "*/.toolroll-*.part"
"""Our temporary files in the tags' folders of a repository; `safe_name` never makes such."""


class Progress(Protocol):
    """Somebody who watches the downloads."""

    def begin(self, files: int, total: int) -> None:
        """Downloads begin: how many files, and their bytes in all."""

    def advance(self, count: int) -> None:
        """Bytes arrived, or (below 0) were lost to a failed attempt. Called from threads."""


class AssetSink(FileSink):
    """A file sink that knows which asset it is for."""

    def __init__(self, action: Action, dest: Path, *, progress: Callable[[int], None]) -> None:
        wanted, expected = action.wanted, action.expected_sha256
        path = dest / wanted.path
        super().__init__(
            path,
            temporary=path.with_name(f".toolroll-{sha256(path.name.encode()).hexdigest()}.part"),
            size=wanted.asset.size,
            sha256=expected,
            progress=progress,
        )
        self.wanted = wanted


class Transfer:
    """Carries out one plan in DEST."""

    def __init__(
        self,
        dest: Path,
        manifest: Manifest,
        report: Report,
        *,
        notify: Callable[[str], None],
        progress: Progress,
        log: Log,
    ) -> None:
        self._dest = dest
        self._manifest = manifest
        self._report = report
        self._notify = notify
        self._progress = progress
        self._log = log

    async def carry_out(
        self, actions: Sequence[Action], client: ClientOptions, *, concurrency: int
    ) -> None:
        """Do what the plan says, and report it."""
        fetched = []
        for action in actions:
            if action.kind == "fetch":
                fetched.append(action)
            else:
                self._settle(action)
        if fetched:
            self._progress.begin(len(fetched), sum(item.wanted.asset.size for item in fetched))
            await self._download(fetched, client, concurrency=concurrency)

    def _settle(self, action: Action) -> None:
        """Report an asset that is not downloaded, recording it if it is here."""
        if action.kind == "refuse":
            self._fail(action.wanted, action.reason)
            return
        self._report.skipped += 1
        if action.kind == "leave":
            self._notify(f"{_name(action.wanted)}: skipped: {action.reason}")
        elif action.adopted is not None:
            self._record(action.wanted, action.adopted)

    async def _download(
        self, actions: Sequence[Action], client: ClientOptions, *, concurrency: int
    ) -> None:
        from multi_fetch import Fetcher  # noqa: PLC0415 - a run that downloads nothing is quick

        limits = Limits(
            concurrency=min(concurrency, len(actions)),
            timeout=DOWNLOAD_TIMEOUT_S,
            idle_timeout=client.timeout,
            backoff=Backoff(tries=client.retries + 1, total=math.inf, longest=client.max_wait),
        )
        async with Fetcher(limits, before_wait=self._say_retry) as fetcher:
            async for result in fetcher.fetch(self._jobs(actions, client)):
                self._finished(result)

    def _jobs(self, actions: Sequence[Action], client: ClientOptions) -> Iterator[Job[AssetSink]]:
        for action in actions:
            try:
                url, headers = download_request(action.wanted.asset, client)
            except Refused as error:
                self._fail(action.wanted, str(error))
            else:
                sink = AssetSink(action, self._dest, progress=self._progress.advance)
                yield Job(url=url, headers=headers, sink=sink)

    def _say_retry(self, job: Job[AssetSink], error: FetchError, seconds: float) -> None:
        self._notify(f"{_name(job.sink.wanted)}: {error}; trying again in {seconds:.1f} s")

    def _finished(self, result: Result[AssetSink]) -> None:
        sink = result.job.sink
        self._log.record(
            "asset",
            _name(sink.wanted),
            duration_s=result.duration_s,
            ok=result.error is None,
            bytes=result.bytes,
            status=result.status,
            attempts=result.attempts,
            error=None if result.error is None else result.error.kind,
        )
        if result.error is not None:
            tries = f" (after {result.attempts} tries)" if result.attempts > 1 else ""
            self._fail(sink.wanted, f"{result.error}{tries}")
            return
        assert sink.status is not None  # noqa: S101 - there is no error
        stored = OnDisk(
            regular=True,
            size=sink.status.st_size,
            mtime_ns=sink.status.st_mtime_ns,
            sha256=sink.digest,
        )
        self._record(sink.wanted, stored)
        self._report.downloaded += 1
        self._report.bytes += result.bytes

    def _record(self, wanted: Wanted, stored: OnDisk) -> None:
        assert stored.sha256 is not None  # noqa: S101 - it was hashed on its way
        self._manifest.record(
            FileRecord(
                path=wanted.path,
                asset_id=wanted.asset.id,
                size=stored.size,
                sha256=stored.sha256,
                mtime_ns=stored.mtime_ns,
                verified_by="digest" if sha256_of(wanted.asset) else "size",
            )
        )

    def _fail(self, wanted: Wanted, reason: str) -> None:
        self._notify(str(self._report.add_failure(wanted, reason)))


def _name(wanted: Wanted) -> str:
    return f"{wanted.repository}: {wanted.tag}/{wanted.asset.name}"
