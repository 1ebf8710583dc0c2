"""Rows of the index as they are read, written, marked and logged: SQL, and no rules.

Names of tables and columns come from `schema` only. Nothing here begins or ends a transaction.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence

from .diff import Edit, Row
from .schema import ASSET_FIELDS

_COUNT = ASSET_FIELDS.index("download_count")
_DAY = len("2026-01-01")

_KEEP_COUNT = """
INSERT INTO download_counts (asset_id, day, download_count)
VALUES (
    :id,
    max(:day, coalesce((SELECT max(day) FROM download_counts WHERE asset_id = :id), :day)),
    :count
)
ON CONFLICT (asset_id, day) DO UPDATE SET download_count = excluded.download_count
"""
"""Never before the last day that is kept: a clock that was put back changes no order."""

_PLACES = {
    "repositories": "id, NULL, NULL, ?, ?, ?, ? FROM repositories WHERE id = ?",
    "releases": "repository_id, id, NULL, ?, ?, ?, ? FROM releases WHERE id = ?",
    "assets": "releases.repository_id, releases.id, assets.id, ?, ?, ?, ? "
    "FROM assets JOIN releases ON releases.id = assets.release_id WHERE assets.id = ?",
}
"""Where the log says that a row of each table belongs."""


class Tables:
    """The tables on an open connection, inside a transaction of the caller's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(
        self, table: str, fields: Sequence[str], column: str, values: Sequence[object]
    ) -> dict[object, Row]:
        """Return the rows of which a column has one of the values, by their keys."""
        sql = (
            f"SELECT {', '.join(fields)} FROM {table} "  # noqa: S608 - our own names
            f"WHERE {column} IN (SELECT value FROM json_each(?))"
        )
        return {row[0]: row for row in self._connection.execute(sql, (json.dumps(values),))}

    def still_there(self, table: str, column: str, values: Sequence[object]) -> list[object]:
        """Return the keys of such rows that are not marked as gone."""
        stored = self.rows(table, ("id", "gone_at"), column, values)
        return [key for key, gone_at in stored.values() if gone_at is None]

    def insert(self, table: str, fields: Sequence[str], rows: Iterable[Row], at: str) -> None:
        """Insert rows that were first seen at a time."""
        self._connection.executemany(
            f"INSERT INTO {table} (first_seen_at, {', '.join(fields)}) "  # noqa: S608
            f"VALUES ('{at}', {', '.join('?' * len(fields))})",
            rows,
        )

    def update(self, table: str, fields: Sequence[str], rows: Iterable[Row]) -> None:
        """Write rows over those of the same keys."""
        updates = ", ".join(f"{field} = ?" for field in fields[1:])
        self._connection.executemany(
            f"UPDATE {table} SET {updates} WHERE id = ?",  # noqa: S608
            [(*row[1:], row[0]) for row in rows],
        )

    def update_assets(self, changed: Sequence[tuple[Row, Row]], at: str) -> None:
        """Write changed assets, given with what they were; most have another count only."""
        recounted = [(now[_COUNT], now[0]) for old, now in changed if old[_COUNT] != now[_COUNT]]
        self._keep_first_counts([key for _, key in recounted])
        self._connection.executemany("UPDATE assets SET download_count = ? WHERE id = ?", recounted)
        self._connection.executemany(
            _KEEP_COUNT, [{"id": key, "day": at[:_DAY], "count": count} for count, key in recounted]
        )
        others = [now for old, now in changed if _without_count(old) != _without_count(now)]
        self.update("assets", ASSET_FIELDS, others)

    def mark(self, table: str, keys: Sequence[object], at: str) -> None:
        """Mark rows as gone upstream, and log it."""
        self._connection.executemany(
            f"UPDATE {table} SET gone_at = ? WHERE id = ?",  # noqa: S608
            [(at, key) for key in keys],
        )
        self.log(table, [Edit(key, "gone") for key in keys], at)

    def log(self, table: str, edits: Iterable[Edit], at: str) -> None:
        """Put into the log what happened to rows."""
        self._connection.executemany(
            "INSERT INTO changes "
            "(at, repository_id, release_id, asset_id, change, field, old_value, new_value) "
            f"SELECT ?, {_PLACES[table]}",
            [(at, edit.change, edit.field, edit.old, edit.new, edit.key) for edit in edits],
        )

    def _keep_first_counts(self, keys: Sequence[object]) -> None:
        """Begin the history of assets that have none, with the count they were first seen with."""
        self._connection.execute(
            "INSERT INTO download_counts "
            "SELECT id, substr(first_seen_at, 1, ?), download_count FROM assets "
            "WHERE id IN (SELECT value FROM json_each(?)) AND first_seen_at IS NOT NULL "
            "AND NOT EXISTS (SELECT 1 FROM download_counts WHERE asset_id = assets.id)",
            (_DAY, json.dumps(keys)),
        )


def _without_count(row: Row) -> Row:
    return row[:_COUNT] + row[_COUNT + 1 :]
