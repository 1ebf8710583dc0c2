"""Bringing a store up to date with a repository's releases, page by page."""

from contextlib import aclosing
from datetime import datetime

from gh_releases import Client, Selection

from .store import PageChanges, Store


async def sync(
    client: Client, store: Store, name: str, *, since: datetime | None = None
) -> PageChanges:
    """Store every release of `OWNER/REPO` published at `since` or later.

    Each page is a transaction of its own: what has arrived is kept, whatever comes after.

    Raises:
        ToolError: as `Client` says.
        sqlite3.Error: as `Store` says.
    """
    repository = await client.repository(name)
    store.put_repository(repository)
    changes = PageChanges()
    wanted = Selection(since=since)
    async with aclosing(client.pages(repository.full_name, wanted=wanted)) as pages:
        async for page in pages:
            changes += store.put_page(repository, page)
    return changes
