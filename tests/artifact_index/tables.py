"""Indexes with rows of the test's own, what an export of them has to hold, and the command."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from artifact_index import SCHEMA
from tests.support.commands import Finished
from toolroll_shared.sqlite import open_database

Export = Callable[..., Finished]
Record = dict[str, Any]

FORMS = ("csv", "ndjson", "parquet")
TIME = "2024-05-01T12:00:00Z"

SELECTIONS = {
    "releases": """
        SELECT l.id, repository_id, full_name AS repository, tag_name, l.name, draft, prerelease,
            created_at, published_at, html_url, l.first_seen_at, l.gone_at
        FROM releases l JOIN repositories r ON r.id = repository_id ORDER BY l.id""",
    "assets": """
        SELECT a.id, release_id, full_name AS repository, tag_name, a.name, size, digest,
            content_type, state, download_count, a.created_at, updated_at, url,
            browser_download_url, a.first_seen_at, a.gone_at
        FROM assets a JOIN releases l ON l.id = release_id
        JOIN repositories r ON r.id = repository_id ORDER BY a.id""",
    "download_counts": """
        SELECT asset_id, full_name AS repository, tag_name, a.name, day, c.download_count
        FROM download_counts c JOIN assets a ON a.id = asset_id
        JOIN releases l ON l.id = release_id JOIN repositories r ON r.id = repository_id
        ORDER BY asset_id, day""",
}
"""What each table's export is to say, asked for independently of it."""

_RELEASE = """
INSERT INTO releases (id, repository_id, tag_name, name, draft, prerelease, created_at,
    published_at, html_url)
VALUES (?, 1, ?, ?, ?, ?, ?, ?, 'https://github.com/octo/tool')
"""

_MANY = f"""
INSERT INTO assets (id, release_id, name, size, digest, content_type, state, download_count,
    created_at, updated_at, url, browser_download_url)
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
SELECT n, 1, 'tool_' || n, n, 'sha256:' || hex(randomblob(32)), 'application/gzip', 'uploaded', n,
    '{TIME}', '{TIME}', 'https://api.github.com/repos/octo/tool/releases/assets/' || n,
    'https://github.com/octo/tool/releases/download/v1/tool_' || n FROM numbers
"""  # noqa: S608 - our own time


def change(path: Path, sql: str, *values: object) -> None:
    """Run one statement on a database, making an index of the file if it is not there."""
    with closing(open_database(path, SCHEMA)) as connection:
        connection.execute(sql, values)


def make(path: Path, *, rows: int = 0) -> None:
    """Make an index of one repository with one release, and that many assets."""
    change(path, "INSERT INTO repositories (id, full_name, private) VALUES (1, 'octo/tool', 0)")
    change(path, _RELEASE, 1, "v1", None, 0, 1, TIME, TIME)
    if rows:
        change(path, _MANY, rows)


def add(path: Path, texts: Iterable[str]) -> None:
    """Put each text wherever GitHub may have text: a release and an asset of its own each."""
    for number, text in enumerate(texts, start=1000):
        published_at = TIME if number % 2 else None
        change(path, _RELEASE, number, text, text, number % 2, 0, TIME, published_at)
        change(
            path,
            "INSERT INTO assets SELECT id, id, tag_name, 7, tag_name, tag_name, tag_name, 8, "
            "created_at, created_at, tag_name, tag_name, NULL, NULL FROM releases WHERE id = ?",
            number,
        )
        change(path, "INSERT INTO download_counts VALUES (?, '2024-05-01', 8)", number)


def records(path: Path, table: str) -> list[Record]:
    """The rows that an export has to hold, as SQLite has them."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(SELECTIONS[table])]
