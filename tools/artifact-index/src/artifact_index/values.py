"""Releases and assets as rows: GitHub's values as SQLite takes them."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from msgspec import to_builtins

from gh_releases import Release, Repository

from .diff import Row

_UTC_LENGTH = len("2026-01-01T00:00:00Z")  # with a fraction or another zone it is longer


def repository_row(repository: Repository, api_host: str) -> Row:
    """Return the values of `REPOSITORY_FIELDS` for one that is there."""
    return (repository.id, repository.full_name, int(repository.private), api_host, None)


def release_rows(repository_id: int, releases: Iterable[Release]) -> list[Row]:
    """Return the values of `RELEASE_FIELDS` for releases that are there."""
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
            None,
        )
        for release in releases
    ]


def asset_rows(releases: Iterable[Release]) -> list[Row]:
    """Return the values of `ASSET_FIELDS` for the assets of releases that are there.

    A page may have 10,000 assets: msgspec turns their times into text at once.
    """
    return [
        (
            asset["id"],
            release.id,
            asset["name"],
            asset["size"],
            asset["digest"],
            asset["content_type"],
            asset["state"],
            asset["download_count"],
            _to_the_second(asset["created_at"]),
            _to_the_second(asset["updated_at"]),
            asset["url"],
            asset["browser_download_url"],
            None,
        )
        for release in releases
        for asset in to_builtins(release.assets)
    ]


def _to_the_second(text: str) -> str:
    """Return an ISO 8601 time as `utc_text` would; from GitHub it is already."""
    return text if len(text) == _UTC_LENGTH else utc_text(datetime.fromisoformat(text))


def utc_text(moment: datetime) -> str:
    """Return a time with its zone as UTC text to the second, ending in Z."""
    if moment.tzinfo is not UTC:
        with suppress(OverflowError):  # a nonsensical year 1 or 9999, in another zone
            moment = moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"
