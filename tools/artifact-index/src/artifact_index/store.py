"""The store: repositories, releases and assets in SQLite, keyed by GitHub's ids.

It writes only what differs, so that the changes it counts are true. It knows neither the
network nor which file it is in: `release_mirror` keeps its tables beside these.
"""

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from gh_releases import Asset, Release, Repository
from toolroll_shared.sqlite import Schema, transaction

VERSION_1 = """
CREATE TABLE repositories (
    id        INTEGER PRIMARY KEY,
    full_name TEXT NOT NULL,
    private   INTEGER NOT NULL CHECK (private IN (0, 1))
) STRICT;
CREATE TABLE releases (
    id            INTEGER PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    tag_name      TEXT NOT NULL,
    name          TEXT,
    draft         INTEGER NOT NULL CHECK (draft IN (0, 1)),
    prerelease    INTEGER NOT NULL CHECK (prerelease IN (0, 1)),
    created_at    TEXT NOT NULL,
    published_at  TEXT,
    html_url      TEXT NOT NULL
) STRICT;
CREATE INDEX releases_by_repository ON releases (repository_id);
CREATE TABLE assets (
    id                   INTEGER PRIMARY KEY,
    release_id           INTEGER NOT NULL REFERENCES releases (id),
    name                 TEXT NOT NULL,
    size                 INTEGER NOT NULL,
    digest               TEXT,
    content_type         TEXT NOT NULL,
    state                TEXT NOT NULL,
    download_count       INTEGER NOT NULL,
    created_at           TEXT NOT NULL,
    updated_at           TEXT NOT NULL,
    url                  TEXT NOT NULL,
    browser_download_url TEXT NOT NULL
) STRICT;
CREATE INDEX assets_by_release ON assets (release_id);
"""

SCHEMA = Schema(
    kind="artifact-index database",
    application_id=0x54524149,  # "TRAI"
    migrations=(VERSION_1,),
)

_REPOSITORY_FIELDS = ("id", "full_name", "private")
_RELEASE_FIELDS = (
    "id",
    "repository_id",
    "tag_name",
    "name",
    "draft",
    "prerelease",
    "created_at",
    "published_at",
    "html_url",
)
_ASSET_FIELDS = (
    "id",
    "release_id",
    "name",
    "size",
    "digest",
    "content_type",
    "state",
    "download_count",
    "created_at",
    "updated_at",
    "url",
    "browser_download_url",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How many rows a write found new, changed and unchanged."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def __add__(self, other: "Changes") -> "Changes":
        return Changes(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChanges:
    """What storing one page, or several, changed."""

    releases: Changes = Changes()
    assets: Changes = Changes()

    def __add__(self, other: "PageChanges") -> "PageChanges":
        return PageChanges(
            releases=self.releases + other.releases, assets=self.assets + other.assets
        )


class Store:
    """The tables of this module, on an open connection that somebody else closes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def put_repository(self, repository: Repository) -> None:
        """Insert or update a repository.

        Raises:
            sqlite3.Error: as every method here; wrap calls in `toolroll_shared.sqlite.errors_of`.
        """
        row = attrgetter(*_REPOSITORY_FIELDS)(repository)
        with transaction(self._connection):
            self._put("repositories", _REPOSITORY_FIELDS, [row])

    def put_page(self, repository: Repository, releases: Sequence[Release]) -> PageChanges:
        """Insert or update releases with their assets, all in one transaction."""
        with transaction(self._connection):
            return PageChanges(
                releases=self._put(
                    "releases",
                    _RELEASE_FIELDS,
                    [_release_row(repository, release) for release in releases],
                ),
                assets=self._put(
                    "assets",
                    _ASSET_FIELDS,
                    [
                        _asset_row(release, asset)
                        for release in releases
                        for asset in release.assets
                    ],
                ),
            )

    def _put(self, name: str, fields: Sequence[str], rows: Sequence[tuple[object, ...]]) -> Changes:
        """Upsert rows whose first field is the key, touching none that is as it should be."""
        upsert = _upsert(name, fields)
        present = self._present(name, {row[0] for row in rows})
        written = sum(self._connection.execute(upsert, row).rowcount for row in rows)
        new = len({row[0] for row in rows}) - present
        return Changes(new=new, changed=written - new, unchanged=len(rows) - written)

    def _present(self, name: str, keys: Collection[object]) -> int:
        """Count the keys that are there already."""
        sql = f"SELECT count(*) FROM {name} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608
        count: int = self._connection.execute(sql, (json.dumps(list(keys)),)).fetchone()[0]
        return count


def _upsert(name: str, fields: Sequence[str]) -> str:
    """Return the statement that inserts a row, or updates it where it differs."""
    others = fields[1:]
    updates = ", ".join(f"{field} = excluded.{field}" for field in others)
    differs = " OR ".join(f"{name}.{field} IS NOT excluded.{field}" for field in others)
    return (
        f"INSERT INTO {name} ({', '.join(fields)}) "  # noqa: S608 - our own names
        f"VALUES ({', '.join('?' * len(fields))}) ON CONFLICT ({fields[0]}) DO UPDATE "
        f"SET {updates} WHERE {differs}"
    )


def _release_row(repository: Repository, release: Release) -> tuple[object, ...]:
    values = attrgetter(*(field for field in _RELEASE_FIELDS if field != "repository_id"))(release)
    return _row(values[0], repository.id, *values[1:])


def _asset_row(release: Release, asset: Asset) -> tuple[object, ...]:
    values = attrgetter(*(field for field in _ASSET_FIELDS if field != "release_id"))(asset)
    return _row(values[0], release.id, *values[1:])


def _row(*values: object) -> tuple[object, ...]:
    """Return values as SQLite takes them: a time as UTC text to the second, ending in Z."""
    return tuple(_text(value) if isinstance(value, datetime) else value for value in values)


def _text(moment: datetime) -> str:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:  # a nonsensical year 1 or 9999, in another zone
        moment = moment.replace(tzinfo=UTC)
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
