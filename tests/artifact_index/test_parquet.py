import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from artifact_index.export import ROW_GROUP_ROWS
from tests.artifact_index.tables import SELECTIONS, TIME, Export, add, change, make, records
from tests.support.commands import argv
from toolroll_shared.errors import Exit

PARQUET = b"PAR1"
INSTANT = datetime(2024, 5, 1, 12, tzinfo=UTC)

WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None  # as if it were not installed
from artifact_index.cli import main
sys.exit(main(sys.argv[1:]))
"""

tables = pytest.mark.parametrize("table", SELECTIONS)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "export.parquet"


def typed(name: str, value: Any) -> Any:
    """A value of the database as Parquet has to have it."""
    if value is None:
        return None
    if name in {"draft", "prerelease"}:
        return bool(value)
    if name == "day":
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if name.endswith("_at") else value


@tables
def test_parquet_read_back_is_what_the_database_holds(
    export: Export, db: Path, target: Path, table: str
) -> None:
    make(db, rows=3)
    add(db, ["tool.zip", "", "n\0l", "\u00fcn\u00ef \U0001f680\u2028", 'a,"b"\r\n', "x" * 100_000])
    change(db, "UPDATE assets SET size = ?, download_count = ?", 2**53 + 1, 2**63 - 1)
    ran = export("--parquet", target, "--table", table)
    assert (ran.code, ran.stderr) == (0, "")
    expected = [
        {name: typed(name, value) for name, value in record.items()}
        for record in records(db, table)
    ]
    assert pq.read_table(target).to_pylist() == expected


@pytest.mark.parametrize("rows", [0, 1])
def test_the_types_are_those_of_the_values_whether_there_are_rows_or_not(
    export: Export, db: Path, target: Path, rows: int
) -> None:
    make(db, rows=rows)
    for table in SELECTIONS:
        export("--parquet", target, "--table", table)
        for field in pq.read_schema(target):
            assert field.type == expected_type(field.name), field.name


def expected_type(name: str) -> pa.DataType:
    if name.endswith("_at"):
        return pa.timestamp("ms", tz="UTC")
    if name in {"draft", "prerelease"}:
        return pa.bool_()
    if name == "day":
        return pa.date32()
    return pa.int64() if name.endswith("id") or name in {"size", "download_count"} else pa.string()


def test_null_is_null_and_empty_text_is_empty(export: Export, db: Path, target: Path) -> None:
    make(db)
    add(db, [""])
    export("--parquet", target, "--table", "releases")
    columns = pq.read_table(target).to_pydict()
    assert columns["name"] == [None, ""]
    assert columns["published_at"] == [INSTANT, None]
    assert columns["gone_at"] == [None, None]


def test_many_rows_are_several_row_groups(export: Export, db: Path, target: Path) -> None:
    count = 2 * ROW_GROUP_ROWS + 1
    make(db, rows=count)
    assert export("--parquet", target, "--json").json["rows"] == count
    file = pq.ParquetFile(target)
    groups = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    assert groups == [ROW_GROUP_ROWS, ROW_GROUP_ROWS, 1]
    assert file.read(["id"])["id"].to_pylist() == list(range(1, count + 1))


@pytest.mark.parametrize(
    ("moment", "instant"),
    [
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("1969-12-31T23:59:59Z", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_any_time_that_can_be_stored_is_exported(
    export: Export, db: Path, target: Path, moment: str, instant: datetime
) -> None:
    make(db, rows=1)
    change(db, "UPDATE assets SET created_at = ?", moment)
    assert export("--parquet", target).code == 0
    assert pq.read_table(target)["created_at"].to_pylist() == [instant]


@pytest.mark.parametrize("text", ["soon", "", "2024-05-01T12:00:00"])
def test_a_time_that_is_none_is_damage_and_the_old_file_stays(
    export: Export, db: Path, target: Path, text: str
) -> None:
    make(db, rows=2000)
    change(db, "UPDATE assets SET created_at = ? WHERE id = 2000", text)
    target.write_text("old")
    ran = export("--parquet", target)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (Exit.CORRUPT, "", 1)
    assert "the database's created_at holds what is no time" in ran.stderr
    assert target.read_text() == "old"
    assert sorted(target.parent.iterdir()) == [target, db]


def test_a_part_on_stdout_does_not_look_whole(db: Path) -> None:
    make(db, rows=ROW_GROUP_ROWS + 1)
    change(db, "UPDATE assets SET created_at = 'soon' WHERE id = ?", ROW_GROUP_ROWS + 1)
    command = argv("artifact_index", "export", "--db", db, "--parquet", "-")
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == Exit.CORRUPT
    assert done.stdout.startswith(PARQUET)
    assert not done.stdout.endswith(PARQUET), "a whole file ends as it begins"


def test_without_pyarrow_the_extra_is_named_and_the_old_file_stays(db: Path, target: Path) -> None:
    make(db, rows=1)
    target.write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PYARROW, "export", "--db", db, "--parquet", target],
        capture_output=True,
        text=True,
        check=False,
    )
    why = "--parquet needs pyarrow: pip install 'toolroll-artifact-index[parquet]'"
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr == f"artifact-index: {why}\n"
    assert target.read_text() == "old"
    assert sorted(target.parent.iterdir()) == [target, db]


def test_the_example_is_the_instant_that_it_says() -> None:
    assert datetime.fromisoformat(TIME) == INSTANT
