"""SQLite files that know whose they are: opened with care, migrated step by step.

A file is accepted only if its application_id and user_version are the expected ones; what
else it may be is refused by name, before anything in it is changed. Callers write their own
SQL, in `transaction` blocks; errors come out as `ToolError`s that name the file.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import CorruptStore, ToolError, TryLater

BUSY_TIMEOUT_S = 10.0
"""How long to wait for another process's transaction before giving up with 75."""

_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_PRIMARY_CODE = 0xFF  # an extended result code holds the primary one in its low byte


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What a program's SQLite files look like.

    Attributes:
        kind: what to call such a file in messages, such as `artifact-index database`.
        application_id: the file's mark in its header, 32 bits, unique to the kind.
        migrations: the SQL script of each step; step N leads from version N-1 to N.
    """

    kind: str
    application_id: int
    migrations: Sequence[str]


def open_database(path: Path, schema: Schema, *, create: bool = True) -> sqlite3.Connection:
    """Open a database of the given schema, creating or migrating it where needed.

    Args:
        path: the file.
        schema: what it has to be.
        create: whether to make it if it is not there; if not, it is an error.

    Raises:
        CorruptStore: it is no database, another program's, damaged, or of a newer schema.
        TryLater: another process keeps it locked.
        ToolError: it cannot be opened or created.
    """
    if create and not path.exists():
        _create(path, schema)
    with errors_of(path):
        _refuse_what_is_no_database(path, schema)
        connection = _connect(path)
        try:
            _accept(connection, path, schema)
            _migrate(connection, schema)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run the `with` block in one write transaction: all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
    """Turn SQLite's and the file system's errors in the block into errors that name the file."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
        if code in _CORRUPT:
            raise CorruptStore(f"{path}: is damaged or no database: {error}") from error
        if code in _BUSY:
            raise TryLater(f"{path}: is locked by another process") from error
        raise ToolError(f"{path}: {error}") from error
    except OSError as error:
        raise ToolError(f"{error.filename or path}: {error.strerror or error}") from error


def _connect(path: Path) -> sqlite3.Connection:
    """Connect without ever creating a file; transactions are ours to begin."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _refuse_what_is_no_database(path: Path, schema: Schema) -> None:
    """Name what SQLite would accept or report badly: a folder, nothing, an empty file."""
    if path.is_dir():
        raise ToolError(f"{path}: is a folder, no {schema.kind}")
    if path.stat().st_size == 0:
        raise CorruptStore(f"{path}: is empty, no {schema.kind}: remove it to start anew")


def _accept(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    """Check whose file it is, by reading only (a hot journal is rolled back by SQLite)."""
    if (_pragma(connection, "application_id") ^ schema.application_id) & 0xFFFFFFFF:
        raise CorruptStore(f"{path}: belongs to another program, it is no {schema.kind}")
    version = _pragma(connection, "user_version")
    if version > len(schema.migrations):
        raise CorruptStore(
            f"{path}: has schema version {version}, newer than the {len(schema.migrations)} "
            "that this command knows: upgrade it"
        )


def _migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    """Take the missing steps, each in a transaction of its own."""
    while (version := _pragma(connection, "user_version")) < len(schema.migrations):
        with transaction(connection):
            if _pragma(connection, "user_version") != version:
                continue  # another process was faster
            for statement in _statements(schema.migrations[version]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version + 1}")


def _statements(script: str) -> Iterator[str]:
    """Split a script; `executescript` would commit the open transaction first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _create(path: Path, schema: Schema) -> None:
    """Build a new database beside `path` and link it into place, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.new")
    try:
        temporary.touch(exist_ok=False)
    except OSError as error:  # in the user's words: the temporary name is our affair
        raise ToolError(f"{path}: {error.strerror}") from error
    with errors_of(path):
        try:
            with closing(_connect(temporary)) as connection:
                connection.execute(f"PRAGMA application_id = {schema.application_id}")
                _migrate(connection, schema)
            _link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _link(temporary: Path, path: Path) -> None:
    """Give the file its name unless another process was faster."""
    with suppress(FileExistsError):
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            temporary.rename(path)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
