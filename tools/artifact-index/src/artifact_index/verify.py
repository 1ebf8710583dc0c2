"""Whether an index is sound: SQLite's own checks, the schema, and what must hold in the rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from toolroll_shared.errors import CorruptStore
from toolroll_shared.sqlite import Schema, patiently

MOST_PROBLEMS = 100
"""Of each kind; after so many nobody wants to know more."""

_TIMES = {
    "repositories": ("first_seen_at", "gone_at", "synced_at", "synced_since", "listed_from"),
    "releases": ("created_at", "published_at", "first_seen_at", "gone_at"),
    "assets": ("created_at", "updated_at", "first_seen_at", "gone_at"),
    "changes": ("at",),
}
_RULES = {
    "asset {}: its last count in download_counts is not its download_count": """
        SELECT asset_id FROM (SELECT asset_id, max(day) AS day FROM download_counts GROUP BY 1)
        JOIN download_counts USING (asset_id, day) JOIN assets ON assets.id = asset_id
        WHERE download_counts.download_count <> assets.download_count""",
    "asset {}: a day of its download_counts is none": """
        SELECT asset_id FROM download_counts
        WHERE day <> coalesce(strftime('%Y-%m-%d', day), '')""",
    "repository {}: its next_page is none": "SELECT id FROM repositories WHERE next_page < 1",
    "repository {}: another that is there has its name": """
        SELECT id FROM repositories WHERE gone_at IS NULL
        GROUP BY full_name COLLATE NOCASE HAVING count(*) > 1""",
    "changes {}: holds a value that no field has": """
        SELECT id FROM changes
        WHERE typeof(old_value) IN ('blob', 'real') OR typeof(new_value) IN ('blob', 'real')""",
    "asset {}: is there, but its release is gone": """
        SELECT assets.id FROM assets JOIN releases ON releases.id = release_id
        WHERE assets.gone_at IS NULL AND releases.gone_at IS NOT NULL""",
    **{
        f"{table} {{}}: {column} is no time in UTC": (
            f"SELECT id FROM {table} WHERE {column} "  # noqa: S608 - our own names
            f"<> coalesce(strftime('%Y-%m-%dT%H:%M:%SZ', {column}), '')"
        )
        for table, columns in _TIMES.items()
        for column in columns
    },
}


def refuse_damaged(connection: sqlite3.Connection, name: str) -> None:
    """Raise `CorruptStore` if SQLite's quick check finds something; that reads the whole file."""
    [(found,)] = patiently(lambda: connection.execute("PRAGMA quick_check(1)").fetchall())
    if found != "ok":
        raise CorruptStore(f"{name}: is damaged: {_in_one_line(found)}")


def problems(connection: sqlite3.Connection, schema: Schema) -> list[str]:
    """Return what is wrong with an index, the worst only; nothing if it is sound."""
    for check in (_damage, _broken_references):
        if found := list(check(connection)):
            return found
    if found := list(_other_schema(connection, schema)):
        return found
    _decode(connection)
    return list(_broken_rules(connection))


def _damage(connection: sqlite3.Connection) -> Iterator[str]:
    for (found,) in connection.execute(f"PRAGMA integrity_check({MOST_PROBLEMS})"):
        if found != "ok":
            yield f"is damaged: {_in_one_line(found)}"


def _broken_references(connection: sqlite3.Connection) -> Iterator[str]:
    cursor = connection.execute("PRAGMA foreign_key_check")
    for table, key, parent, _ in cursor.fetchmany(MOST_PROBLEMS):
        yield f"{table} {key}: belongs to no row of {parent}"


def _other_schema(connection: sqlite3.Connection, schema: Schema) -> Iterator[str]:
    """Yield what the schema lacks or has otherwise; what users added is theirs."""
    with closing(sqlite3.connect(":memory:")) as fresh:
        for script in schema.migrations:
            fresh.executescript(script)
        expected, found = _objects(fresh), _objects(connection)
    for name, sql in expected.items():
        if name not in found:
            yield f"its {name[0]} {name[1]} is not there"
        elif found[name] != sql:
            yield f"its {name[0]} {name[1]} is not that of this schema version"


def _objects(connection: sqlite3.Connection) -> dict[tuple[str, str], str]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {(kind, name): sql for kind, name, sql in rows}


def _decode(connection: sqlite3.Connection) -> None:
    """Read every text; of one that is none, Python raises `sqlite3.OperationalError`."""
    for table in _TIMES:
        for _ in connection.execute(f"SELECT * FROM {table}"):  # noqa: S608 - our own names
            pass


def _broken_rules(connection: sqlite3.Connection) -> Iterator[str]:
    for text, sql in _RULES.items():
        for (key,) in connection.execute(sql).fetchmany(MOST_PROBLEMS):
            yield text.format(key)


def _in_one_line(text: str) -> str:
    return " ".join(text.removeprefix("*** in database main ***").split())
