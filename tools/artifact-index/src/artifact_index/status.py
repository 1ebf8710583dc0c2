"""What an index holds, and how far its syncs got."""

import sqlite3
from dataclasses import dataclass

_STATUS = """
SELECT repositories.id, full_name, api_host, synced_at, synced_since, listed_from, next_page,
    repositories.gone_at, coalesce(listed.there, 0), coalesce(listed.gone, 0),
    coalesce(held.there, 0), coalesce(held.gone, 0), coalesce(held.size, 0)
FROM repositories
LEFT JOIN (
    SELECT repository_id, sum(gone_at IS NULL) AS there, sum(gone_at IS NOT NULL) AS gone
    FROM releases GROUP BY repository_id
) AS listed ON listed.repository_id = repositories.id
LEFT JOIN (
    SELECT repository_id, sum(assets.gone_at IS NULL) AS there,
        sum(assets.gone_at IS NOT NULL) AS gone,
        total(iif(assets.gone_at IS NULL, size, 0)) AS size
    FROM assets JOIN releases ON releases.id = release_id GROUP BY repository_id
) AS held ON held.repository_id = repositories.id
ORDER BY full_name COLLATE NOCASE, repositories.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryStatus:
    """What is known of a repository.

    Attributes:
        id: GitHub's.
        repository: OWNER/REPO.
        api_host: the server that was asked.
        synced_at: the end of the last whole sync, in UTC.
        synced_since: releases published earlier were left out of it.
        listed_from: the `created_at` of the earliest release that it was shown, if there were
            more than the server lists; None if it was shown all.
        next_page: where the last sync was cut off; None if it was not.
        gone_at: since when GitHub has not found it, for us at least.
        releases, gone_releases: how many are there upstream, and how many are not any more.
        assets, gone_assets: likewise.
        size: of the assets that are there, in bytes.
    """

    id: int
    repository: str
    api_host: str | None
    synced_at: str | None
    synced_since: str | None
    listed_from: str | None
    next_page: int | None
    gone_at: str | None
    releases: int
    gone_releases: int
    assets: int
    gone_assets: int
    size: int


def status(connection: sqlite3.Connection) -> list[RepositoryStatus]:
    """Return what is known of each repository, by name."""
    return [
        RepositoryStatus(
            id=row[0],
            repository=row[1],
            api_host=row[2],
            synced_at=row[3],
            synced_since=row[4],
            listed_from=row[5],
            next_page=row[6],
            gone_at=row[7],
            releases=row[8],
            gone_releases=row[9],
            assets=row[10],
            gone_assets=row[11],
            size=int(row[12]),
        )
        for row in connection.execute(_STATUS)
    ]
