"""A run of the mirror: learn what upstream has, survey, plan, act.

Everything is decided before anything is downloaded, but for what a release's own checksums
say: these come first, and then count. A file gets its final name when it is whole and checked,
and its record in the manifest soon after; a crash in between heals, as the next run finds the
file and adopts it.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from artifact_index import Outcome, sync_repository
from gh_releases import Client, ClientOptions
from toolroll_shared.errors import ToolError
from toolroll_shared.logs import NO_LOG, Log
from toolroll_shared.sqlite import errors_of

from .account import write_sums
from .lock import claimed
from .manifest import MANIFEST_NAME, Manifest, Mirrored, open_manifest
from .parts import parts_of, remove_leftovers
from .places import Wanted, wanted_files
from .plan import Action, OnDisk, OnReplaced, Situation, plan
from .progress import Nobody, Watcher
from .published import is_checksums
from .report import Report, RepositoryReport
from .rules import Rules
from .sayings import published_by
from .space import check_room, room_at
from .survey import Eyes, holders, survey
from .transfer import Pace, Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A repository to be mirrored, OWNER/REPO, and what of it."""

    repository: str
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to mirror, where to, and how.

    Attributes:
        targets: the repositories, each once, all on one server.
        dest: the mirror's folder.
        client: how to reach the API.
        pace: how much at once.
        on_replaced: what to do about an asset that was replaced upstream.
        only: nothing but what is at these paths, where others have seen what is there.
        adopting: record what is here and whole, and do nothing else.
    """

    targets: Sequence[Target]
    dest: Path
    client: ClientOptions
    pace: Pace = field(default_factory=Pace)
    on_replaced: OnReplaced = OnReplaced.REFUSE
    only: Mapping[str, OnDisk | None] | None = None
    adopting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What there is to do about one repository.

    Attributes:
        repository_id: GitHub's.
        report: what becomes of it.
        wanted: what the rules want.
        situation: what the plan was made from.
        actions: the plan.
        latest_id: of the release that upstream shows as its latest.
    """

    repository_id: int
    report: RepositoryReport
    wanted: Sequence[Wanted]
    situation: Situation
    actions: Sequence[Action]
    latest_id: int | None


class Run:
    """One run over all targets.

    Args:
        options: what, where and how.
        report: filled in as the work goes on, so that it holds after an interruption too.
        notify: told one line for each thing that a person should know.
        watcher: told of the downloads.
        log: records each request, each file that something was done about, each repository.
    """

    def __init__(
        self,
        options: Options,
        report: Report,
        *,
        notify: Callable[[str], None],
        watcher: Watcher | None = None,
        log: Log = NO_LOG,
    ) -> None:
        self._options = options
        self._report = report
        self._notify = notify
        self._watcher = watcher or Nobody()
        self._log = log
        self._started = time.monotonic()
        self._seen: set[int] = set()
        self._transfer: Transfer | None = None
        self._task: asyncio.Task[object] | None = None
        report.repositories = [
            RepositoryReport(repository=target.repository) for target in options.targets
        ]

    def interrupt(self) -> None:
        """End the run soon; what is in place or has arrived stays."""
        self._report.interrupted = True
        if self._transfer is not None:
            self._transfer.interrupt()
        elif self._task is not None:
            self._task.cancel()

    async def plan(self) -> tuple[list[Action], int]:
        """Return the plan that `mirror` would carry out now, and the free bytes.

        Nothing is written anywhere.

        Raises:
            CorruptStore: the manifest is not ours, or damaged.
        """
        self._task = asyncio.current_task()
        with self._log.action("plan", str(self._options.dest)) as fields:
            with open_manifest(self._options.dest, writing=False) as manifest:
                works = await self._prepare(manifest)
            actions = [action for work in works for action in work.actions]
            fields["files"] = sum(action.downloads for action in actions)
            fields["missing_bytes"] = sum(action.missing for action in actions)
            fields["ok"] = not self._report.failures
        return actions, room_at(self._options.dest)

    async def mirror(self) -> None:
        """Bring DEST up to date.

        Raises:
            TryLater: another run works in DEST.
            CorruptStore: the manifest is not ours, or damaged.
            ToolError: DEST cannot be written, or has no room.
        """
        dest = self._options.dest
        with claimed(dest), open_manifest(dest, writing=True) as manifest:
            await self.work(manifest)

    async def work(self, manifest: Manifest) -> None:
        """Do what `mirror` does, for who holds the lock and has the manifest open.

        Raises:
            ToolError: DEST cannot be written, or has no room.
        """
        self._task = asyncio.current_task()
        works = await self._prepare(manifest)
        check_room(self._options.dest, (action for work in works for action in work.actions))
        await asyncio.to_thread(_clean_up, self._options.dest, works)
        try:
            await self._carry_out(manifest, works)
        except ToolError as error:
            self._report.error = error

    async def _prepare(self, manifest: Manifest) -> list[Work]:
        """Learn what upstream has of each target, and plan."""
        works = []
        async with Client(self._options.client, notify=self._notify, log=self._log) as client:
            manifest.index.check_server(client.api_host)
            for target, report in zip(
                self._options.targets, self._report.repositories, strict=True
            ):
                try:
                    with errors_of(self._options.dest / MANIFEST_NAME):
                        works.append(await self._look_at(client, manifest, target, report))
                except ToolError as error:
                    self._notify(str(report.end(error)))
                    self._record(report, ok=False, error=type(error).__name__)
        return works

    async def _look_at(
        self, client: Client, manifest: Manifest, target: Target, report: RepositoryReport
    ) -> Work:
        """Return what there is to do about a repository."""
        rules, dest = target.rules, self._options.dest
        outcome = Outcome(repository=target.repository)
        await sync_repository(client, manifest.index, outcome, since=rules.since)
        report.repository = outcome.repository
        known = manifest.repository(outcome.repository)
        assert known is not None  # noqa: S101 - it was just stored
        if known.id in self._seen:
            raise ToolError(f"{target.repository}: is {known.name}, which is among the others, too")
        self._seen.add(known.id)
        latest_id = await self._latest(client, known, needed=rules.latest)
        records = manifest.files(known.id)
        wanted = wanted_files(
            outcome.repository,
            manifest.releases(known.id),
            manifest.assets(known.id),
            records,
            rules,
            latest_id=latest_id,
            api_url=self._options.client.api_url,
        )
        if not wanted and rules.names_something:
            self._notify(f"{outcome.repository}: nothing there is wanted")
        only = self._options.only
        if only is not None:
            wanted = [item for item in wanted if item.path in only]
        disk = await survey(dest, wanted, records)
        disk |= {path: seen for path, seen in (only or {}).items() if seen is not None}
        parts = await asyncio.to_thread(parts_of, dest, wanted)
        situation = Situation(
            repository=outcome.repository,
            records=records,
            disk=disk,
            parts=parts,
            holders=await asyncio.to_thread(holders, dest, wanted, records),
        )
        return Work(
            repository_id=known.id,
            report=report,
            wanted=wanted,
            situation=situation,
            actions=await self._plan(wanted, situation),
            latest_id=latest_id,
        )

    async def _latest(self, client: Client, known: Mirrored, *, needed: bool) -> int | None:
        """Return the id of the release that upstream shows as its latest.

        Where no rule asks for it, it is only noted: trouble with it stops nothing.
        """
        try:
            release = await client.latest(known.name, patient=needed)
        except ToolError:
            if needed:
                raise
            return known.latest_release_id
        return None if release is None else release.id

    async def _plan(
        self, wanted: Sequence[Wanted], situation: Situation, *, spoken: Iterable[int] = ()
    ) -> list[Action]:
        """Plan, with what the checksums say that the releases with something new publish.

        Args:
            wanted: what is planned for.
            situation: all else that is known.
            spoken: releases whose checksums are new themselves.
        """
        actions = self._decide(wanted, situation)
        stirred = set(spoken) | {
            action.wanted.release_id for action in actions if action.downloads or action.adopted
        }
        found = await asyncio.to_thread(
            published_by, self._options.dest, situation.records, wanted, stirred
        )
        if not found:
            return actions
        return self._decide(wanted, replace(situation, published=found))

    def _decide(self, wanted: Sequence[Wanted], situation: Situation) -> list[Action]:
        actions = plan(wanted, situation, self._options.on_replaced)
        if self._options.adopting:
            return [action for action in actions if action.adopted and action.kind == "adopt"]
        if self._options.only is not None:
            return [action for action in actions if action.kind != "gone"]
        return actions

    async def _carry_out(self, manifest: Manifest, works: Sequence[Work]) -> None:
        """Download what the plans say, the releases' own checksums first."""
        self._transfer = transfer = Transfer(
            self._options.dest,
            manifest,
            {work.report.repository: work.report for work in works},
            self._options.client,
            pace=self._options.pace,
            notify=self._notify,
            watcher=self._watcher,
            log=self._log,
        )
        if self._report.interrupted:
            transfer.interrupt()
        try:
            sayings = [action for work in works for action in work.actions if _is_saying(action)]
            await transfer.carry_out(sayings)
            others: list[Action] = []
            for work in works:
                others += await self._others(manifest, work)
            await transfer.carry_out(others)
        finally:
            with errors_of(self._options.dest / MANIFEST_NAME):
                for work in works:
                    self._finish(manifest, work)

    def _finish(self, manifest: Manifest, work: Work) -> None:
        """Write a repository's SHA256SUMS, and what the run came to."""
        report, repository_id = work.report, work.repository_id

        def failed(path: str, reason: str) -> None:
            self._notify(str(report.fail_sums(path, reason)))

        write_sums(self._options.dest, manifest, repository_id, failed=failed)
        if self._options.only is None and not self._report.interrupted:
            manifest.finish(
                repository_id,
                failed=len(report.failures),
                latest_id=work.latest_id,
                complete=not report.failures and not self._options.adopting,
            )
        error = self._end()
        self._record(report, ok=error is None and not report.failures, error=error)

    def _end(self) -> str | None:
        """Return what ends the run too early, if something does, as a record has it."""
        if self._report.interrupted:
            return "KeyboardInterrupt"
        raised = sys.exception()
        return None if raised is None else type(raised).__name__

    def _record(self, report: RepositoryReport, *, ok: bool, error: str | None) -> None:
        """Record what became of a repository; each file's bytes are in its own record."""
        self._log.record(
            "mirror",
            report.repository,
            duration_s=time.monotonic() - self._started,
            ok=ok,
            downloaded=report.downloaded,
            skipped=report.skipped,
            gone=report.gone,
            replaced=report.replaced,
            failed=len(report.failures),
            error=error,
        )

    async def _others(self, manifest: Manifest, work: Work) -> Sequence[Action]:
        """Return what is to be done after a repository's checksums are here."""
        sayings = [action.wanted for action in work.actions if _is_saying(action)]
        if not sayings:
            return work.actions
        done = {item.path for item in sayings}
        situation = replace(work.situation, records=manifest.files(work.repository_id))
        actions = await self._plan(
            [item for item in work.wanted if item.path not in done],
            situation,
            spoken=[item.release_id for item in sayings],
        )
        return [action for action in actions if action.path not in done]


def _is_saying(action: Action) -> bool:
    """Tell whether a file of checksums becomes known by an action, which then comes first."""
    is_new = action.downloads or action.kind == "adopt"
    return is_new and action.wanted.kind == "asset" and is_checksums(action.wanted.name)


def _clean_up(dest: Path, works: Sequence[Work]) -> None:
    """Remove what killed runs left, but for what this one goes on with."""
    eyes = Eyes(dest)
    kept = [action.path for work in works for action in work.actions if action.part is not None]
    for pattern in (f".{MANIFEST_NAME}.*.new", f".{MANIFEST_NAME}.*.new-journal"):
        for leftover in dest.glob(pattern):
            with suppress(OSError):
                leftover.unlink()
    for work in works:
        remove_leftovers(dest, eyes.folders_in(work.report.repository), kept)
