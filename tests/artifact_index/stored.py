"""A store without a network: what upstream has is said here, and when it is seen."""

from collections.abc import Iterable
from datetime import UTC, datetime

from artifact_index import PageChanges, Store
from artifact_index.diff import Listed
from gh_releases import Asset, Release, Repository

DAY_ONE = datetime(2026, 1, 1, 12, tzinfo=UTC)
REPOSITORY = Repository(id=1, full_name="octo/tool", private=False)
NOT_YET = "2000-01-01T00:00:00Z"


class Clock:
    """Says what it was set to."""

    def __init__(self) -> None:
        self.now = DAY_ONE

    def __call__(self) -> datetime:
        return self.now


def asset(number: int, *, name: str = "", count: int = 0, size: int = 1) -> Asset:
    """An asset, as the API says."""
    return Asset(
        id=number,
        name=name or f"asset-{number}",
        size=size,
        digest=None,
        content_type="text/plain",
        state="uploaded",
        download_count=count,
        created_at=DAY_ONE,
        updated_at=DAY_ONE,
        url=f"https://api.example/assets/{number}",
        browser_download_url=f"https://example/{number}",
    )


def release(number: int, *assets: Asset, tag: str = "", name: str | None = None) -> Release:
    """A release, as the API says."""
    return Release(
        id=number,
        tag_name=tag or f"v{number}",
        name=name,
        draft=False,
        prerelease=False,
        created_at=DAY_ONE,
        published_at=DAY_ONE,
        html_url=f"https://example/releases/{number}",
        assets=assets,
    )


def put(
    store: Store, releases: Iterable[Release], repository: Repository = REPOSITORY
) -> PageChanges:
    """Store all that a repository has, as a sync does."""
    releases = list(releases)
    store.put_repository(repository, api_host="api.example")
    known = store.known(repository.id)
    changes = store.put_page(repository.id, releases, next_page=2)
    assert changes is not None
    listed = Listed(ids={one.id for one in releases}, oldest=None, drafts=True)
    return changes + store.finish(repository.id, known=known, listed=listed, since=None)
