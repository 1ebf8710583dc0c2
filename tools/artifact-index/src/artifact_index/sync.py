"""Bringing a store up to date with a repository's releases, page by page.

A sync that was cut off goes on with the page it missed, and then reads those before it: what
costs most comes first, so that every run gets further, and still each whole run has seen all.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from datetime import datetime

from gh_releases import Client, NotFound, Release, Repository, Selection
from toolroll_shared.errors import CorruptStore, Exit, ToolError, TryLater
from toolroll_shared.logs import NO_LOG, Log

from .diff import Listed
from .store import PageChanges, Store
from .values import utc_text

CAPPED_FROM = 900
"""GitHub ends a list at 1,000 releases; pages that drift may show a few of them twice."""


class _Recorder:
    """A selection that remembers every release it is asked about."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self.ids: set[int] = set()
        self.oldest: str | None = None
        self.drafts = False

    def __call__(self, release: Release) -> bool:
        if release.id in self.ids:  # pages drift
            return False
        self.ids.add(release.id)
        self.drafts = self.drafts or release.draft
        created_at = utc_text(release.created_at)
        self.oldest = min(self.oldest or created_at, created_at)
        return self._selection(release)


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of one repository, filled in as the work goes on.

    Attributes:
        repository: OWNER/REPO, by its present name once that is known.
        changes: what was stored so far.
        error: what ended the work before its end, if something did.
    """

    repository: str
    changes: PageChanges = field(default_factory=PageChanges)
    error: ToolError | None = None


async def sync_all(
    client: Client,
    store: Store,
    outcomes: Sequence[Outcome],
    *,
    since: datetime | None = None,
    failed: Callable[[Outcome], None] = lambda _outcome: None,
    log: Log = NO_LOG,
) -> None:
    """Bring one repository after the other up to date; one that fails does not stop the rest.

    Only a limit stops it, because the next repository would meet the same.

    Args:
        client: asked for all of them.
        store: where they go.
        outcomes: the repositories, and what becomes of each.
        since: only releases published at this instant or later.
        failed: told of each failure as it happens.
        log: records each repository.

    Raises:
        CorruptStore: the store holds another server's repositories.
        sqlite3.Error: as `Store` says.
    """
    waiting = list(outcomes)
    while waiting:
        outcome = waiting.pop(0)
        try:
            with log.action("sync", outcome.repository) as fields:
                await sync(client, store, outcome, since=since)
                fields.update(asdict(outcome.changes))
        except CorruptStore:
            raise
        except ToolError as error:
            outcome.error = error
            failed(outcome)
            if isinstance(error, TryLater):
                break
    for outcome in waiting:
        outcome.error = TryLater(f"{outcome.repository}: not tried after that")
        failed(outcome)


def exit_code(outcomes: Sequence[Outcome]) -> Exit:
    """Return what all failures have in common; that they are not all, where some are not.

    A limit counts more than that: the same command will do the rest later.
    """
    codes = {Exit.OK if one.error is None else one.error.exit_code for one in outcomes}
    if Exit.TRY_LATER in codes:
        return Exit.TRY_LATER
    return codes.pop() if len(codes) == 1 else Exit.FAILED


async def sync(
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
        store.put_repository(repository, api_host=client.api_host)
        outcome.repository = repository.full_name
        await _sync(client, store, repository, outcome, since)
    except NotFound:
        store.mark_gone(outcome.repository)
        raise


async def _sync(
    client: Client,
    store: Store,
    repository: Repository,
    outcome: Outcome,
    since: datetime | None,
) -> None:
    known = store.known(repository.id)
    recorder = _Recorder(Selection(since=since))
    first = store.next_page(repository.id)
    async with aclosing(_pages(client, repository.full_name, recorder, first)) as pages:
        async for number, releases in pages:
            outcome.changes += store.put_page(repository.id, releases, next_page=number + 1)
    capped = client.usage.capped and len(recorder.ids) > CAPPED_FROM
    may_push = repository.permissions is not None and repository.permissions.push
    listed = Listed(
        ids=recorder.ids,
        oldest=recorder.oldest if capped else None,
        drafts=may_push or recorder.drafts,
    )
    outcome.changes += store.finish(repository.id, known=known, listed=listed, since=since)


async def _pages(
    client: Client, name: str, wanted: _Recorder, first: int
) -> AsyncGenerator[tuple[int, tuple[Release, ...]]]:
    """Yield all pages with their numbers: from `first` to the end, then those before it."""
    number = first
    async with aclosing(client.pages(name, wanted=wanted, first=first)) as pages:
        async for page in pages:
            yield number, page
            number += 1
    if first == 1:
        return
    number = 1
    async with aclosing(client.pages(name, wanted=wanted)) as pages:
        async for page in pages:
            yield number, page
            number += 1
            if number == first:
                return
