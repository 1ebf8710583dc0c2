"""What each command does with its database; what to print of it is decided elsewhere."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gh_releases import Client, ClientOptions
from toolroll_shared.errors import UsageError
from toolroll_shared.files import make_folder
from toolroll_shared.logs import Log
from toolroll_shared.output import oneline
from toolroll_shared.signals import run_async
from toolroll_shared.sqlite import errors_of, open_database

from .export import TABLES, Format, Write, export_csv, export_ndjson
from .places import writing_to
from .schema import SCHEMA
from .store import Store
from .sync import Outcome, sync_all
from .verify import problems, refuse_damaged


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions:
    """What to sync, from where and to where.

    Attributes:
        database: the file; made if it is not there and repositories are named.
        make_folders: make the folders above it, too.
        repositories: OWNER/REPO of each; none are all those of the database.
        since: only releases published at this instant or later.
        client: how to reach the API.
    """

    database: Path
    make_folders: bool = False
    repositories: Sequence[str]
    since: datetime | None = None
    client: ClientOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What to export.

    Attributes:
        database: the file.
        table: a name in `export.TABLES`.
        form: how it is written.
        defused: put `'` before text that a spreadsheet would take for a formula; CSV only.
    """

    database: Path
    table: str
    form: Format
    defused: bool = False


@contextmanager
def reading(database: Path, *, checked: bool = True) -> Iterator[sqlite3.Connection]:
    """Yield an index that is there, to be read.

    Args:
        database: the file.
        checked: look for damage first, as `verify` itself does better.

    Raises:
        CorruptStore: it is no index, damaged, or of another schema version.
        UsageError: it is not there, or cannot be read.
        TryLater: it is locked.
    """
    with (
        closing(open_database(database, SCHEMA, reading=True)) as connection,
        errors_of(database, reading=True),
    ):
        if checked:
            refuse_damaged(connection, str(database))
        yield connection


def sync(options: SyncOptions, *, notify: Callable[[str], None], log: Log) -> list[Outcome]:
    """Bring a database up to date, and return what became of each repository.

    Args:
        options: what, and where.
        notify: told one line for each thing that a person should know, failures among them.
        log: records each request and each repository.

    Raises:
        CorruptStore: it is no index, damaged, of a newer schema, or another server's.
        UsageError: it has no repositories, or is not there, and none are named.
        TryLater: it is locked from the start.
        ToolError: it cannot be opened or written.
    """

    async def fill(store: Store, outcomes: list[Outcome]) -> None:
        async with Client(options.client, notify=notify, log=log) as client:
            await sync_all(
                client,
                store,
                outcomes,
                database=options.database,
                since=options.since,
                failed=lambda outcome: notify(oneline(str(outcome.error))),
                log=log,
            )

    database = options.database
    if not options.repositories and not database.exists():
        raise UsageError(f"{database}: is not there yet: name the repositories to begin with")
    if options.make_folders:
        make_folder(database.parent)
    with closing(open_database(database, SCHEMA)) as connection, errors_of(database):
        refuse_damaged(connection, str(database))
        store = Store(connection)
        outcomes = _wanted(options, store)
        try:
            run_async(fill(store, outcomes))
        except KeyboardInterrupt:
            notify("what was read so far is stored; run it again to go on")
            raise
    return outcomes


def _wanted(options: SyncOptions, store: Store) -> list[Outcome]:
    """Return the repositories that are named, or else all there are, each once."""
    if not options.repositories:
        there = {name.lower(): (name, gone_at) for name, gone_at in store.repositories().items()}
        if not there:
            raise UsageError(f"{options.database}: holds no repositories yet: name some")
        return [Outcome(repository=name, gone_since=gone) for name, gone in there.values()]
    named: dict[str, Outcome] = {}
    for name in options.repositories:
        named.setdefault(name.lower(), Outcome(repository=name))
    return list(named.values())


def export(options: ExportOptions, write: Write, *, log: Log) -> int:
    """Write a table, and return the number of rows.

    Args:
        options: which, and how.
        write: takes blocks of bytes.
        log: records the export.

    Raises:
        ToolError: as `reading`; the extra that the form needs is not installed.
    """
    exporting = _exporting(options)
    with log.action("export", "-") as fields, reading(options.database) as connection:
        fields["rows"] = rows = exporting(connection, _counted(write, fields))
    return rows


def export_to(options: ExportOptions, path: Path, *, log: Log) -> int:
    """Write a table to a file that appears whole or not at all; return the number of rows.

    Raises:
        UsageError: the path is the database, or a folder.
        ToolError: as `export`; the file cannot be written.
    """
    exporting = _exporting(options)
    with (
        log.action("export", str(path)) as fields,
        reading(options.database) as connection,
        writing_to(path, source=options.database) as write,
    ):
        fields["rows"] = rows = exporting(connection, _counted(write, fields))
    return rows


def _counted(write: Write, fields: dict[str, Any]) -> Write:
    """Return what writes, and counts the bytes for a record."""
    fields["bytes"] = 0

    def count(block: bytes) -> object:
        fields["bytes"] += len(block)
        return write(block)

    return count


def verify(database: Path, *, log: Log) -> list[str]:
    """Return what is wrong with a database: nothing, if it is sound.

    Raises:
        ToolError: as `reading`.
    """
    with (
        log.action("verify", str(database)) as fields,
        reading(database, checked=False) as connection,
    ):
        found = problems(connection, SCHEMA)
        fields.update(ok=not found, problems=len(found))
    return found


def _exporting(options: ExportOptions) -> Callable[[sqlite3.Connection, Write], int]:
    table = TABLES[options.table]
    if options.form == "csv":
        return lambda source, write: export_csv(source, table, write, defused=options.defused)
    if options.form == "ndjson":
        return lambda source, write: export_ndjson(source, table, write)
    try:
        from .parquet import export_parquet  # noqa: PLC0415 - an extra, and heavy
    except ImportError as error:
        raise UsageError(
            "--parquet needs pyarrow: pip install 'toolroll-artifact-index[parquet]'"
        ) from error
    return lambda source, write: export_parquet(source, table, write)
