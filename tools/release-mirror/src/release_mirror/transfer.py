"""Carrying out a plan: downloads through multi_fetch's engine, and the manifest's records."""

import errno
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gh_releases import ClientOptions, download_request, download_wait
from multi_fetch import FetchError, FileSink, Held, Job, Limits, Refusal, Result
from toolroll_shared.errors import Refused
from toolroll_shared.logs import Log
from toolroll_shared.retry import Backoff
from toolroll_shared.sqlite import errors_of

from .links import link
from .manifest import MANIFEST_NAME, FileRecord, Manifest, Trust
from .parts import WORTH_KEEPING, make_safe, part_path, remove_note, write_note
from .places import Wanted
from .plan import Action, OnDisk, sha256_of
from .progress import Watcher
from .report import RepositoryReport
from .survey import Eyes

if TYPE_CHECKING:
    from multi_fetch import Fetcher

DOWNLOAD_TIMEOUT_S = 6 * 3600.0
"""For one attempt at one asset: the largest, 2 GiB, at 100 kB/s; silence ends it much earlier."""

RECORD_EVERY_S = 0.5
"""Between two writes to the manifest. What a crash leaves unrecorded is adopted by the next run."""

RECORD_AT_MOST = 100
"""Files recorded at once, so that there is little to adopt."""

_DISK_IS_UP = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
"""Every other file would fare the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much at once.

    Attributes:
        concurrency: downloads in flight.
        per_host: of these from one host; None is no limit of its own.
        rate: bytes per second, all together; None is no limit.
    """

    concurrency: int = 16
    per_host: int | None = None
    rate: float | None = None


class AssetSink(FileSink):
    """A file sink that knows its action, and leaves what arrived for a later run."""

    def __init__(self, action: Action, dest: Path, *, progress: Callable[[int], None]) -> None:
        path = dest / action.path
        super().__init__(
            path,
            temporary=part_path(path),
            size=action.wanted.size,
            sha256=action.expected_sha256,
            resume=True,
            held=None if action.part is None else Held(action.part.size, action.part.validator),
            keep=action.size >= WORTH_KEEPING,
            replace=action.replaces,
            progress=progress,
        )
        self.action = action
        self._dest = dest

    def begin(self, offset: int, validator: str | None) -> None:
        """Note what is about to arrive, so that even a killed run leaves something of use."""
        if not Eyes(self._dest).is_real(self.action.path.rpartition("/")[0]):
            raise OSError(errno.ELOOP, "is behind a link now", str(self.path))
        super().begin(offset, validator)
        if self.action.size >= WORTH_KEEPING and validator and not offset:
            write_note(self.path, self.action.wanted.asset_id, validator, safe=0)

    def finish(self) -> None:
        """Put the file in place."""
        super().finish()
        self._forget()

    def abort(self) -> None:
        """Make what arrived durable, if it is to be gone on with."""
        super().abort()
        if self.held is None:
            self._forget()
        elif self.action.size >= WORTH_KEEPING:
            safe, asset_id = make_safe(self.path), self.action.wanted.asset_id
            write_note(self.path, asset_id, self.held.validator, safe=safe)

    def _forget(self) -> None:
        if self.action.size >= WORTH_KEEPING:
            remove_note(self.path)


class Transfer:
    """Carries out plans in DEST.

    Args:
        dest: the mirror's folder.
        manifest: learns of each file in place.
        reports: of the repositories, by their names.
        client: how to ask for assets.
        pace: how much at once.
        notify: told one line for each thing that a person should know.
        watcher: told of the downloads.
        log: records each file that something was done about.
    """

    def __init__(  # noqa: PLR0913 - a call names them
        self,
        dest: Path,
        manifest: Manifest,
        reports: Mapping[str, RepositoryReport],
        client: ClientOptions,
        *,
        pace: Pace,
        notify: Callable[[str], None],
        watcher: Watcher,
        log: Log,
    ) -> None:
        self._dest = dest
        self._manifest = manifest
        self._reports = reports
        self._client = client
        self._pace = pace
        self._notify = notify
        self._watcher = watcher
        self._log = log
        self._fetcher: Fetcher | None = None
        self._pending: list[FileRecord] = []
        self._recorded_at = time.monotonic()
        self._stopped_by: str | None = None
        self._throttled = self.interrupted = False

    def interrupt(self) -> None:
        """Start nothing more, and end what is in flight; what has arrived of it is kept."""
        self.interrupted = True
        if self._fetcher is not None:
            self._fetcher.stop(0.0)

    async def carry_out(self, actions: Sequence[Action]) -> None:
        """Do what a plan says, and report it.

        Raises:
            ToolError: the manifest cannot be written.
        """
        try:
            downloads = []
            for action in map(self._try_link, actions):
                if action.downloads:
                    downloads.append(action)
                else:
                    self._settle(action)
            if downloads and not self.interrupted:
                await self._download(downloads)
        finally:
            self._flush()

    def _try_link(self, action: Action) -> Action:
        """Give a file another name, as an action says; return what there is to do instead."""
        if action.source is None:
            return action
        try:
            status = link(self._dest, action.source, action.path)
        except OSError:  # gone or changed meanwhile, or a file system without links
            return replace(action, kind="fetch", downloads=True, source=None)
        stored = OnDisk(
            size=status.st_size, mtime_ns=status.st_mtime_ns, sha256=action.source.sha256
        )
        return replace(action, adopted=stored)

    def _settle(self, action: Action) -> None:
        """Report a file that is not downloaded, recording it if it is here."""
        wanted, report = action.wanted, self._reports[action.wanted.repository]
        if action.kind == "keep":
            report.skipped += 1
            return
        failed = action.kind in {"refuse", "replaced"}
        self._log.record(
            "asset", str(wanted), duration_s=0.0, ok=not failed, outcome=action.kind,
            reason=action.reason,
        )  # fmt: skip
        if failed:
            report.replaced += action.kind == "replaced"
            self._fail(wanted, action.reason)
            if action.adopted is not None:
                self._record(action, action.adopted)
        elif action.kind == "gone":
            report.gone += 1
        else:
            report.skipped += 1
            if wanted.state != "uploaded":
                self._notify(f"{wanted}: skipped: {action.reason}")
            elif action.adopted is not None:
                self._record(action, action.adopted)

    async def _download(self, actions: Sequence[Action]) -> None:
        """Download files; one that was gone on with and came out wrong is begun anew."""
        from multi_fetch import Fetcher  # noqa: PLC0415 - a run that downloads nothing is quick

        self._watcher.begin(len(actions), sum(action.size for action in actions))
        limits = Limits(
            concurrency=min(self._pace.concurrency, len(actions)),
            per_host=self._pace.per_host,
            rate=self._pace.rate,
            timeout=DOWNLOAD_TIMEOUT_S,
            idle_timeout=self._client.timeout,
            backoff=Backoff(
                tries=self._client.retries + 1, total=math.inf, longest=self._client.max_wait
            ),
        )
        async with Fetcher(
            limits, before_wait=self._say_retry, after_refusal=_after_refusal
        ) as fetcher:
            self._fetcher = fetcher
            try:
                while actions:
                    actions = [
                        replace(result.job.sink.action, part=None)
                        async for result in fetcher.fetch(self._jobs(actions))
                        if not self._finished(result)
                    ]
            finally:
                self._fetcher = None

    def _jobs(self, actions: Sequence[Action]) -> Iterator[Job[AssetSink]]:
        """Yield a job for each action, as long as nothing says that all further ones would fail."""
        for action in actions:
            wanted = action.wanted
            if self.interrupted:
                return
            if self._stopped_by is not None:
                reason = f"not tried after that: {self._stopped_by}"
                self._fail(wanted, reason, throttled=self._throttled, aloud=False)
                self._record_untried(wanted, "not_tried", reason)
                continue
            try:
                url, headers = download_request(wanted, self._client)
            except Refused as error:
                self._fail(wanted, str(error))
                self._record_untried(wanted, "failed", str(error))
                continue
            if wanted.kind != "asset" and headers:
                headers["Accept"] = "application/vnd.github+json"  # of archives, else 415
            watch = partial(self._watcher.advance, wanted.path, wanted.size)
            yield Job(url=url, headers=headers, sink=AssetSink(action, self._dest, progress=watch))

    def _record_untried(self, wanted: Wanted, outcome: str, reason: str) -> None:
        self._log.record(
            "asset", str(wanted), duration_s=0.0, ok=False, outcome=outcome, error=reason
        )

    def _say_retry(self, job: Job[AssetSink], error: FetchError, seconds: float) -> None:
        self._notify(f"{job.sink.action.wanted}: {error}; trying again in {seconds:.1f} s")

    def _finished(self, result: Result[AssetSink]) -> bool:
        """Take a result, and tell whether it is final."""
        sink, error = result.job.sink, result.error
        action, wanted = sink.action, sink.action.wanted
        if self._is_spoilt(action, error):
            self._notify(f"{wanted}: {error}; what an earlier run left is of no use")
            return False
        self._watcher.end(wanted.path)
        got = "replaced" if action.kind == "replaced" else "downloaded"
        self._log.record(
            "asset",
            str(wanted),
            duration_s=result.duration_s,
            ok=error is None,
            outcome="failed" if error else got,
            bytes=result.bytes,
            status=result.status,
            attempts=result.attempts,
            error=None if error is None else error.kind,
        )
        if error is not None and error.kind == "cancelled" and self.interrupted:
            return True
        if error is None:
            self._downloaded(action, sink, result.bytes)
        else:
            self._failed(wanted, error, result.attempts)
        return True

    def _is_spoilt(self, action: Action, error: FetchError | None) -> bool:
        """Tell whether a download failed that went on with what an earlier run had left."""
        return (
            error is not None
            and error.kind == "body"
            and action.part is not None
            and not isinstance(error.__cause__, OSError)
            and not self.interrupted
        )

    def _downloaded(self, action: Action, sink: AssetSink, size: int) -> None:
        assert sink.status is not None  # noqa: S101 - there is no error
        stored = OnDisk(
            size=sink.status.st_size, mtime_ns=sink.status.st_mtime_ns, sha256=sink.digest
        )
        report = self._reports[action.wanted.repository]
        report.downloaded += 1
        report.bytes += size
        if action.kind == "replaced":
            report.replaced += 1
            self._notify(f"{action.wanted}: {action.reason}")
        self._record(action, stored)

    def _failed(self, wanted: Wanted, error: FetchError, attempts: int) -> None:
        tries = f" (after {attempts} tries)" if attempts > 1 else ""
        if error.kind == "cancelled":
            tries = f": not tried after that: {self._stopped_by}"
        throttled = error.throttling or (error.kind == "cancelled" and self._throttled)
        if throttled and error.after is not None and error.after > self._client.max_wait:
            tries += f"; it asks for {error.after:.0f} s, more than --max-wait"
        self._fail(wanted, f"{error}{tries}", throttled=throttled, aloud=error.kind != "cancelled")
        cause = error.__cause__
        if error.throttling:
            self._stop(str(error), throttled=True)
        elif isinstance(cause, OSError) and cause.errno in _DISK_IS_UP:
            self._stop(cause.strerror or str(cause))

    def _stop(self, why: str, *, throttled: bool = False) -> None:
        """Begin nothing more; what is in flight goes on."""
        if self._stopped_by is None:
            self._stopped_by, self._throttled = why, throttled
            self._notify(f"{why}: nothing more is begun")

    def _record(self, action: Action, stored: OnDisk) -> None:
        """Have the manifest learn of a file, soon."""
        assert stored.sha256 is not None  # noqa: S101 - it was hashed on its way
        wanted = action.wanted
        self._pending.append(
            FileRecord(
                path=action.path,
                release_id=wanted.release_id,
                asset_id=wanted.asset_id,
                kind=wanted.kind,
                size=stored.size,
                sha256=stored.sha256,
                mtime_ns=stored.mtime_ns,
                verified_by=_trust(action),
                published_sha256=action.published_sha256,
            )
        )
        is_due = time.monotonic() - self._recorded_at >= RECORD_EVERY_S
        if is_due or len(self._pending) >= RECORD_AT_MOST:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            with errors_of(self._dest / MANIFEST_NAME):
                self._manifest.record(self._pending)
            self._pending = []
        self._recorded_at = time.monotonic()

    def _fail(
        self, wanted: Wanted, reason: str, *, throttled: bool = False, aloud: bool = True
    ) -> None:
        failure = self._reports[wanted.repository].fail(wanted, reason, throttled=throttled)
        if aloud:
            self._notify(str(failure))


def _after_refusal(_job: Job[AssetSink], refusal: Refusal) -> float | None:
    return download_wait(
        refusal.status, refusal.headers, refusal.text, redirected=refusal.redirected
    )


def _trust(action: Action) -> Trust:
    if action.wanted.kind != "asset":
        return "nothing"
    if sha256_of(action.wanted.digest) is not None:
        return "digest"
    return "size" if action.published_sha256 is None else "published"
