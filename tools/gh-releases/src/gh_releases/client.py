"""GitHub's releases: which addresses to ask, and how pages become releases.

Downloads of assets are not its business: `multi_fetch` moves bytes.
"""

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx
from msgspec.structs import replace

from toolroll_shared.errors import Unreachable, UsageError
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

_WEB_PAGE = re.compile(r"https?://[^/]+/([^/]+/[^/]+)/releases/")


class Client:
    """A client of one GitHub API, as an async context manager.

    The waits for rate limits, which `max_wait` bounds, are those of all that it does: give
    each of several listings at the same time a client of its own.

    Args:
        options: where the API is, and how patient to be with it.
        effects: the keyword arguments that `Effects` describes, all optional.

    Raises:
        UsageError: the API's URL, or a proxy in the environment, cannot be used.
    """

    def __init__(self, options: ClientOptions, **effects: Unpack[Effects]) -> None:
        self._exchange = Exchange(options, **effects)
        self._capped: set[str] = set()

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
    def api_host(self) -> str:
        """The name of the server: ids are unique on one of them, not across several."""
        return self._exchange.address("").host

    @property
    def usage(self) -> Usage:
        """What was asked for so far, and what is left of the quota."""
        return self._exchange.usage

    def is_capped(self, name: str) -> bool:
        """Tell whether a list of `OWNER/REPO` ended at GitHub's 1,000 releases."""
        return name in self._capped

    async def repository(self, name: str) -> Repository:
        """Return the repository `OWNER/REPO` under its present name.

        Raises:
            NotFound: there is none that this token may see.
            UsageError: the name is none.
            Refused, Unreachable, TryLater: as `ToolError` says.
        """
        page = await self._exchange.get(self._address(name), Repository, name)
        if not is_repository_name(page.value.full_name):
            raise Unreachable(f"{redact_url(str(page.url))}: its full_name is not OWNER/REPO")
        self._exchange.say_rename(name, page.value.full_name)
        return page.value

    async def latest(self, name: str, *, patient: bool = True) -> Release | None:
        """Return the release that `OWNER/REPO` shows as its latest.

        It is the one that its owners marked, and not always the newest. Its assets may not
        be all there are. None says that there is no such release, or no such repository.

        Args:
            name: `OWNER/REPO`.
            patient: False gives up where a rate limit would have to be waited for.

        Raises:
            UsageError, Refused, Unreachable, TryLater: as `repository`.
        """
        url = self._address(name, "/releases/latest")
        try:
            return (await self._exchange.get(url, Release, name, patient=patient)).value
        except NotFound:
            return None

    async def has_release(self, name: str, release_id: int) -> bool:
        """Tell whether `OWNER/REPO` has the release of that id, as far as this token may see.

        Raises:
            UsageError, Refused, Unreachable, TryLater: as `repository`.
        """
        url = self._address(name, f"/releases/{release_id}")
        try:
            await self._exchange.get(url, Release, name)
        except NotFound:
            return False
        return True

    async def releases(
        self,
        name: str,
        *,
        wanted: Callable[[Release], bool] = EVERYTHING,
        limit: int | None = None,
    ) -> AsyncGenerator[Release]:
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
        first: int = 1,
    ) -> AsyncGenerator[tuple[Release, ...]]:
        """Yield releases page by page, as they arrive, each once and with all its assets.

        GitHub's order is that of `created_at` (the date of the tagged commit), newest first:
        it says little about `published_at`, so no date can end the list early.

        Args:
            name: `OWNER/REPO`.
            wanted: which releases to yield, asked once for each that is listed; the assets
                of others are not completed.
            limit: how many to yield at most; at least 1.
            first: the page to begin with, from 1; a page has 100 releases, without a limit.

        Raises:
            NotFound, UsageError, Refused, Unreachable, TryLater: as `repository`.
        """
        if limit is not None and limit < 1:
            raise UsageError(f"a limit of {limit} asks for nothing")
        size = PAGE_SIZE if limit is None or wanted != EVERYTHING else min(limit, PAGE_SIZE)
        url = self._address(name, "/releases").copy_with(params={"per_page": size})
        if first > 1:
            url = url.copy_merge_params({"page": first})
        left, seen = limit, set[int]()
        listing = _Listing(self._exchange, name, capped=self._capped.add)
        async with aclosing(listing.releases(url)) as pages:
            async for page in pages:
                fresh = {one.id: one for one in page.value if one.id not in seen}  # pages drift
                chosen = [release for release in fresh.values() if wanted(release)][:left]
                seen.update(release.id for release in chosen)
                completed = [await listing.completed(release, page) for release in chosen]
                yield tuple(release for release in completed if release is not None)
                if left is not None:
                    left -= len(chosen)
                    if not left:
                        return

    def _address(self, name: str, rest: str = "") -> httpx.URL:
        if not is_repository_name(name):
            raise UsageError(f"{name!r} is not OWNER/REPO")
        return self._exchange.address(f"/repos/{name}{rest}")


class _Listing:
    """The pages of one listing, with one budget for all of them."""

    def __init__(self, exchange: Exchange, name: str, *, capped: Callable[[str], None]) -> None:
        self._exchange = exchange
        self._name = name
        self._capped = capped
        self._most_requests = exchange.usage.requests + MAX_LISTING_REQUESTS
        self._most_bytes = exchange.usage.received + MAX_LISTING_BYTES

    async def releases(self, url: httpx.URL) -> AsyncGenerator[Page[list[Release]]]:
        """Yield the pages of releases; the one behind GitHub's last is no error."""
        size, before = int(url.params["per_page"]), int(url.params.get("page", "1")) - 1
        count = before
        try:
            async with aclosing(self._pages(url, list[Release])) as pages:
                async for page in pages:
                    count += 1
                    self._exchange.say_rename(self._name, _present_name(page))
                    yield page
        except Unprocessable:
            if count * size < MOST_LISTED:
                raise
            if count > before:  # else there may be fewer now
                self._capped(self._name)
                self._exchange.say_cap(
                    f"{self._name}: GitHub lists no more than the newest 1,000 releases"
                )

    async def completed(self, release: Release, page: Page[list[Release]]) -> Release | None:
        """Return the release with the assets that its page left out, if it may have.

        None says that it has vanished meanwhile. The assets are asked for below the page's own
        address: a renamed repository then costs no redirect for each release.
        """
        if len(release.assets) < MOST_EMBEDDED:
            return release
        path = f"{page.url.path}/{release.id}/assets"
        url = page.url.copy_with(path=path, params={"per_page": PAGE_SIZE})
        assets: dict[int, Asset] = {}
        try:
            async with aclosing(self._pages(url, list[Asset])) as pages:
                async for one in pages:
                    assets |= {asset.id: asset for asset in one.value}
        except NotFound:
            self._exchange.say(
                f"{self._name}: {release.tag_name} vanished while its assets were listed"
            )
            return None
        return replace(release, assets=tuple(assets.values()))

    async def _pages(self, url: httpx.URL, kind: type[T]) -> AsyncGenerator[Page[T]]:
        """Yield a page and those that it leads to.

        Raises:
            Unreachable: they lead in a circle, or never end.
        """
        visited: set[httpx.URL] = set()
        following: httpx.URL | None = url
        while following is not None:
            if following in visited or len(visited) >= MAX_PAGES or self._is_spent():
                raise Unreachable(f"{redact_url(str(url))}: the pages never end; giving up")
            visited.add(following)
            page = await self._exchange.get(following, kind, self._name)
            yield page
            following = page.next_url

    def _is_spent(self) -> bool:
        usage = self._exchange.usage
        return usage.requests > self._most_requests or usage.received > self._most_bytes


def _present_name(page: Page[list[Release]]) -> str | None:
    """Return the name of the repository that a page's releases are of, if it tells."""
    found = _WEB_PAGE.match(page.value[0].html_url) if page.value else None
    return found[1] if found and is_repository_name(found[1]) else None
