"""What an export says: every value of the database, and nothing else."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.artifact_index.conftest import Index, rows
from tests.artifact_index.tables import FORMS, SELECTIONS, TIME, Export, add, change, make, records
from tests.support.github_data import Repository
from tests.support.journals import actions_in

TEXTS = [
    "tool.zip",
    "comma, semicolon; tab\t",
    'a "quote"',
    '"',
    "line\nbreak",
    "a lone\rreturn",
    "\r\n",
    "n\0l",
    "\0",
    " spaces ",
    "\u00fcn\u00ef \u7b2c\u4e8c \U0001f680",
    "\u2028\u2029\x85\x0b\x0c",
    "\ufeffmark",
    "\x1b]0;owned\x07\x7f\x9b",
    "back\\slash \\n",
    "=1+1",
    "x" * 100_000,
    "",
]

tables = pytest.mark.parametrize("table", SELECTIONS)


@pytest.fixture
def hostile(db: Path) -> Path:
    make(db, rows=3)
    add(db, TEXTS)
    return db


def csv_rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@tables
def test_csv_read_back_is_what_the_database_holds(
    export: Export, hostile: Path, table: str
) -> None:
    ran = export("--csv", "-", "--table", table)
    assert (ran.code, ran.stderr) == (0, "")
    expected = records(hostile, table)
    assert len(expected) >= len(TEXTS)
    assert csv_rows(ran.stdout) == [
        {name: "" if value is None else str(value) for name, value in record.items()}
        for record in expected
    ]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:20])
def test_csv_holds_a_text_whatever_the_others_are(export: Export, db: Path, text: str) -> None:
    make(db)
    add(db, [text])
    [row] = csv_rows(export("--csv", "-").stdout)
    assert (row["id"], row["name"], row["digest"], row["gone_at"]) == ("1000", text, text, "")


def test_csv_has_a_header_and_crlf_and_quotes_where_rfc_4180_wants_them(
    export: Export, db: Path
) -> None:
    make(db)
    add(db, ['a,"b"\r', "plain"])
    lines = export("--csv", "-", "--table", "download_counts").stdout.split("\r\n")
    quoted = '"a,""b""\r"'
    assert lines == [
        "asset_id,repository,tag_name,name,day,download_count",
        f"1000,octo/tool,{quoted},{quoted},2024-05-01,8",
        "1001,octo/tool,plain,plain,2024-05-01,8",
        "",
    ]


@pytest.mark.parametrize("start", list("=+-@\t\r\n"))
def test_no_formulas_makes_text_of_what_a_spreadsheet_would_run(
    export: Export, db: Path, start: str
) -> None:
    make(db)
    add(db, [f"{start}cmd|' /C calc'!A0"])
    change(db, "UPDATE repositories SET full_name = '=x'")
    [row] = csv_rows(export("--csv", "-", "--no-formulas").stdout)
    harmless = f"'{start}cmd|' /C calc'!A0"
    for name in ("tag_name", "name", "digest", "content_type", "state", "url"):
        assert row[name] == harmless
    assert row["repository"] == "'=x"
    [_, release] = csv_rows(export("--csv", "-", "--no-formulas", "--table", "releases").stdout)
    assert (release["tag_name"], release["name"]) == (harmless, harmless)
    [plain] = csv_rows(export("--csv", "-").stdout)
    assert plain["name"] == harmless[1:]


def test_no_formulas_leaves_numbers_times_and_ordinary_text_alone(export: Export, db: Path) -> None:
    make(db)
    add(db, [text for text in TEXTS if not text.startswith(("=", "\r"))])
    add_negative = "UPDATE assets SET size = -1, download_count = -2, created_at = '-0001'"
    change(db, add_negative)
    for table in SELECTIONS:
        guarded = export("--csv", "-", "--table", table, "--no-formulas")
        assert guarded == export("--csv", "-", "--table", table)


@tables
def test_ndjson_read_back_is_what_the_database_holds(
    export: Export, hostile: Path, table: str
) -> None:
    change(hostile, "UPDATE assets SET size = ?, download_count = ?", 2**53 + 1, 2**63 - 1)
    ran = export("--ndjson", "-", "--table", table)
    assert (ran.code, ran.stderr, ran.stdout[-1]) == (0, "", "\n")
    expected = records(hostile, table)
    for record in expected:
        record.update({name: bool(record[name]) for name in record if name in _TRUTHS})
    found: list[Any] = [json.loads(line) for line in ran.stdout[:-1].split("\n")]
    assert found == expected
    assert [list(record) for record in found] == [list(record) for record in expected]


_TRUTHS = {"draft", "prerelease"}


def test_ndjson_tells_null_from_empty_and_true_from_1(export: Export, db: Path) -> None:
    make(db)
    add(db, [""])
    lines = export("--ndjson", "-", "--table", "releases").stdout.splitlines()
    assert '"name":null,"draft":false,"prerelease":true,' in lines[0]
    assert '"tag_name":"","name":"","draft":false,"prerelease":false,' in lines[1]


@tables
@pytest.mark.parametrize("form", FORMS)
def test_an_empty_database_is_an_export_without_rows(
    export: Export, db: Path, tmp_path: Path, form: str, table: str
) -> None:
    change(db, "SELECT 1")
    target = tmp_path / "export"
    ran = export(f"--{form}", target, "--table", table, "--json")
    assert (ran.code, ran.json["rows"]) == (0, 0)
    text = target.read_bytes()
    assert text.count(b"\n") == {"csv": 1, "ndjson": 0}.get(form, text.count(b"\n"))
    assert (text == b"") == (form == "ndjson")


@tables
@pytest.mark.parametrize("form", FORMS)
def test_as_many_rows_are_exported_as_there_are_with_those_that_are_gone(
    export: Export, index: Index, repo: Repository, db: Path, form: str, table: str
) -> None:
    releases = [repo.add_release(f"v{number}") for number in range(3)]
    assets = [one.add_asset("tool", b"", download_count=1) for one in releases for _ in range(2)]
    index()
    releases[0].delete()
    assets[-1].delete()
    assets[-2].edit(download_count=2)
    index()
    ran = export(f"--{form}", db.with_name("export"), "--table", table, "--json")
    assert ran.json["rows"] == rows(db, f"SELECT count(*) FROM {table}")[0] > 0  # noqa: S608
    lines = export("--ndjson", "-", "--table", table).stdout.splitlines()
    gone = [json.loads(line)["gone_at"] for line in lines] if table != "download_counts" else []
    assert len(gone) - gone.count(None) == {"releases": 1, "assets": 3}.get(table, 0)


@pytest.mark.parametrize("form", ["csv", "ndjson"])
@pytest.mark.parametrize("count", [999, 1000, 1001, 2000])
def test_nothing_is_lost_between_two_batches(
    export: Export, db: Path, form: str, count: int
) -> None:
    make(db, rows=count)
    lines = export(f"--{form}", "-").stdout.splitlines()[form == "csv" :]
    ids = [int(line.removeprefix('{"id":').partition(",")[0]) for line in lines]
    assert ids == list(range(1, count + 1))


def test_the_summary_says_what_was_written_where(export: Export, db: Path, tmp_path: Path) -> None:
    make(db, rows=2)
    target, log = tmp_path / "a\x1bb", tmp_path / "log"
    ran = export("--csv", target, "--json")
    summary = {"database": str(db), "table": "assets", "format": "csv", "path": str(target)}
    assert (ran.code, ran.json) == (0, {**summary, "rows": 2})
    ran = export("--ndjson", target, "--table", "releases", "--log-json", log)
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout == f"{tmp_path}/a\\x1bb: 1 row of releases\n"
    [record] = actions_in(log.read_text())
    assert (record["action"], record["target"], record["rows"]) == ("export", str(target), 1)
    assert record["ok"] is True


def test_a_time_is_written_as_it_is_stored(export: Export, db: Path) -> None:
    make(db, rows=1)
    [row] = csv_rows(export("--csv", "-").stdout)
    assert (row["created_at"], row["first_seen_at"], row["gone_at"]) == (TIME, "", "")
