"""Releases and assets as rows: GitHub's values as SQLite takes them."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from gh_releases import Release, Repository

from .diff import Row


def repository_row(repository: Repository, api_host: str) -> Row:
    """Return the values of `REPOSITORY_FIELDS`."""
    return (repository.id, repository.full_name, int(repository.private), api_host)


def release_rows(repository_id: int, releases: Iterable[Release]) -> list[Row]:
    """Return the values of `RELEASE_FIELDS` of each release."""
    return [
        (
            release.id,
            repository_id,
            release.tag_name,
            release.name,
            int(release.draft),
            int(release.prerelease),
            utc_text(release.created_at),
            None if release.published_at is None else utc_text(release.published_at),
            release.html_url,
        )
        for release in releases
    ]


def asset_rows(releases: Iterable[Release]) -> list[Row]:
    """Return the values of `ASSET_FIELDS` of each asset."""
    return [
        (
            asset.id,
            release.id,
            asset.name,
            asset.size,
            asset.digest,
            asset.content_type,
            asset.state,
            asset.download_count,
            utc_text(asset.created_at),
            utc_text(asset.updated_at),
            asset.url,
            asset.browser_download_url,
        )
        for release in releases
        for asset in release.assets
    ]


def utc_text(moment: datetime) -> str:
    """Return a time with its zone as UTC text to the second, ending in Z."""
    if moment.tzinfo is not UTC:
        with suppress(OverflowError):  # a nonsensical year 1 or 9999, in another zone
            moment = moment.astimezone(UTC)
    return moment.isoformat()[:19] + "Z"
