"""What happened to the rows of an index: new, changed, gone, back, and downloads.

The account is kept by the store; nothing here is known of times before its first sync.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from .values import utc_text

_EVENTS = """
SELECT at, repositories.full_name AS repository, releases.tag_name AS tag_name,
    assets.name AS asset, change, field, old_value, new_value,
    found.repository_id, found.release_id, found.asset_id, entry
FROM (
    SELECT first_seen_at AS at, 'new' AS change, NULL AS field, NULL AS old_value,
        NULL AS new_value, id AS repository_id, NULL AS release_id, NULL AS asset_id, 0 AS entry
    FROM repositories WHERE first_seen_at >= :since
    UNION ALL
    SELECT first_seen_at, 'new', NULL, NULL, NULL, repository_id, id, NULL, 0
    FROM releases WHERE first_seen_at >= :since
    UNION ALL
    SELECT assets.first_seen_at, 'new', NULL, NULL, NULL, repository_id, release_id, assets.id, 0
    FROM assets JOIN releases ON releases.id = release_id WHERE assets.first_seen_at >= :since
    UNION ALL
    SELECT at, change, field, old_value, new_value, repository_id, release_id, asset_id, id
    FROM changes WHERE at >= :since
    UNION ALL
    SELECT last.day, 'downloads', 'download_count',
        coalesce(
            (SELECT download_count FROM download_counts AS earlier
             WHERE earlier.asset_id = last.asset_id AND earlier.day < :day
             ORDER BY day DESC LIMIT 1),
            (SELECT download_count FROM download_counts AS first
             WHERE first.asset_id = last.asset_id ORDER BY day LIMIT 1)
        ) AS before, download_counts.download_count, repository_id, release_id, last.asset_id, 0
    FROM (SELECT asset_id, max(day) AS day FROM download_counts GROUP BY asset_id) AS last
    JOIN download_counts USING (asset_id, day)
    JOIN assets ON assets.id = last.asset_id JOIN releases ON releases.id = release_id
    WHERE last.day >= :day AND before IS NOT download_counts.download_count
) AS found
JOIN repositories ON repositories.id = found.repository_id
LEFT JOIN releases ON releases.id = found.release_id
LEFT JOIN assets ON assets.id = found.asset_id
ORDER BY at, entry, repository, found.release_id, found.asset_id
"""

_DAY = len("2026-01-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that a sync saw.

    Attributes:
        at: when, in UTC; of downloads the day.
        repository: OWNER/REPO.
        tag_name: of the release that it is about; None for the repository itself.
        asset: the name of the asset that it is about; None for the release itself.
        change: `new`, `changed`, `gone`, `back` or `downloads`.
        field: which field changed, and from what to what.
        repository_id, release_id, asset_id: GitHub's ids of the same.
    """

    at: str
    repository: str
    tag_name: str | None
    asset: str | None
    change: str
    field: str | None
    old: str | int | None
    new: str | int | None
    repository_id: int
    release_id: int | None
    asset_id: int | None


def changes(connection: sqlite3.Connection, *, since: datetime | None = None) -> Iterator[Change]:
    """Yield what happened, in the order of time.

    Downloads are known by the day: an asset has one entry at the most, from the last count of
    an earlier day than that of `since`, or else the first there is, to the latest.

    Args:
        connection: an open index.
        since: this instant or later; None is all that is known.
    """
    text = "" if since is None else utc_text(since)
    rows = connection.execute(_EVENTS, {"since": text, "day": text[:_DAY]})
    for row in rows:
        yield Change(
            at=row[0],
            repository=row[1],
            tag_name=row[2],
            asset=row[3],
            change=row[4],
            field=row[5],
            old=row[6],
            new=row[7],
            repository_id=row[8],
            release_id=row[9],
            asset_id=row[10],
        )
