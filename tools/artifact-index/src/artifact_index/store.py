"""The store: repositories, releases and assets in SQLite, keyed by GitHub's ids.

It writes only what differs, marks what is gone upstream, and keeps an account of both. It
knows neither the network nor which file it is in: `release_mirror` keeps its tables beside
these. Every method may raise `sqlite3.Error`: wrap calls in `toolroll_shared.sqlite.errors_of`.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gh_releases import Release, Repository
from toolroll_shared.errors import CorruptStore
from toolroll_shared.sqlite import patiently, transaction

from .diff import Changes, Known, Listed, compare, missing
from .schema import ASSET_FIELDS, RELEASE_FIELDS, REPOSITORY_FIELDS
from .tables import Tables
from .values import asset_rows, release_rows, repository_row, utc_text


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChanges:
    """What storing one page, or several, changed."""

    releases: Changes = field(default_factory=Changes)
    assets: Changes = field(default_factory=Changes)

    @property
    def is_any(self) -> bool:
        """Whether anything was written."""
        return self.releases.is_any or self.assets.is_any

    def __add__(self, other: "PageChanges") -> "PageChanges":
        return PageChanges(
            releases=self.releases + other.releases, assets=self.assets + other.assets
        )


class Store:
    """The tables of the index, on an open connection that somebody else closes.

    Args:
        connection: one of `toolroll_shared.sqlite.open_database`.
        clock: says when something was seen.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connection = connection
        self._tables = Tables(connection)
        self._clock = clock

    def put_repository(self, repository: Repository, *, api_host: str) -> None:
        """Insert or update a repository; another that had its name until now is gone.

        Args:
            repository: as the API says.
            api_host: the API's server; ids are unique on one server only.

        Raises:
            CorruptStore: as `check_server`.
        """
        row = repository_row(repository, api_host)
        with transaction(self._connection):
            self.check_server(api_host)
            at = self._now()
            stored = self._tables.rows("repositories", REPOSITORY_FIELDS, "id", [repository.id])
            difference = compare(REPOSITORY_FIELDS, stored, [row])
            self._tables.insert("repositories", REPOSITORY_FIELDS, difference.new, at)
            self._tables.update("repositories", REPOSITORY_FIELDS, difference.changed)
            self._tables.log("repositories", difference.edits, at)
            namesakes = self._connection.execute(
                "SELECT id FROM repositories "
                "WHERE full_name = ? COLLATE NOCASE AND id <> ? AND gone_at IS NULL",
                (repository.full_name, repository.id),
            )
            self._mark_with_releases([key for (key,) in namesakes], at)

    def check_server(self, api_host: str) -> None:
        """Refuse a server that is not the one whose repositories are here.

        Raises:
            CorruptStore: the rows that are here have another server's ids.
        """
        others = self._read(
            "SELECT api_host FROM repositories WHERE api_host <> ? LIMIT 1", api_host
        )
        for (other,) in others:
            _, _, path = self._read("PRAGMA database_list")[0]
            raise CorruptStore(
                f"{path}: holds repositories of {other}, whose ids mean others on "
                f"{api_host}: use a database for each server"
            )

    def mark_gone(self, name: str) -> None:
        """Mark the repository of that name, if there is one, as not to be found.

        Its releases stay as they are: it may only be hidden from us.
        """
        with transaction(self._connection):
            found = self._connection.execute(
                "SELECT id FROM repositories WHERE full_name = ? COLLATE NOCASE "
                "AND gone_at IS NULL",
                (name,),
            ).fetchall()
            self._tables.mark("repositories", [key for (key,) in found], self._now())

    def repositories(self) -> dict[str, str | None]:
        """Return the names of all repositories, and since when they are gone, if they are."""
        rows = self._read(
            "SELECT full_name, gone_at FROM repositories ORDER BY gone_at IS NULL, full_name"
        )
        return dict(rows)  # who has a name now comes last

    def revision(self, repository_id: int) -> int:
        """Return a number that grows whenever something of the repository changes."""
        [(revision,)] = self._read("SELECT revision FROM repositories WHERE id = ?", repository_id)
        return int(revision)

    def next_page(self, repository_id: int) -> int:
        """Return the page that the last sync would have read next: 1 if it came to its end."""
        [(page,)] = self._read(
            "SELECT coalesce(next_page, 1) FROM repositories WHERE id = ?", repository_id
        )
        return int(page)

    def known(self, repository_id: int) -> list[Known]:
        """Return the releases that are here."""
        rows = self._read(
            "SELECT id, created_at, draft, gone_at IS NOT NULL FROM releases "
            "WHERE repository_id = ?",
            repository_id,
        )
        return [
            Known(key, created_at, draft=bool(draft), gone=bool(gone))
            for key, created_at, draft, gone in rows
        ]

    def put_page(
        self,
        repository_id: int,
        releases: Sequence[Release],
        *,
        next_page: int | None = None,
        revision: int | None = None,
    ) -> PageChanges | None:
        """Make releases and their assets those of a page, all in one transaction.

        An asset that a release had, and has no more, is gone.

        Args:
            repository_id: of a repository that was put.
            releases: each with all its assets.
            next_page: where a sync that ends before its time has to go on; None keeps that.
            revision: what it was before the page was asked for. If it is another now, the page
                may be older than what is here.

        Returns:
            what changed; None if the page may be outdated: then nothing is written.
        """
        with transaction(self._connection):
            if revision is not None and revision != self.revision(repository_id):
                return None
            at = self._now()
            changes = PageChanges(
                releases=self._put_releases(repository_id, releases, at),
                assets=self._put_assets(releases, at),
            )
            self._connection.execute(
                "UPDATE repositories SET next_page = coalesce(?, next_page), "
                "revision = revision + ? WHERE id = ?",
                (next_page, changes.is_any, repository_id),
            )
        return changes

    def finish(
        self, repository_id: int, *, known: Sequence[Known], listed: Listed, since: datetime | None
    ) -> PageChanges:
        """Mark what a whole listing did not show, and note that it was whole.

        Args:
            repository_id: whose releases were listed.
            known: those that were here before it.
            listed: what it showed.
            since: releases published earlier were not stored.
        """
        with transaction(self._connection):
            at = self._now()
            gone = self._tables.still_there("releases", "id", missing(known, listed))
            assets = self._tables.still_there("assets", "release_id", gone)
            self._tables.mark("releases", gone, at)
            self._tables.mark("assets", assets, at)
            self._connection.execute(
                "UPDATE repositories SET next_page = NULL, synced_at = ?, synced_since = ?, "
                "listed_from = ?, revision = revision + ? WHERE id = ?",
                (
                    at,
                    None if since is None else utc_text(since),
                    listed.oldest,
                    bool(gone),
                    repository_id,
                ),
            )
        return PageChanges(releases=Changes(gone=len(gone)), assets=Changes(gone=len(assets)))

    def _mark_with_releases(self, repositories: Sequence[object], at: str) -> None:
        releases = self._tables.still_there("releases", "repository_id", repositories)
        assets = self._tables.still_there("assets", "release_id", releases)
        self._tables.mark("repositories", repositories, at)
        self._tables.mark("releases", releases, at)
        self._tables.mark("assets", assets, at)
        self._connection.executemany(
            "UPDATE repositories SET revision = revision + 1 WHERE id = ?",
            [(key,) for key in repositories],
        )

    def _read(self, sql: str, *values: object) -> list[Any]:
        return patiently(lambda: self._connection.execute(sql, values).fetchall())

    def _now(self) -> str:
        return utc_text(self._clock())

    def _put_releases(self, repository_id: int, releases: Sequence[Release], at: str) -> Changes:
        rows = release_rows(repository_id, releases)
        stored = self._tables.rows("releases", RELEASE_FIELDS, "id", [row[0] for row in rows])
        difference = compare(RELEASE_FIELDS, stored, rows)
        self._tables.insert("releases", RELEASE_FIELDS, difference.new, at)
        self._tables.update("releases", RELEASE_FIELDS, difference.changed)
        self._tables.log("releases", difference.edits, at)
        return difference.counts

    def _put_assets(self, releases: Sequence[Release], at: str) -> Changes:
        rows = asset_rows(releases)
        homes = [release.id for release in releases]
        stored = self._tables.rows("assets", ASSET_FIELDS, "release_id", homes)
        strays = [row[0] for row in rows if row[0] not in stored]
        stored |= self._tables.rows("assets", ASSET_FIELDS, "id", strays)
        difference = compare(ASSET_FIELDS, stored, rows, whole=True)
        self._tables.insert("assets", ASSET_FIELDS, difference.new, at)
        self._tables.update_assets([(stored[row[0]], row) for row in difference.changed], at)
        self._tables.mark("assets", difference.gone, at)
        self._tables.log("assets", difference.edits, at)
        return difference.counts
