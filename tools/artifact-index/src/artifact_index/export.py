"""Tables of the index as CSV, newline-delimited JSON or Parquet, row by row.

All rows come from one statement, so that they are those of one moment. Memory does not grow
with their number. CSV follows RFC 4180: CRLF, and quotes where they are needed.
"""

import csv
import io
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

Format = Literal["csv", "ndjson", "parquet"]
Write: TypeAlias = Callable[[bytes], object]

BATCH_ROWS = 1000
"""Rows that are in memory at once: some 500 KB of text."""

ROW_GROUP_ROWS = 10_000
"""Rows of a Parquet row group, which is compressed and read as a whole; some 4 MB in memory."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Source: OWASP, "CSV Injection"."""


class Column(NamedTuple):
    """A column of an export: its name, where it comes from, and what it holds."""

    name: str
    sql: str
    kind: Literal["text", "integer", "boolean", "time", "day"] = "text"


class Table(NamedTuple):
    """A table as it is exported: with names beside the ids that stand for them."""

    columns: tuple[Column, ...]
    source: str


_SEEN = (
    Column("first_seen_at", "{}.first_seen_at", "time"),
    Column("gone_at", "{}.gone_at", "time"),
)


def _seen(table: str) -> tuple[Column, ...]:
    return tuple(column._replace(sql=column.sql.format(table)) for column in _SEEN)


TABLES = {
    "releases": Table(
        (
            Column("id", "releases.id", "integer"),
            Column("repository_id", "releases.repository_id", "integer"),
            Column("repository", "repositories.full_name"),
            Column("tag_name", "releases.tag_name"),
            Column("name", "releases.name"),
            Column("draft", "releases.draft", "boolean"),
            Column("prerelease", "releases.prerelease", "boolean"),
            Column("created_at", "releases.created_at", "time"),
            Column("published_at", "releases.published_at", "time"),
            Column("html_url", "releases.html_url"),
            *_seen("releases"),
        ),
        "releases LEFT JOIN repositories ON repositories.id = releases.repository_id "
        "ORDER BY releases.id",
    ),
    "assets": Table(
        (
            Column("id", "assets.id", "integer"),
            Column("release_id", "assets.release_id", "integer"),
            Column("repository", "repositories.full_name"),
            Column("tag_name", "releases.tag_name"),
            Column("name", "assets.name"),
            Column("size", "assets.size", "integer"),
            Column("digest", "assets.digest"),
            Column("content_type", "assets.content_type"),
            Column("state", "assets.state"),
            Column("download_count", "assets.download_count", "integer"),
            Column("created_at", "assets.created_at", "time"),
            Column("updated_at", "assets.updated_at", "time"),
            Column("url", "assets.url"),
            Column("browser_download_url", "assets.browser_download_url"),
            *_seen("assets"),
        ),
        "assets LEFT JOIN releases ON releases.id = assets.release_id "
        "LEFT JOIN repositories ON repositories.id = releases.repository_id ORDER BY assets.id",
    ),
    "download_counts": Table(
        (
            Column("asset_id", "counts.asset_id", "integer"),
            Column("repository", "repositories.full_name"),
            Column("tag_name", "releases.tag_name"),
            Column("name", "assets.name"),
            Column("day", "counts.day", "day"),
            Column("download_count", "counts.download_count", "integer"),
        ),
        "download_counts AS counts LEFT JOIN assets ON assets.id = counts.asset_id "
        "LEFT JOIN releases ON releases.id = assets.release_id "
        "LEFT JOIN repositories ON repositories.id = releases.repository_id "
        "ORDER BY counts.asset_id, counts.day",
    ),
}


def export_csv(
    connection: sqlite3.Connection, table: Table, write: Write, *, defused: bool = False
) -> int:
    """Write a table as CSV with a header, and return the number of rows.

    NULL and the empty text are both an empty field; truth values are 0 and 1.

    Args:
        connection: an open index.
        table: one of `TABLES`.
        write: takes blocks of bytes.
        defused: put `'` before text that a spreadsheet would take for a formula.
    """
    cells = [_defused(column) if defused else column.sql for column in table.columns]
    texts = [f"ifnull(CAST({cell} AS TEXT), '')" for cell in cells]
    write(_csv([tuple(column.name for column in table.columns)]))
    count = 0
    for rows in batches(connection, table, texts, BATCH_ROWS):
        write(_csv(rows))
        count += len(rows)
    return count


def _csv(rows: Sequence[tuple[str, ...]]) -> bytes:
    """Return rows as CSV. Most have nothing to quote, and need not wait for the csv module."""
    text = "".join([f"{','.join(row)}\r\n" for row in rows])
    commas = sum(map(len, rows)) - len(rows)
    marks = (text.count(","), text.count("\r"), text.count("\n"), text.count('"'))
    if marks != (commas, len(rows), len(rows), 0):  # there are some inside a text
        quoted = io.StringIO(newline="")
        csv.writer(quoted, lineterminator="\r\n").writerows(rows)
        text = quoted.getvalue()
    return text.encode()


def export_ndjson(connection: sqlite3.Connection, table: Table, write: Write) -> int:
    """Write a table as one JSON object a line, and return the number of rows."""
    values = [f"'{column.name}', {_json(column)}" for column in table.columns]
    count = 0
    for rows in batches(connection, table, [f"json_object({', '.join(values)})"], BATCH_ROWS):
        write("".join([f"{line}\n" for (line,) in rows]).encode())
        count += len(rows)
    return count


def batches(
    connection: sqlite3.Connection, table: Table, expressions: Sequence[str], size: int
) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the values of expressions for each row of a table, `size` rows at a time."""
    sql = f"SELECT {', '.join(expressions)} FROM {table.source}"  # noqa: S608 - our own names
    cursor = connection.execute(sql)
    while rows := cursor.fetchmany(size):
        yield rows


def _json(column: Column) -> str:
    if column.kind == "boolean":
        return f"json(iif({column.sql}, 'true', 'false'))"
    return column.sql


def _defused(column: Column) -> str:
    if column.kind != "text":
        return column.sql
    starts = ", ".join(f"char({ord(start)})" for start in FORMULA_STARTS)
    return f"iif(substr({column.sql}, 1, 1) IN ({starts}), '''' || {column.sql}, {column.sql})"
