"""GitHub's releases: which addresses to ask, and how pages become releases.

Downloads of assets are not its business: `multi_fetch` moves bytes.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx
from msgspec.structs import replace

from toolroll_shared.errors import Unreachable
from toolroll_shared.output import redact_url

from .answers import NotFound, Unprocessable
from .exchange import Effects, Exchange
from .models import Asset, Release, Repository
from .options import ClientOptions
from .origin import PAGE_SIZE, Page, Usage
from .select import Selection
from .target import is_repository_name

T = TypeVar("T")

MOST_LISTED = 1000
"""Releases that GitHub lists at most; the page after them answers 422."""

MAX_PAGES = 100
"""GitHub ends after 10 pages of releases or assets; another server may have some more."""

MAX_LISTING_BYTES = 2 * 1024 * 1024 * 1024
"""All pages of one listing together; 1,000 releases with 20 assets each are 30 MB."""

MAX_LISTING_REQUESTS = 20_000
"""1,000 releases with 1,000 assets each, GitHub's maximum, are 10 pages and 10,000 more."""

MOST_EMBEDDED = 100
"""From this many on, the assets in a list of releases may not be all there are."""

EVERYTHING = Selection()


class Client:
    """A client of one GitHub API, as an async context manager.

    Args:
        options: where the API is, and how patient to be with it.
        effects: the keyword arguments that `Effects` describes, all optional.
    """

    def __init__(self, options: ClientOptions, **effects: Unpack[Effects]) -> None:
        self._exchange = Exchange(options, **effects)
        self._lists: dict[str, httpx.URL] = {}

    async def __aenter__(self) -> Self:
        self._exchange.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._exchange.close()

    @property
    def usage(self) -> Usage:
        """What was asked for so far, and what is left of the quota."""
        return self._exchange.usage

    async def repository(self, name: str) -> Repository:
        """Return the repository `OWNER/REPO` under its present name.

        Raises:
            NotFound: there is none that this token may see.
            Refused, Unreachable, TryLater: as `ToolError` says.
        """
        url = self._exchange.address(f"/repos/{name}")
        page = await self._exchange.get(url, Repository, name)
        if not is_repository_name(page.value.full_name):
            raise Unreachable(f"{redact_url(str(page.url))}: its full_name is not OWNER/REPO")
        return page.value

    async def latest(self, name: str) -> Release | None:
        """Return the release that `OWNER/REPO` shows as its latest; None if there is none.

        It is the one that its owners marked, and not always the newest. Its assets may not
        be all there are.

        Raises:
            Refused, Unreachable, TryLater: as `ToolError` says.
        """
        url = self._list_url(name)
        url = url.copy_with(path=f"{url.path}/latest")
        try:
            return (await self._exchange.get(url, Release, name)).value
        except NotFound:
            return None

    async def releases(
        self,
        name: str,
        *,
        wanted: Callable[[Release], bool] = EVERYTHING,
        limit: int | None = None,
    ) -> AsyncIterator[Release]:
        """Yield the releases of `OWNER/REPO` one by one; all else is as `pages` says."""
        async with aclosing(self.pages(name, wanted=wanted, limit=limit)) as pages:
            async for page in pages:
                for release in page:
                    yield release

    async def pages(
        self,
        name: str,
        *,
        wanted: Callable[[Release], bool] = EVERYTHING,
        limit: int | None = None,
    ) -> AsyncGenerator[tuple[Release, ...]]:
        """Yield releases page by page, as they arrive, each once and with all its assets.

        GitHub's order is that of `created_at` (the date of the tagged commit), newest first:
        it says little about `published_at`, so no date can end the list early.

        Args:
            name: `OWNER/REPO`.
            wanted: which releases to yield; the assets of others are not completed.
            limit: how many to yield at most.

        Raises:
            NotFound, Refused, Unreachable, TryLater: as `repository`.
        """
        spent = self._budget()
        seen: set[int] = set()
        left = limit
        size = PAGE_SIZE if left is None or wanted != EVERYTHING else min(left, PAGE_SIZE)
        url = self._list_url(name).copy_with(params={"per_page": size})
        async with aclosing(self._releases_pages(url, name, spent)) as pages:
            async for page in pages:
                fresh = {one.id: one for one in page.value if one.id not in seen}  # pages drift
                seen.update(fresh)
                chosen = [release for release in fresh.values() if wanted(release)][:left]
                yield tuple([await self._completed(release, name, spent) for release in chosen])
                if left is not None:
                    left -= len(chosen)
                    if not left:
                        return

    async def _releases_pages(
        self, url: httpx.URL, name: str, spent: Callable[[], bool]
    ) -> AsyncGenerator[Page[list[Release]]]:
        """Yield the pages; the one behind GitHub's last is no error."""
        count = 0
        try:
            async with aclosing(self._pages(url, list[Release], name, spent)) as pages:
                async for page in pages:
                    count += len(page.value)
                    self._lists[name] = page.url.copy_with(query=None)
                    yield page
        except Unprocessable:
            if count < MOST_LISTED:
                raise
            self._exchange.say(f"{name}: GitHub lists no more than the newest 1,000 releases")

    def _budget(self) -> Callable[[], bool]:
        """Return what tells whether a listing that begins now has asked for too much."""
        requests = self.usage.requests + MAX_LISTING_REQUESTS
        received = self.usage.received + MAX_LISTING_BYTES
        return lambda: self.usage.requests > requests or self.usage.received > received

    async def _pages(
        self, url: httpx.URL, kind: type[T], name: str, spent: Callable[[], bool]
    ) -> AsyncGenerator[Page[T]]:
        """Yield a page and those that it leads to.

        Raises:
            Unreachable: they lead in a circle, or never end.
        """
        visited: set[httpx.URL] = set()
        following: httpx.URL | None = url
        while following is not None:
            if following in visited or len(visited) >= MAX_PAGES or spent():
                raise Unreachable(f"{redact_url(str(url))}: the pages never end; giving up")
            visited.add(following)
            page = await self._exchange.get(following, kind, name)
            yield page
            following = page.next_url

    async def _completed(self, release: Release, name: str, spent: Callable[[], bool]) -> Release:
        """Return the release with the assets that its listing left out, if it may have."""
        if len(release.assets) < MOST_EMBEDDED:
            return release
        url = self._list_url(name)
        url = url.copy_with(path=f"{url.path}/{release.id}/assets", params={"per_page": PAGE_SIZE})
        assets: dict[int, Asset] = {}
        try:
            async with aclosing(self._pages(url, list[Asset], name, spent)) as pages:
                async for one in pages:
                    assets |= {asset.id: asset for asset in one.value}
        except NotFound:
            self._exchange.say(f"{name}: {release.tag_name} vanished while its assets were listed")
            return release
        return replace(release, assets=tuple(assets.values()))

    def _list_url(self, name: str) -> httpx.URL:
        """Return where the releases are listed: where they last were, if that is known.

        A renamed repository then costs one redirect, and not one for each request.
        """
        known = self._lists.get(name)
        return known or self._exchange.address(f"/repos/{name}/releases")
