"""`observe report`: counts and percentiles that are those of a plain reference."""

import json
import subprocess
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe import report_of
from observe.reports import MAX_KINDS, PERCENTILES
from tests.observe.logs import MOMENT, failure, record
from tests.support.commands import argv, run
from tests.support.terminal import shown_on_a_terminal

_DURATIONS = st.lists(st.integers(0, 10**6).map(lambda n: n / 1000), min_size=1, max_size=300)
_SHARES = {"p50_s": Fraction(50, 100), "p95_s": Fraction(95, 100), "p99_s": Fraction(99, 100)}


@given(_DURATIONS)
def test_percentiles_are_those_of_the_nearest_rank(durations: Sequence[float]) -> None:
    (row,) = report_of([record(duration_ms=one) for one in durations]).rows
    found, ordered = row.as_json(), sorted(durations)
    for name, share in _SHARES.items():
        assert found[name] == round(ordered[ceil(share * len(ordered)) - 1] / 1000, 6)
    assert found["max_s"] == round(ordered[-1] / 1000, 6)


def test_the_rank_is_exact_for_any_number_of_records() -> None:
    for name, share in PERCENTILES.items():
        assert all(-int(-share * n // 1) == ceil(_SHARES[name] * n) for n in range(1, 20_000))


@given(st.lists(st.sampled_from([record(), failure(bytes=7), b"junk\n", b"\n", b"\0\n"])))
def test_it_does_not_matter_how_lines_come(lines: list[bytes]) -> None:
    one_by_one, at_once = report_of(lines), report_of([b"".join(lines)])
    assert one_by_one == at_once
    assert sum(row.count for row in at_once.rows) == sum(len(line) > 10 for line in lines)
    assert at_once.invalid == sum(1 < len(line) < 10 for line in lines)


def _log(folder: Path, *lines: bytes) -> Path:
    path = folder / "app.json"
    path.write_bytes(b"".join(lines))
    return path


def test_a_pipe_gets_columns_with_plain_numbers(tmp_path: Path) -> None:
    log = _log(tmp_path, record(bytes=10), failure(bytes=5, duration_ms=3000), record(action="b"))
    done = run("observe", "report", log)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "demo\tb\t1\t0\t0.0015\t0.0015\t0.0015\t0",
        "demo\tcount\t2\t1\t0.0015\t3.0\t3.0\t15",
    ]


def test_json_has_all_of_it(tmp_path: Path) -> None:
    late = MOMENT.replace("2026", "2027")
    log = _log(tmp_path, record(ts=late), failure(bytes=5, duration_ms=3000), b"junk\n")
    done = run("observe", "report", "--json", log)
    assert done.stderr == "observe: 1 lines are no records, and are not counted\n"
    assert done.json == {
        "rows": [
            {
                "tool": "demo",
                "action": "count",
                "count": 2,
                "failed": 1,
                "bytes": 5,
                "p50_s": 0.0015,
                "p95_s": 3.0,
                "p99_s": 3.0,
                "max_s": 3.0,
                "total_s": 3.0015,
                "first": MOMENT,
                "last": late,
            }
        ],
        "invalid": 1,
    }


@pytest.mark.parametrize("text", [b"", b"\n\n"])
def test_an_empty_log_comes_to_nothing(text: bytes, tmp_path: Path) -> None:
    log = _log(tmp_path, text)
    assert run("observe", "report", log).stdout == ""
    assert run("observe", "report", "--json", log).json == {"rows": [], "invalid": 0}
    assert shown_on_a_terminal(argv("observe", "report", log)) == (0, "")


def test_only_one_run_counts_if_one_says_so(tmp_path: Path) -> None:
    log = _log(tmp_path, *(record(request_id=f"r{number % 3}") for number in range(10)))
    done = run("observe", "report", log, log, "--request-id", "r0", "--json")
    assert [row["count"] for row in done.json["rows"]] == [8]


def test_standard_input_is_read_where_no_log_is_named() -> None:
    command = argv("observe", "report", "--json")
    done = subprocess.run(command, input=record() * 3, capture_output=True, check=False)
    assert json.loads(done.stdout)["rows"][0]["count"] == 3


def test_one_that_cannot_be_read_is_named_and_the_others_count(tmp_path: Path) -> None:
    log = _log(tmp_path, record())
    done = run("observe", "report", tmp_path / "none", log, tmp_path, "--json")
    assert (done.code, done.json["rows"][0]["count"]) == (2, 1)
    assert done.stderr.splitlines() == [
        f"observe: {tmp_path}/none: No such file or directory",
        f"observe: {tmp_path}: Is a directory",
    ]


@pytest.mark.parametrize("columns", [40, 60, 72, 73, 74, 75, 80, 100, 200])
def test_a_terminal_gets_a_table_that_fits_and_bars_where_there_is_room(
    columns: int, tmp_path: Path
) -> None:
    many = [record(action="page", bytes=10**9)] * 60 + [failure(action="page")] * 20
    log = _log(tmp_path, *many, record(tool="release-mirror", action="run", bytes=0))
    code, shown = shown_on_a_terminal(argv("observe", "report", log), COLUMNS=str(columns))
    lines = [_plain(line).rstrip() for line in shown.splitlines()]
    assert (code, len(lines)) == (0, 3)
    assert all(len(line) <= columns for line in lines)
    rest = len("release-mirror  action  count  failed     p50     p95     p99    bytes  ")
    bar = min(20, columns - rest)
    numbers = ["demo", "page", "80", "20", "1.5", "ms", "1.5", "ms", "1.5", "ms", "60.0", "GB"]
    if bar >= 3:
        assert lines[1].split() == [*numbers, "█" * (bar * 3 // 4) + "▒" * -(-bar // 4)]
        assert lines[2].endswith("0 B  █")
    else:
        assert "█" not in shown
    if columns >= rest:
        assert lines[1].split()[:12] == numbers


def _plain(line: str) -> str:
    return line.replace("\x1b[1m", "").replace("\x1b[0m", "")


def test_names_in_a_log_cannot_steer_the_terminal(tmp_path: Path) -> None:
    log = _log(tmp_path, record(tool="\x1b[2J", action="a\tb\nc"))
    _, shown = shown_on_a_terminal(argv("observe", "report", log))
    assert "\x1b[2J" not in shown
    assert run("observe", "report", log).stdout.startswith("\\x1b[2J\ta\\tb\\nc\t1\t")


def test_too_many_kinds_are_counted_as_other() -> None:
    kinds = [record(action=f"a{number}") for number in range(MAX_KINDS + 50)]
    found = {row.action: row.count for row in report_of(kinds).rows}
    assert len(found) == MAX_KINDS + 1
    assert found["other"] == 50


def test_numbers_beyond_all_bounds_are_no_records(tmp_path: Path) -> None:
    log = _log(
        tmp_path, record(bytes=10**400), record(duration_ms=10**300), b"[" * 99_999, b"\n", record()
    )
    done = run("observe", "report", log)
    assert (done.code, done.stderr) == (
        0,
        "observe: 3 lines are no records, and are not counted\n",
    )
    assert done.stdout.startswith("demo\tcount\t1\t")
