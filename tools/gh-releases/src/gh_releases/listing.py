"""What the command prints: the listing that was asked for, as blocks of text in order."""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from json import dumps

from toolroll_shared.errors import ToolError
from toolroll_shared.output import table

from .client import Client
from .models import Release
from .render import (
    ASSET_HEADER,
    NUMBERS,
    RELEASE_HEADER,
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


async def listing(
    client: Client, query: Query, *, now: datetime, notify: Callable[[str], None]
) -> AsyncGenerator[str]:
    """Yield the text to print, each block as soon as it is known.

    Only `Form.NDJSON` comes page by page: the others are complete or not there at all.

    Args:
        client: asked for what is listed.
        query: what that is.
        now: ages are counted from here.
        notify: told what is missing from the listing, where that is no failure.

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
        for text in _document(releases, client, query):
            yield text
    else:
        latest = None if query.assets else await _latest(client, query, releases, notify)
        yield _table(releases, query, latest=latest, now=now)


def _lines(releases: Iterable[Release], query: Query) -> list[str]:
    if query.assets:
        return [line for release in releases for line in asset_lines(release)]
    return [release_line(release) for release in releases]


def _document(releases: Sequence[Release], client: Client, query: Query) -> Iterator[str]:
    """Yield one JSON document in pieces: it may be large."""
    if query.meta:
        name = "assets" if query.assets else "releases"
        yield f'{{"meta": {dumps(usage_record(client.usage))},\n"{name}": '
    yield "["
    comma = "\n"
    for release in releases:
        for line in _lines([release], query):
            yield f"{comma}{line}"
            comma = ",\n"
    yield ("" if comma == "\n" else "\n") + ("]}\n" if query.meta else "]\n")


async def _latest(
    client: Client, query: Query, releases: Iterable[Release], notify: Callable[[str], None]
) -> int | None:
    """Return the id of the latest release; a list that cannot hold it is not worth a request."""
    if all(release.draft or release.prerelease for release in releases):
        return None
    try:
        release = await client.latest(query.repository, patient=False)
    except ToolError as error:  # the list is there: a flag is not worth all of it
        notify(f"cannot tell which release is the latest: {error}")
        return None
    return None if release is None else release.id


def _table(releases: Sequence[Release], query: Query, *, latest: int | None, now: datetime) -> str:
    terminal = query.form is Form.TABLE
    shown = now if terminal else None
    if query.assets:
        rows = asset_rows(releases, now=shown)
        return table(ASSET_HEADER, rows, terminal=terminal, numbers=NUMBERS)
    rows = release_rows(releases, latest=latest, now=shown)
    return table(RELEASE_HEADER, rows, terminal=terminal, numbers=NUMBERS)
