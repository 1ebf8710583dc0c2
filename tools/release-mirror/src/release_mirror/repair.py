"""Healing a mirror: fetching what `verify` found broken, and making the manifest anew."""

import asyncio
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from gh_releases import ClientOptions, parse_target
from toolroll_shared.errors import ToolError
from toolroll_shared.files import fsync_folder
from toolroll_shared.logs import NO_LOG, Log
from toolroll_shared.sqlite import errors_of

from .account import write_sums
from .hashing import DEFAULT_JOBS
from .lock import claimed, unchanging
from .manifest import MANIFEST_NAME, Manifest, open_manifest, require_manifest, utc_now
from .mirror import Options, Run, Target
from .progress import Nobody, Watcher
from .report import Report
from .rules import Rules
from .survey import Eyes
from .transfer import Pace
from .verify import BROKEN, Finding, Findings, verify

REBUILT_NAME = ".manifest.sqlite.rebuilt"

EVERYTHING = Rules(prereleases=True, source_archives=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What to check, and how to heal it.

    Attributes:
        dest: the mirror's folder.
        names: repositories, or none for all of DEST.
        jobs: files read at once; None is as many as there are cores.
        client: how to reach the API; only for healing.
    """

    dest: Path
    names: Sequence[str] = ()
    jobs: int | None = None
    client: ClientOptions


class Healer:
    """Checks a mirror, and heals it.

    Args:
        options: what to check.
        report: of what was fetched.
        notify: told one line for each thing that a person should know.
        watcher: told how far it is.
        log: records what is done.
    """

    def __init__(
        self,
        options: CheckOptions,
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
        self._run: Run | None = None
        self._task: asyncio.Task[object] | None = None

    def interrupt(self) -> None:
        """End soon."""
        self._report.interrupted = True
        if self._run is not None:
            self._run.interrupt()
        elif self._task is not None:
            self._task.cancel()

    async def heal(self, *, repair: bool, rebuild: bool) -> tuple[Findings, list[Finding]]:
        """Check, repair or rebuild; return what is the matter then, and what was healed."""
        self._task = asyncio.current_task()
        healed: list[Finding] = []
        with self._log.action("verify", str(self._options.dest)) as fields:
            if repair:
                findings, healed = await self.repair()
            else:
                findings = await (self.rebuild() if rebuild else self.check())
            self._record(findings.found)
            fields.update(ok=not findings.broken, checked=findings.checked, bytes=findings.bytes)
            fields.update(found=len(findings.found), healed=len(healed))
        return findings, healed

    def _record(self, found: Iterable[Finding]) -> None:
        for one in found:
            is_fine = one.kind not in BROKEN
            self._log.record("finding", one.path, duration_s=0.0, ok=is_fine, outcome=one.kind)

    async def check(self) -> Findings:
        """Return what a check finds; nothing is written, and no network is needed.

        Raises:
            ToolError: there is no manifest, or none that can be read.
        """
        dest = self._options.dest
        require_manifest(dest)
        with unchanging(dest), open_manifest(dest, writing=False) as manifest:
            return await self._verify(manifest)

    async def repair(self) -> tuple[Findings, list[Finding]]:
        """Fetch what a check finds broken; return what is the matter then, and what was healed.

        Raises:
            ToolError: as `check`, and as `Run.mirror`.
        """
        dest = self._options.dest
        require_manifest(dest)
        with claimed(dest), open_manifest(dest, writing=True) as manifest:
            before = await self._verify(manifest)
            self._mend_sums(manifest, before.broken)
            await self._fetch(manifest, before.broken)
            after = await self._verify(manifest) if before.broken else before
        left = {finding.path for finding in after.broken}
        return after, [one for one in before.broken if one.path not in left]

    async def rebuild(self) -> Findings:
        """Make the manifest anew from the files and the API; return what a check finds then.

        The old one is kept under another name. If something cannot be looked up, it stays.

        Raises:
            ToolError: as `Run.mirror`.
        """
        dest = self._options.dest
        names = self._options.names or _names_in(dest)
        if not names:
            raise ToolError(f"{dest}: holds no OWNER/REPO to rebuild the manifest from; name them")
        with claimed(dest):
            for leftover in dest.glob(f"*{REBUILT_NAME}*"):
                leftover.unlink()
            findings = await self._rebuilt(names)
            if findings is None:
                (dest / REBUILT_NAME).unlink()
                raise ToolError(f"{dest}: the manifest is left as it was")
            _put_in_place(dest)
        return findings

    async def _rebuilt(self, names: Sequence[str]) -> Findings | None:
        """Make a new manifest under another name; None if something could not be looked up."""
        with open_manifest(self._options.dest, writing=True, name=REBUILT_NAME) as manifest:
            await self._work(manifest, names, adopting=True)
            if any(one.error for one in self._report.repositories) or self._report.interrupted:
                return None
            return await self._verify(manifest)

    async def _verify(self, manifest: Manifest) -> Findings:
        options = self._options
        with errors_of(options.dest / MANIFEST_NAME):
            return await verify(
                options.dest,
                manifest,
                options.names,
                jobs=options.jobs or DEFAULT_JOBS,
                watcher=self._watcher,
            )

    async def _fetch(self, manifest: Manifest, broken: Sequence[Finding]) -> None:
        names = {one.repository for one in broken if one.repository and not _is_sums(one)}
        if names:
            await self._work(manifest, sorted(names), broken=broken)

    async def _work(
        self,
        manifest: Manifest,
        names: Sequence[str],
        *,
        broken: Sequence[Finding] = (),
        adopting: bool = False,
    ) -> None:
        options = Options(
            targets=[Target(repository=name, rules=EVERYTHING) for name in names],
            dest=self._options.dest,
            client=self._options.client,
            pace=Pace(),
            only=None if adopting else {one.path: one.seen for one in broken},
            adopting=adopting,
        )
        self._run = Run(
            options, self._report, notify=self._notify, watcher=self._watcher, log=self._log
        )
        try:
            await self._run.work(manifest)
        finally:
            self._run = None

    def _mend_sums(self, manifest: Manifest, broken: Sequence[Finding]) -> None:
        """Write those of our own SHA256SUMS anew that are broken."""
        eyes, dest = Eyes(self._options.dest), self._options.dest
        with errors_of(dest / MANIFEST_NAME):
            for finding in filter(_is_sums, broken):
                seen = eyes.look(finding.path)
                if seen is not None and seen.regular:
                    (dest / finding.path).unlink()
                known = manifest.repository(finding.repository or "")
                if known is not None:
                    write_sums(
                        dest,
                        manifest,
                        known.id,
                        failed=lambda path, why: self._notify(f"{path}: {why}"),
                    )


def _is_sums(finding: Finding) -> bool:
    return finding.holds == "checksums"


def _names_in(dest: Path) -> list[str]:
    """Return what could be repositories, by the folders in DEST."""
    names = []
    for owner in sorted(dest.glob("*/")):
        for repository in sorted(owner.glob("*/")):
            name = f"{owner.name}/{repository.name}"
            try:
                names.append(parse_target(name).name)
            except ValueError:
                continue
    return names


def _put_in_place(dest: Path) -> None:
    """Give the rebuilt manifest its name, and the old one another; there is always one.

    The journals go first: one that is left would be rolled back into the new manifest.
    """
    old, aside = dest / MANIFEST_NAME, _name_aside(dest)
    if old.exists():
        try:
            aside.hardlink_to(old)
        except OSError:  # a file system without them
            shutil.copyfile(old, aside)
    for suffix in ("-journal", "-wal", "-shm"):
        part = old.with_name(f"{old.name}{suffix}")
        if part.exists():
            part.rename(f"{aside}{suffix}")
    (dest / REBUILT_NAME).replace(old)
    fsync_folder(dest)


def _name_aside(dest: Path) -> Path:
    """Return a name for the old manifest that nothing has: there may be several in a second."""
    stem = f"{MANIFEST_NAME}.{utc_now().replace(':', '')}"
    names = (f"{stem}{more}.old" for more in chain([""], (f"-{number}" for number in count(2))))
    return next(dest / name for name in names if not (dest / name).exists())
