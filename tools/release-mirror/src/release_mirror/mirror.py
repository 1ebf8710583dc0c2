"""A run of the mirror: discover, store, survey, plan, act.

Everything is decided before anything is downloaded. A file gets its final name when it is
whole and checked, and its record in the manifest after that; a crash in between heals, as
the next run finds the file and adopts it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gh_releases import Client, ClientOptions, Repository, Selection
from toolroll_shared.errors import ToolError
from toolroll_shared.logs import NO_LOG, Log

from .lock import claimed
from .manifest import MANIFEST_NAME, Manifest, open_manifest
from .plan import Action, FileRecord, OnDisk, Wanted, plan, wanted_assets
from .report import Report
from .survey import survey
from .transfer import TEMPORARY_GLOB, Progress, Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to mirror, where to, and how.

    Attributes:
        repository: OWNER/REPO.
        dest: the mirror's folder.
        since: only releases published at this instant or later.
        concurrency: downloads at once.
        client: how to reach the API.
    """

    repository: str
    dest: Path
    since: datetime | None = None
    concurrency: int
    client: ClientOptions


async def dry_run(
    options: Options, *, notify: Callable[[str], None], log: Log = NO_LOG
) -> list[Action]:
    """Return the plan that `mirror_repository` would carry out now; nothing is written anywhere.

    Raises:
        ToolError: as `mirror_repository`.
    """
    async with Client(options.client, notify=notify, log=log) as client:
        repository = await client.repository(options.repository)
        wanted = [item async for item in _discover(client, repository, options)]
    manifest_path = options.dest / MANIFEST_NAME
    if not manifest_path.exists():
        return await _plan(options.dest, wanted, records={})
    with open_manifest(options.dest, create=False) as manifest:
        return await _plan(options.dest, wanted, records=manifest.files())


async def mirror_repository(
    options: Options,
    report: Report,
    *,
    notify: Callable[[str], None],
    progress: Progress,
    log: Log = NO_LOG,
) -> None:
    """Bring DEST up to date with the repository's releases.

    Args:
        options: what, where and how.
        report: filled in as the work goes on, so that it holds after an interruption too.
        notify: told one line for each thing that a person should know.
        progress: told how many bytes there are to download, and of each block.
        log: records each request and each asset.

    Raises:
        TryLater: another run works in DEST, or the API keeps us waiting too long.
        CorruptStore: the manifest is not ours, or damaged.
        ToolError: upstream cannot be listed, or DEST cannot be written.
    """
    with claimed(options.dest), open_manifest(options.dest, create=True) as manifest:
        async with Client(options.client, notify=notify, log=log) as client:
            repository = await client.repository(options.repository)
            report.repository = repository.full_name
            manifest.index.put_repository(repository, api_host=client.api_host)
            wanted = [item async for item in _discover(client, repository, options, manifest)]
        _remove_leftovers(options.dest / repository.full_name)
        actions = await _plan(options.dest, wanted, records=manifest.files())
        transfer = Transfer(
            options.dest, manifest, report, notify=notify, progress=progress, log=log
        )
        await transfer.carry_out(actions, options.client, concurrency=options.concurrency)


async def _discover(
    client: Client, repository: Repository, options: Options, manifest: Manifest | None = None
) -> AsyncIterator[Wanted]:
    """Yield what is wanted, page by page, after storing the page in the manifest."""
    selection = Selection(since=options.since)
    async with aclosing(client.pages(repository.full_name, wanted=selection)) as pages:
        async for releases in pages:
            if manifest is not None:
                manifest.index.put_page(repository.id, releases)
            for item in wanted_assets(repository.full_name, releases):
                yield item


async def _plan(
    dest: Path, wanted: Sequence[Wanted], *, records: dict[str, FileRecord]
) -> list[Action]:
    disk = await asyncio.to_thread(_survey, dest, wanted, records)
    return plan(wanted, records, disk)


def _survey(
    dest: Path, wanted: Sequence[Wanted], records: dict[str, FileRecord]
) -> dict[str, OnDisk]:
    try:
        return survey(dest, wanted, records)
    except OSError as error:
        raise ToolError(f"{error.filename or dest}: cannot be read: {error.strerror}") from error


def _remove_leftovers(folder: Path) -> None:
    """Remove what killed runs left; under the lock, no other run can be using it."""
    for leftover in folder.glob(TEMPORARY_GLOB):
        leftover.unlink(missing_ok=True)
