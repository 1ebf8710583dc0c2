"""SQLite files that know whose they are: opened with care, migrated step by step.

A file is accepted only if its application_id and user_version are the expected ones; what
else it may be is refused by name, before SQLite touches it. Callers write their own SQL, in
`transaction` blocks; errors come out as `ToolError`s that name the file.
"""

import os
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from .errors import CorruptStore, ToolError, TryLater, UsageError
from .files import rename_new
from .output import writing

T = TypeVar("T")


BUSY_TIMEOUT_S = 10.0
"""How long to wait for another process's transaction before giving up with 75."""

BUSY_SLICE_S = 0.1
"""Of that, how long SQLite may wait by itself: it hears no Ctrl+C meanwhile."""

_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_PRIMARY_CODE = 0xFF  # an extended result code holds the primary one in its low byte
_ALTERED = ("no such table", "no such column", "table ", "duplicate column name", "index ")
_UNFINISHED = {sqlite3.SQLITE_READONLY_ROLLBACK, sqlite3.SQLITE_READONLY_RECOVERY}

_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100
_LARGEST_PAGE = 65536  # written as 1


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


def open_database(path: Path, schema: Schema, *, reading: bool = False) -> sqlite3.Connection:
    """Open a database of the given schema, creating or migrating it unless it is only read.

    A file that a killed run left in the middle of a transaction is put back by SQLite either
    way. A database that is to be written can be: that is tried at once.

    Args:
        path: the file.
        schema: what it has to be.
        reading: it is an input, which has to be there and is left as it is.

    Raises:
        CorruptStore: it is no database, another program's, damaged, or of a newer schema; or,
            to be read, of an older one.
        TryLater: another process keeps it locked.
        UsageError: it is no file; or it is to be read, and cannot be.
        ToolError: it cannot be opened, created or written.
    """
    if not reading and not path.exists():
        _create(path, schema)
    with errors_of(path, reading=reading):
        _refuse_by_header(path, schema)
        connection = _connect(path)
        try:
            patiently(lambda: _accept(connection, path, schema))
            if reading:
                connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
                connection.execute("PRAGMA query_only = ON")
                connection.execute("PRAGMA trusted_schema = OFF")
                _refuse_older(connection, path, schema)
            else:
                _migrate(connection, schema)
                with transaction(connection):
                    pass  # a lock, or a file that is read-only, shows here and not in mid-work
        except BaseException:
            connection.close()
            raise
    return connection


def open_copy(path: Path, schema: Schema) -> sqlite3.Connection:
    """Open a copy of a database in memory: what is done to it leaves the file as it is.

    The copy is brought up to date. Where there is no file, it is a new database.

    Raises:
        CorruptStore: the file is no database, another program's, damaged, or of a newer schema.
        TryLater: another process keeps it locked.
        UsageError: it is no file, or cannot be read.
    """
    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        if path.exists():
            with errors_of(path, reading=True):
                _refuse_by_header(path, schema)
                with closing(_connect(path)) as connection:
                    patiently(lambda: _accept(connection, path, schema))
                    patiently(lambda: connection.backup(copy))
        copy.execute(f"PRAGMA application_id = {schema.application_id}")
        copy.execute("PRAGMA foreign_keys = ON")
        _migrate(copy, schema)
    except BaseException:
        copy.close()
        raise
    return copy


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Run the `with` block in one write transaction: all of it or nothing."""
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"))
    try:
        yield connection
        patiently(lambda: connection.execute("COMMIT"))
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back already
            connection.execute("ROLLBACK")
        raise


def patiently(work: Callable[[], T]) -> T:
    """Return what `work` returns, once no other process's transaction is in its way.

    Whatever is read or written outside a `transaction` block, on a connection that may write,
    needs it. A signal breaks the waiting off.

    Raises:
        sqlite3.OperationalError: the other one took longer than `BUSY_TIMEOUT_S`.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            with writing:
                return work()
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", 0)  # Python's own errors have none
            if code & _PRIMARY_CODE not in _BUSY or time.monotonic() >= deadline:
                raise


@contextmanager
def errors_of(path: Path, *, reading: bool = False) -> Iterator[None]:
    """Turn SQLite's and the file system's errors in the block into errors that name the file.

    An error of the system that names no file, such as that of a closed pipe, is not about
    this one: it passes.

    Args:
        path: the file.
        reading: it is an input: one that cannot be read is a `UsageError`.
    """
    other = UsageError if reading else ToolError
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0)
        if code & _PRIMARY_CODE in _CORRUPT:
            raise CorruptStore(f"{path}: is damaged: {error}") from error
        if code & _PRIMARY_CODE in _BUSY:
            raise TryLater(f"{path}: is locked by another process") from error
        if code == sqlite3.SQLITE_ERROR and str(error).startswith(_ALTERED):
            raise CorruptStore(f"{path}: its tables are not as they were made: {error}") from error
        if str(error).startswith("Could not decode to UTF-8"):  # Python's words; no code
            raise CorruptStore(f"{path}: is damaged: holds text that is not UTF-8") from error
        if code in _UNFINISHED:
            raise other(
                f"{path}: a killed run left it in mid-write, and it cannot be written to undo that"
            ) from error
        raise other(f"{path}: {error}") from error
    except OSError as error:
        if error.filename is None:
            raise
        raise other(f"{error.filename}: {error.strerror or error}") from error


def _connect(path: Path) -> sqlite3.Connection:
    """Connect without ever creating a file; transactions are ours to begin."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SLICE_S, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _refuse_by_header(path: Path, schema: Schema) -> None:
    """Refuse by its kind, size and first bytes what SQLite need not touch.

    Source: https://sqlite.org/fileformat2.html, 1.3. What a write-ahead log may hold instead
    is left to `_accept`.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder, no {schema.kind}")
    if not stat.S_ISREG(path.stat().st_mode):
        raise UsageError(f"{path}: is no regular file, no {schema.kind}")
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header:
        raise CorruptStore(f"{path}: is empty, no {schema.kind}: remove it to start anew")
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise CorruptStore(f"{path}: is no SQLite database")
    version, application_id = (int.from_bytes(header[at : at + 4]) for at in (60, 68))
    _refuse_others(path, schema, application_id=application_id, version=version)
    _refuse_cut_short(path, header)


def _refuse_others(path: Path, schema: Schema, *, application_id: int, version: int) -> None:
    if (application_id ^ schema.application_id) & 0xFFFFFFFF:
        raise CorruptStore(f"{path}: belongs to another program, it is no {schema.kind}")
    if version > len(schema.migrations):
        raise CorruptStore(
            f"{path}: has schema version {version}, newer than the {len(schema.migrations)} "
            "that this command knows: upgrade it"
        )


def _refuse_cut_short(path: Path, header: bytes) -> None:
    """Refuse a file that is shorter than it says, unless SQLite has a journal to mend it with."""
    if header[24:28] != header[92:96]:  # the size was written by a version that keeps none
        return
    page_size = int.from_bytes(header[16:18])
    whole = int.from_bytes(header[28:32]) * (_LARGEST_PAGE if page_size == 1 else page_size)
    real = os.path.realpath(path)  # SQLite follows links, and keeps its journals there
    if any(os.path.exists(real + suffix) for suffix in ("-journal", "-wal")):  # noqa: PTH110
        return
    size = path.stat().st_size
    if size < whole:
        raise CorruptStore(f"{path}: is damaged: cut short, {size} of {whole} bytes")


def _accept(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    """Check whose file it is, by reading only (a hot journal is rolled back by SQLite)."""
    _refuse_others(
        path,
        schema,
        application_id=_pragma(connection, "application_id"),
        version=_pragma(connection, "user_version"),
    )


def _refuse_older(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    version = _pragma(connection, "user_version")
    if version < len(schema.migrations):
        raise CorruptStore(
            f"{path}: has schema version {version}, older than {len(schema.migrations)}: "
            "the next command that writes it brings it up to date"
        )


def _migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    """Take the missing steps, each in a transaction of its own."""
    while (version := patiently(lambda: _pragma(connection, "user_version"))) < len(
        schema.migrations
    ):
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
            with suppress(FileExistsError):  # another process was faster
                rename_new(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
