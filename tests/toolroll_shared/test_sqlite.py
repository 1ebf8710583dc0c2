import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.limits import unprivileged
from toolroll_shared import sqlite
from toolroll_shared.errors import CorruptStore, Exit, ToolError, TryLater, UsageError
from toolroll_shared.sqlite import Schema, errors_of, open_database, transaction

STEPS = (
    "CREATE TABLE pots (id INTEGER PRIMARY KEY, name TEXT) STRICT;",
    """
    -- a comment; with a semicolon
    ALTER TABLE pots ADD COLUMN colour TEXT NOT NULL DEFAULT 'red; blue';
    CREATE TABLE lids (pot INTEGER NOT NULL REFERENCES pots (id)) STRICT;
    """,
    """
    CREATE TRIGGER lidded AFTER INSERT ON pots BEGIN
        UPDATE pots SET colour = 'green' WHERE id = new.id;
        INSERT INTO lids VALUES (new.id);
    END;
    """,
)
CROWD = 8  # processes at once, and how often


def schema(steps: Sequence[str] = STEPS, *, application_id: int = 0x50_4F_54_53) -> Schema:
    return Schema(kind="cupboard", application_id=application_id, migrations=steps)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cupboard.sqlite"


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def tables(connection: sqlite3.Connection) -> set[str]:
    found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {name for (name,) in found}


def test_a_new_file_has_the_mark_the_version_and_nothing_beside_it(path: Path) -> None:
    with closing(open_database(path, schema())) as connection:
        assert pragma(connection, "application_id") == 0x50_4F_54_53
        assert pragma(connection, "user_version") == 3
        assert pragma(connection, "foreign_keys") == 1
        assert tables(connection) == {"pots", "lids"}
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("application_id", [1, 2**31 - 1, -1])
def test_any_mark_of_32_bits_is_recognised(path: Path, application_id: int) -> None:
    ours = schema(application_id=application_id)
    open_database(path, ours).close()
    open_database(path, ours).close()
    with pytest.raises(CorruptStore, match="belongs to another program, it is no cupboard"):
        open_database(path, schema(application_id=7))


@pytest.mark.parametrize("version", range(len(STEPS) + 1))
def test_every_older_version_is_brought_up_to_date_with_its_rows(path: Path, version: int) -> None:
    with closing(open_database(path, schema(STEPS[:version]))) as old:
        if version:
            old.execute("INSERT INTO pots (name) VALUES ('first')")
    with closing(open_database(path, schema())) as connection:
        assert pragma(connection, "user_version") == 3
        assert tables(connection) == {"pots", "lids"}
        connection.execute("INSERT INTO pots (name) VALUES ('second')")
        pots = connection.execute("SELECT name, colour FROM pots").fetchall()
    first = [("first", "green" if version == 3 else "red; blue")] if version else []
    assert pots == [*first, ("second", "green")]


def test_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    open_database(path, schema()).close()
    before = path.read_bytes()
    with pytest.raises(CorruptStore, match="has schema version 3, newer than the 2"):
        open_database(path, schema(STEPS[:2]))
    assert path.read_bytes() == before


def test_a_step_that_fails_changes_nothing(path: Path) -> None:
    open_database(path, schema(STEPS[:1])).close()
    broken = (STEPS[0], "CREATE TABLE half (x);\nINSERT INTO nowhere VALUES (1);")
    with pytest.raises(ToolError, match="no such table: nowhere"):
        open_database(path, schema(broken))
    with closing(open_database(path, schema(STEPS[:1]))) as connection:
        assert (tables(connection), pragma(connection, "user_version")) == ({"pots"}, 1)


def test_an_older_version_is_not_read_and_left_alone(path: Path) -> None:
    open_database(path, schema(STEPS[:1])).close()
    before = path.read_bytes()
    with pytest.raises(CorruptStore, match="has schema version 1, older than 3: the next command"):
        open_database(path, schema(), reading=True)
    assert path.read_bytes() == before


def test_what_is_opened_to_be_read_cannot_be_written(path: Path) -> None:
    open_database(path, schema()).close()
    with closing(open_database(path, schema(), reading=True)) as connection:
        assert connection.execute("SELECT count(*) FROM pots").fetchone() == (0,)
        assert pragma(connection, "trusted_schema") == 0
        with pytest.raises(sqlite3.OperationalError, match="attempt to write a readonly database"):
            connection.execute("INSERT INTO pots (name) VALUES ('x')")


@pytest.mark.parametrize("reading", [False, True])
def test_a_file_that_is_cut_short_is_refused_and_left_alone(path: Path, *, reading: bool) -> None:
    open_database(path, schema()).close()
    whole = path.stat().st_size
    os.truncate(path, whole - 1)
    with pytest.raises(CorruptStore, match=f"is damaged: cut short, {whole - 1} of {whole} bytes"):
        open_database(path, schema(), reading=reading)
    assert path.stat().st_size == whole - 1


@pytest.mark.parametrize("reading", [False, True])
def test_what_is_no_regular_file_is_not_waited_for(path: Path, *, reading: bool) -> None:
    os.mkfifo(path)
    with pytest.raises(UsageError, match="is no regular file, no cupboard"):
        open_database(path, schema(), reading=reading)


def _killed_in_a_transaction(path: Path) -> None:
    """Leave a hot journal, and a file in which a part of a transaction has arrived."""
    code = (
        "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "db.execute('PRAGMA cache_size = 1'); db.execute('BEGIN IMMEDIATE');"
        "db.executemany('INSERT INTO pots (name) VALUES (?)', [('x' * 3000,)] * 200);"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -9
    assert path.with_name(f"{path.name}-journal").stat().st_size > 0


@pytest.mark.parametrize("reading", [False, True])
def test_what_a_kill_left_is_put_back_to_read_and_to_write(path: Path, *, reading: bool) -> None:
    open_database(path, schema()).close()
    before = path.read_bytes()
    _killed_in_a_transaction(path)
    assert path.read_bytes() != before
    with closing(open_database(path, schema(), reading=reading)) as connection:
        assert connection.execute("SELECT count(*) FROM pots").fetchone() == (0,)
        assert pragma(connection, "integrity_check") == "ok"
    assert list(path.parent.iterdir()) == [path]


def test_what_a_kill_left_cannot_be_put_back_on_a_disk_that_is_read_only(visible: Path) -> None:
    path = visible / "cupboard.sqlite"
    open_database(path, schema()).close()
    _killed_in_a_transaction(path)
    path.chmod(0o444)
    visible.chmod(0o555)
    path.with_name(f"{path.name}-journal").chmod(0o444)
    with unprivileged(), pytest.raises(UsageError, match="a killed run left it in mid-write, and"):
        open_database(path, schema(), reading=True)


def test_a_file_that_may_only_be_read_can_be_read(visible: Path) -> None:
    path = visible / "cupboard.sqlite"
    open_database(path, schema()).close()
    path.chmod(0o444)
    visible.chmod(0o555)
    with unprivileged(), closing(open_database(path, schema(), reading=True)) as connection:
        assert tables(connection) == {"pots", "lids"}


def test_a_creation_that_fails_leaves_nothing(path: Path) -> None:
    with pytest.raises(ToolError, match="no such table: nowhere"):
        open_database(path, schema((*STEPS, "INSERT INTO nowhere VALUES (1);")))
    assert list(path.parent.iterdir()) == []


def test_the_last_statement_of_a_step_counts_without_a_semicolon_too(path: Path) -> None:
    steps = ("CREATE TABLE pots (id);\nCREATE TABLE lids (id)",)
    with closing(open_database(path, schema(steps))) as connection:
        assert tables(connection) == {"pots", "lids"}


def test_a_file_that_is_not_there_is_an_error_unless_it_may_be_made(path: Path) -> None:
    with pytest.raises(ToolError, match=r"cupboard\.sqlite: No such file or directory"):
        open_database(path, schema(), reading=True)
    assert list(path.parent.iterdir()) == []


@pytest.fixture
def visible() -> Iterator[Path]:
    """A folder that everybody may look into."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.mark.parametrize(
    ("mode", "why"),
    [(0o000, "Permission denied"), (0o444, "attempt to write a readonly database")],
)
def test_a_file_that_may_not_be_written_is_a_clear_error(
    visible: Path, mode: int, why: str
) -> None:
    path = visible / "cupboard.sqlite"
    open_database(path, schema(STEPS[:1])).close()
    path.chmod(mode)
    with unprivileged(), pytest.raises(ToolError, match=rf"cupboard\.sqlite: {why}") as caught:
        open_database(path, schema()).close()
    assert caught.value.exit_code == Exit.FAILED


def test_a_folder_that_may_not_be_written_is_a_clear_error(visible: Path) -> None:
    visible.chmod(0o555)
    path = visible / "cupboard.sqlite"
    with unprivileged(), pytest.raises(ToolError, match="Permission denied"):
        open_database(path, schema())


OPEN_IN_TURN = """
import sys
from pathlib import Path
from tests.toolroll_shared.test_sqlite import open_database, schema
print(flush=True)
sys.stdin.read(1)
for path in sys.argv[1:]:
    open_database(Path(path), schema()).close()
"""


def _open_at_once(paths: list[Path]) -> None:
    """Open the same databases, one after the other, in processes that start together."""
    command = [sys.executable, "-c", OPEN_IN_TURN, *map(str, paths)]
    pipe = subprocess.PIPE
    crowd = [
        subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe)
        for _ in range(CROWD)
    ]
    for one in crowd:
        assert one.stdout
        one.stdout.readline()
    ends = [(one.communicate("x")[1], one.returncode) for one in crowd]
    assert ends == [("", 0)] * CROWD


@pytest.mark.parametrize("steps", [None, 0, 1])
def test_creations_and_migrations_at_once_all_end_with_the_same_whole_file(
    tmp_path: Path, steps: int | None
) -> None:
    paths = [tmp_path / f"{turn}.sqlite" for turn in range(CROWD)]
    if steps is not None:
        for path in paths:
            open_database(path, schema(STEPS[:steps])).close()
    _open_at_once(paths)
    for path in paths:
        with closing(open_database(path, schema())) as connection:
            assert tables(connection) == {"pots", "lids"}
            assert pragma(connection, "integrity_check") == "ok"
    assert sorted(tmp_path.iterdir()) == paths


@pytest.mark.parametrize("whose", ["ours", "anothers"])
@pytest.mark.parametrize("steps", [0, 1])
def test_what_a_killed_creation_left_is_no_database_and_hinders_none(
    path: Path, whose: str, steps: int
) -> None:
    pid = os.getpid() if whose == "ours" else os.getpid() + 1
    leftover = path.with_name(f".{path.name}.{pid}.new")
    open_database(leftover, schema(STEPS[:steps])).close()
    assert not path.exists()
    with closing(open_database(path, schema())) as connection:
        assert tables(connection) == {"pots", "lids"}
        assert pragma(connection, "user_version") == 3


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000], ids=["empty", "garbage"])
def test_whatever_lies_under_the_temporary_name_is_not_built_upon(
    path: Path, content: bytes
) -> None:
    path.with_name(f".{path.name}.{os.getpid()}.new").write_bytes(content)
    with closing(open_database(path, schema())) as connection:
        assert tables(connection) == {"pots", "lids"}


@pytest.fixture
def cupboard(path: Path) -> "sqlite3.Connection":
    connection = open_database(path, schema(STEPS[:1]))
    connection.execute("INSERT INTO pots (name) VALUES ('first')")
    return connection


def names(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT name FROM pots ORDER BY id")]


def test_a_transaction_keeps_what_was_done_in_it(cupboard: sqlite3.Connection, path: Path) -> None:
    with closing(cupboard):
        with transaction(cupboard) as same:
            same.execute("INSERT INTO pots (name) VALUES ('second')")
        assert not cupboard.in_transaction
        with closing(sqlite3.connect(path)) as other:
            assert names(other) == ["first", "second"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, sqlite3.OperationalError])
def test_a_transaction_that_raises_keeps_nothing(
    cupboard: sqlite3.Connection, error: type[BaseException]
) -> None:
    def fail() -> None:
        with transaction(cupboard):
            cupboard.execute("INSERT INTO pots (name) VALUES ('second')")
            raise error

    with closing(cupboard):
        with pytest.raises(error):
            fail()
        assert (names(cupboard), cupboard.in_transaction) == (["first"], False)


def test_a_transaction_that_sqlite_rolled_back_itself_shows_its_own_error(
    cupboard: sqlite3.Connection,
) -> None:
    with closing(cupboard):
        with pytest.raises(sqlite3.IntegrityError), transaction(cupboard):
            cupboard.execute("INSERT OR ROLLBACK INTO pots (id) VALUES (1)")
        assert (names(cupboard), cupboard.in_transaction) == (["first"], False)


def test_a_commit_that_fails_leaves_no_transaction_open(
    cupboard: sqlite3.Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    with closing(cupboard), closing(sqlite3.connect(path)) as reader:
        reading = reader.execute("SELECT name FROM pots")  # holds a shared lock until it ends
        with pytest.raises(sqlite3.OperationalError, match="locked"), transaction(cupboard):
            cupboard.execute("INSERT INTO pots (name) VALUES ('second')")
        assert not cupboard.in_transaction
        reading.close()
        assert names(cupboard) == ["first"]


def test_a_lock_is_temporary(
    cupboard: sqlite3.Connection, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.01)
    with closing(cupboard):
        cupboard.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TryLater, match=r"cupboard\.sqlite: is locked by another process"):
            open_database(path, schema(STEPS[:1]))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, TryLater),
        (sqlite3.SQLITE_BUSY_TIMEOUT, TryLater),
        (sqlite3.SQLITE_LOCKED_SHAREDCACHE, TryLater),
        (sqlite3.SQLITE_CORRUPT_INDEX, CorruptStore),
        (sqlite3.SQLITE_NOTADB, CorruptStore),
        (sqlite3.SQLITE_IOERR_WRITE, ToolError),
        (sqlite3.SQLITE_FULL, ToolError),
    ],
)
def test_an_extended_code_counts_as_its_primary_one(
    path: Path, code: int, kind: type[ToolError]
) -> None:
    error = sqlite3.OperationalError("why")
    error.sqlite_errorcode = code
    with pytest.raises(ToolError, match=r"cupboard\.sqlite: ") as caught, errors_of(path):
        raise error
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (sqlite3.OperationalError("no such table: x"), "{path}: no such table: x"),
        (sqlite3.ProgrammingError("closed"), "{path}: closed"),
        (PermissionError(13, "Permission denied", "other"), "other: Permission denied"),
    ],
    ids=str,
)
def test_any_other_error_is_told_with_the_file(path: Path, error: Exception, message: str) -> None:
    with pytest.raises(ToolError) as caught, errors_of(path):
        raise error
    assert type(caught.value) is ToolError
    assert str(caught.value) == message.format(path=path)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [TryLater("later"), KeyError("bug"), KeyboardInterrupt(), BrokenPipeError(32, "Broken pipe")],
    ids=repr,
)
def test_an_error_of_ours_or_another_things_or_a_bug_passes_as_it_is(
    path: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)) as caught, errors_of(path):
        raise error
    assert caught.value is error
