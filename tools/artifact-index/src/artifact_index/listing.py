"""Reading a repository's releases page by page into a store, and remembering what was listed."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing

from gh_releases import Client, Release, Repository
from toolroll_shared.errors import TryLater

from .diff import Listed
from .store import PageChanges, Store
from .values import utc_text

MOST_REREADS = 100
"""How often a page may be outdated by another sync's before this one gives up."""

MOST_ASKED = 20
"""Releases that are asked for one by one; of more, the lists have to be believed."""


class Reader:
    """Reads pages of one repository's releases into a store.

    Args:
        client: asked for them.
        store: where they go.
        repository: one that the store has.
        wanted: which releases are stored.
        stored: told of each page what it changed.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        repository: Repository,
        wanted: Callable[[Release], bool],
        *,
        stored: Callable[[PageChanges], None],
    ) -> None:
        self._client = client
        self._store = store
        self._repository = repository
        self._stored = stored
        self._recorder = _Recorder(wanted)

    @property
    def listed(self) -> Listed:
        """What all pages so far showed."""
        capped = self._client.is_capped(self._repository.full_name)
        return Listed(
            ids=self._recorder.ids,
            oldest=self._recorder.oldest if capped else None,
            drafts=self._recorder.drafts,
        )

    async def read(self, first: int, last: int | None = None) -> None:
        """Store the pages from `first` to `last`, or to the end.

        Raises:
            TryLater: other syncs keep writing, or another repository has taken the name.
        """
        page = first
        for _ in range(MOST_REREADS):
            outdated = await self._read_until_outdated(page, last)
            if outdated is None:
                return
            page = outdated
            await self._check_name()
        raise TryLater(f"{self._repository.full_name}: other syncs of it keep writing")

    async def read_again(self) -> None:
        """Store the whole list once more; errors are those of `read`."""
        await self._check_name()
        await self.read(1)

    async def look_for(self, keys: Sequence[int]) -> None:
        """Ask for releases that no list showed; those that are there count as listed."""
        for key in keys if len(keys) <= MOST_ASKED else ():
            if await self._client.has_release(self._repository.full_name, key):
                self._recorder.ids.add(key)

    async def _check_name(self) -> None:
        """Ask whose name it is now: whatever made us read again may have changed that."""
        name = self._repository.full_name
        if (await self._client.repository(name)).id != self._repository.id:
            raise TryLater(f"{name}: another repository has taken this name meanwhile")

    async def _read_until_outdated(self, first: int, last: int | None) -> int | None:
        """Return the page to read again because another sync wrote meanwhile; None at the end."""
        key, number = self._repository.id, first
        revision = self._store.revision(key)
        pages = self._client.pages(self._repository.full_name, wanted=self._recorder, first=first)
        async with aclosing(pages):
            async for releases in pages:
                changes = self._store.put_page(
                    key, releases, next_page=number + 1, revision=revision
                )
                if changes is None:
                    self._recorder.drop()
                    return number
                self._stored(changes)
                self._recorder.keep(releases)
                if number == last:
                    return None
                number += 1
                revision = self._store.revision(key)
        return None


class _Recorder:
    """A choice that remembers the releases it is asked about, and takes none twice.

    Attributes:
        ids: of all releases in the pages that were kept.
        oldest: the earliest `created_at` among them.
        drafts: whether a draft is among them: who may not see drafts is shown none.
    """

    def __init__(self, wanted: Callable[[Release], bool]) -> None:
        self._wanted = wanted
        self._page: list[Release] = []
        self._taken: set[int] = set()
        self.ids: set[int] = set()
        self.oldest: str | None = None
        self.drafts = False

    def __call__(self, release: Release) -> bool:
        self._page.append(release)
        return release.id not in self._taken and self._wanted(release)

    def keep(self, taken: Iterable[Release]) -> None:
        """Count the page, of which some releases were stored."""
        self._taken.update(release.id for release in taken)
        for release in self._page:
            self.ids.add(release.id)
            self.drafts = self.drafts or release.draft
            created_at = utc_text(release.created_at)
            self.oldest = min(self.oldest or created_at, created_at)
        self._page.clear()

    def drop(self) -> None:
        """Forget the page."""
        self._page.clear()
