"""What the command prints: texts for people, values for `--json`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from json import dumps
from pathlib import Path

from toolroll_shared.output import human_size, json_document, oneline, printable, table

from .commands import ExportOptions
from .diff import Changes
from .history import Change
from .status import RepositoryStatus
from .sync import Outcome
from .values import utc_text

CHANGE_HEADER = ("TIME", "REPOSITORY", "RELEASE", "ASSET", "CHANGE", "WHAT")
STATUS_HEADER = ("REPOSITORY", "RELEASES", "ASSETS", "GONE", "SIZE", "SYNCED", "STATE")
_NUMBERS = ("RELEASES", "ASSETS", "GONE", "SIZE")

ROWS_AT_ONCE = 1000
"""Of a list in a pipe, so that a long one is not in memory as a whole."""


def sync_text(outcomes: Iterable[Outcome]) -> str:
    """Return a line for each repository that is up to date; failures are told elsewhere."""
    return "".join(f"{one.repository}: {_became(one)}\n" for one in outcomes if one.error is None)


def _became(one: Outcome) -> str:
    if one.gone_since is not None:
        return f"not found since {one.gone_since}"
    return f"releases {_counts(one.changes.releases)}; assets {_counts(one.changes.assets)}"


def _counts(changes: Changes) -> str:
    return (
        f"{changes.new} new, {changes.changed} changed, {changes.unchanged} unchanged, "
        f"{changes.gone} gone"
    )


def sync_json(database: Path, outcomes: Iterable[Outcome]) -> str:
    """Return the summary of a sync as one document."""
    repositories = [
        {
            "repository": one.repository,
            "ok": one.error is None,
            "error": None if one.error is None else oneline(str(one.error)),
            "gone_since": one.gone_since,
            **asdict(one.changes),
        }
        for one in outcomes
    ]
    return json_document({"database": str(database), "repositories": repositories})


def export_text(path: Path, table_name: str, rows: int) -> str:
    """Return a line that says what an export wrote."""
    count = "1 row" if rows == 1 else f"{rows} rows"
    return f"{printable(str(path))}: {count} of {table_name}\n"


def verify_json(database: Path, problems: Sequence[str]) -> str:
    """Return what a check found as one document."""
    return json_document(
        {"database": str(database), "ok": not problems, "problems": list(problems)}
    )


def export_json(path: Path, options: ExportOptions, rows: int) -> str:
    """Return the summary of an export as one document."""
    return json_document(
        {
            "database": str(options.database),
            "table": options.table,
            "format": options.form,
            "path": str(path),
            "rows": rows,
        }
    )


def status_text(found: Sequence[RepositoryStatus], *, terminal: bool) -> str:
    """Return a table with a row for each repository."""
    rows = [
        (
            one.repository,
            str(one.releases),
            str(one.assets),
            str(one.gone_releases + one.gone_assets),
            human_size(one.size) if terminal else str(one.size),
            one.synced_at or "",
            _state(one),
        )
        for one in found
    ]
    return table(STATUS_HEADER, rows, terminal=terminal, numbers=_NUMBERS)


def _state(one: RepositoryStatus) -> str:
    if one.gone_at is not None:
        return f"not found since {one.gone_at}"
    if one.next_page is not None:
        return f"unfinished: page {one.next_page} is next"
    if one.synced_at is None:
        return "never finished"
    if one.synced_since is not None:
        return f"since {one.synced_since}"
    return "whole" if one.listed_from is None else f"listed from {one.listed_from} on"


def status_json(
    database: Path, found: Iterable[RepositoryStatus], *, version: int, size: int
) -> str:
    """Return the status as one document."""
    return json_document(
        {
            "database": str(database),
            "schema_version": version,
            "bytes": size,
            "repositories": [asdict(one) for one in found],
        }
    )


def changes_rows(found: Iterable[Change]) -> Iterator[str]:
    """Yield tab-separated rows, some at a time."""
    rows = iter(found)
    while some := [_change_row(one) for one in islice(rows, ROWS_AT_ONCE)]:
        yield table(CHANGE_HEADER, some, terminal=False)


def changes_table(found: Iterable[Change]) -> str:
    """Return a table for a terminal."""
    return table(CHANGE_HEADER, map(_change_row, found), terminal=True)


def _change_row(one: Change) -> tuple[str, ...]:
    return (one.at, one.repository, one.tag_name or "", one.asset or "", one.change, _what(one))


def _what(one: Change) -> str:
    if one.field is None:
        return ""
    return f"{one.field}: {_shown(one.old)} -> {_shown(one.new)}"


def _shown(value: str | int | None) -> str:
    return "none" if value is None else str(value)


def changes_lines(found: Iterable[Change]) -> Iterator[str]:
    """Yield one JSON object a line."""
    for one in found:
        yield dumps(asdict(one)) + "\n"


def changes_json(
    database: Path, found: Iterable[Change], *, since: datetime | None
) -> Iterator[str]:
    """Yield one document, piece by piece."""
    about = {"database": str(database), "since": None if since is None else utc_text(since)}
    yield dumps(about).removesuffix("}") + ',\n"changes": ['
    comma = "\n"
    for one in found:
        yield f"{comma}{dumps(asdict(one))}"
        comma = ",\n"
    yield "]}\n" if comma == "\n" else "\n]}\n"
