"""What the command prints: the listing that was asked for, as blocks of text in order."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from json import dumps

from toolroll_shared.output import table

from .client import Client
from .models import Release
from .render import (
    ASSET_HEADER,
    RELEASE_HEADER,
    array,
    asset_lines,
    asset_rows,
    release_line,
    release_rows,
    usage_record,
)
from .select import Selection


class Form(Enum):
    """How the listing is written."""

    TABLE = "a table for people"
    ROWS = "tab-separated rows"
    JSON = "one JSON document"
    NDJSON = "one JSON record a line"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to list, and how.

    Attributes:
        repository: OWNER/REPO.
        selection: which of its releases.
        limit: how many of them at most; None is all.
        assets: list their assets instead.
        form: how to write it.
        meta: put what was asked of the API into the JSON document.
    """

    repository: str
    selection: Selection
    limit: int | None = None
    assets: bool = False
    form: Form = Form.ROWS
    meta: bool = False


async def listing(client: Client, query: Query, *, now: datetime) -> AsyncGenerator[str]:
    """Yield the text to print, each block as soon as it is known.

    Only `Form.NDJSON` comes page by page: the others are complete or not there at all.

    Raises:
        ToolError: as `Client.pages` says.
    """
    pages = client.pages(query.repository, wanted=query.selection, limit=query.limit)
    async with aclosing(pages):
        if query.form is Form.NDJSON:
            async for page in pages:
                yield "".join(f"{line}\n" for line in _lines(page, query))
            return
        releases = [release async for page in pages for release in page]
    if query.form is Form.JSON:
        yield _document(releases, client, query)
    else:
        latest = None if query.assets else await _latest(client, query, releases)
        yield _table(releases, query, latest=latest, now=now)


def _lines(releases: Iterable[Release], query: Query) -> list[str]:
    if query.assets:
        return [line for release in releases for line in asset_lines(release)]
    return [release_line(release) for release in releases]


def _document(releases: Sequence[Release], client: Client, query: Query) -> str:
    records = array(_lines(releases, query))
    if not query.meta:
        return f"{records}\n"
    name = "assets" if query.assets else "releases"
    return f'{{"meta": {dumps(usage_record(client.usage))},\n"{name}": {records}}}\n'


async def _latest(client: Client, query: Query, releases: Iterable[Release]) -> int | None:
    """Return the id of the latest release; a list that cannot hold it is not worth a request."""
    if all(release.draft or release.prerelease for release in releases):
        return None
    release = await client.latest(query.repository)
    return None if release is None else release.id


def _table(releases: Sequence[Release], query: Query, *, latest: int | None, now: datetime) -> str:
    terminal = query.form is Form.TABLE
    shown = now if terminal else None
    if query.assets:
        return table(ASSET_HEADER, asset_rows(releases, now=shown), terminal=terminal)
    rows = release_rows(releases, latest=latest, now=shown)
    return table(RELEASE_HEADER, rows, terminal=terminal)
