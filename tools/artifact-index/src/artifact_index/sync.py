"""Bringing a store up to date with a repository's releases, page by page.

A sync that was cut off goes on with the page it missed, and then reads those before it: what
was never read comes first. Releases that vanish while a list is read push others from one page
to another, past the reader; so whoever misses something reads the list once more, and then
asks for what is still missing.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from gh_releases import Client, NotFound, Release, Selection
from toolroll_shared.errors import Exit, ToolError, TryLater
from toolroll_shared.logs import NO_LOG, Log
from toolroll_shared.sqlite import errors_of

from .diff import missing
from .listing import Reader
from .store import PageChanges, Store


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of one repository, filled in as the work goes on.

    Attributes:
        repository: OWNER/REPO, by its present name once that is known.
        gone_since: since when it was not found, in the past; that it still is not found is
            no failure then.
        changes: what was stored so far.
        error: what ended the work before its end, if something did.
    """

    repository: str
    gone_since: str | None = None
    changes: PageChanges = field(default_factory=PageChanges)
    error: ToolError | None = None

    def add(self, changes: PageChanges) -> None:
        """Count what was stored."""
        self.changes += changes


async def sync_all(  # noqa: PLR0913 - a call names them
    client: Client,
    store: Store,
    outcomes: Sequence[Outcome],
    *,
    database: Path,
    since: datetime | None = None,
    failed: Callable[[Outcome], None] = lambda _outcome: None,
    log: Log = NO_LOG,
) -> None:
    """Bring one repository after the other up to date; one that fails does not stop the rest.

    Only a limit stops it, and trouble with the database: the next repository would meet the
    same.

    Args:
        client: asked for all of them.
        store: where they go.
        outcomes: the repositories, and what becomes of each.
        database: the store's file, for messages.
        since: only releases published at this instant or later.
        failed: told of each failure as it happens.
        log: records each repository.

    Raises:
        CorruptStore: the store holds another server's repositories.
    """
    store.check_server(client.api_host)
    waiting = list(outcomes)
    while waiting:
        outcome = waiting.pop(0)
        try:
            with errors_of(database), log.action("sync", outcome.repository) as fields:
                await _sync_one(client, store, outcome, since, fields)
        except ToolError as error:
            outcome.error = error
            failed(outcome)
            if isinstance(error, TryLater) or isinstance(error.__cause__, sqlite3.Error):
                _give_up(waiting, type(error), failed, log)
                return


async def _sync_one(
    client: Client, store: Store, outcome: Outcome, since: datetime | None, fields: dict[str, Any]
) -> None:
    """Bring a repository up to date; that it still is not found is no failure."""
    fields["outcome"] = "failed"
    try:
        await sync_repository(client, store, outcome, since=since)
    except NotFound:
        fields["outcome"] = "gone"
        if outcome.gone_since is None:
            raise
    else:
        fields["outcome"] = "synced"
    finally:
        fields |= asdict(outcome.changes)


def _give_up(
    outcomes: Iterable[Outcome],
    why: type[ToolError],
    failed: Callable[[Outcome], None],
    log: Log,
) -> None:
    for outcome in outcomes:
        outcome.error = why(f"{outcome.repository}: not tried after that")
        failed(outcome)
        log.record(
            "sync", outcome.repository, duration_s=0.0, ok=False, outcome="not_tried",
            error=why.__name__,
        )  # fmt: skip


def exit_code(outcomes: Sequence[Outcome]) -> Exit:
    """Return what all failures have in common; that they are not all, where some are not.

    A damaged database counts most, and then a limit: the same command will do the rest later.
    """
    codes = {Exit.OK if one.error is None else one.error.exit_code for one in outcomes}
    for code in (Exit.CORRUPT, Exit.TRY_LATER):
        if code in codes:
            return code
    return codes.pop() if len(codes) == 1 else Exit.FAILED


async def sync_repository(
    client: Client, store: Store, outcome: Outcome, *, since: datetime | None = None
) -> None:
    """Store every release of a repository published at `since` or later; mark what is gone.

    Each page is a transaction of its own: what has arrived is kept, whatever comes after.

    Raises:
        ToolError: as `Client` says. A repository that is stored and not found is marked.
        CorruptStore: the store holds another server's repositories.
        sqlite3.Error: as `Store` says.
    """
    try:
        repository = await client.repository(outcome.repository)
    except NotFound:
        store.mark_gone(outcome.repository)
        raise
    store.put_repository(repository, api_host=client.api_host)
    outcome.repository, outcome.gone_since = repository.full_name, None
    known = store.known(repository.id)
    gone = {release.key for release in known if release.gone}
    selection = Selection(since=since)

    def wanted(release: Release) -> bool:  # what is there again is stored whenever it is from
        return release.id in gone or selection(release)

    reader = Reader(client, store, repository, wanted, stored=outcome.add)
    first = store.next_page(repository.id)
    await reader.read(first)
    if first > 1:
        await reader.read(1, first)  # that one too: what was published meanwhile moved some there
    if missing(known, reader.listed):
        await reader.read_again()
        await reader.look_for(missing(known, reader.listed))
    outcome.add(store.finish(repository.id, known=known, listed=reader.listed, since=since))
