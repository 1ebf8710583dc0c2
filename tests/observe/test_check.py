"""`observe check`: every kind of defect is one clear line."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe import problems_of, record_of, schema_text
from tests.observe.logs import MOMENT, record
from tests.support.commands import argv, run

LINE = record()
BEGIN = LINE[:-2]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"\xef\xbb\xbf" + LINE, "not JSON: it begins with a byte order mark"),
        (LINE[:40], "not JSON: column 39: Unterminated string starting at"),
        (LINE[:-1] * 2, f"not JSON: column {len(LINE)}: Extra data"),
        (b" \n", "not JSON: column 2: Expecting value"),
        (b"\xff\xfe\n", "not UTF-8: byte 1: invalid start byte"),
        (b'{"a": "\x1b[2J"}', "not JSON: column 8: Invalid control character at"),
        (BEGIN + b', "x": NaN}', "not JSON: NaN is no number there"),
        (BEGIN + b', "x": -Infinity}', "not JSON: -Infinity is no number there"),
        (BEGIN + b', "ok": true}', "not JSON: ok is there twice"),
        (BEGIN + b', "x": {"a": 1, "a": 1}}', "not JSON: a is there twice"),
        (BEGIN + b', "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested too deeply"),
        (BEGIN + b', "x": ' + b"9" * 5000 + b"}", "not JSON: a number has 5000 digits"),
        (BEGIN + b', "x": "' + b"x" * 2_000_000 + b'"}', "too long for a record"),
        (record(duration_ms=-1), "duration_ms: -1 is less than the minimum of 0"),
        (record(duration_ms="1"), 'duration_ms: "1" is not of type "number"'),
        (record(ok="yes\x1b[31m"), 'ok: "yes\\u001b[31m" is not of type "boolean"'),
        (record(target=None), 'target: null is not of type "string"'),
        (record(ts="2026-13-45T99:00:00Z"), 'ts: "2026-13-45T99:00:00Z" is not a "date-time"'),
        (b"[]", '[] is not of type "object"'),
    ],
)
def test_names_what_is_wrong_in_one_line(line: bytes, problem: str, tmp_path: Path) -> None:
    log = tmp_path / "app.json"
    log.write_bytes(LINE + line.removesuffix(b"\n") + b"\n" + LINE)
    done = run("observe", "check", log)
    assert (done.code, done.stdout) == (1, f"{log}:2: {problem}\n")
    assert done.stderr == "observe: 1 of 3 lines are no records\n"


def test_names_each_field_that_is_missing() -> None:
    missing = ("action", "duration_ms", "level", "ok", "request_id", "target", "tool", "ts")
    assert problems_of(b"{}") == [f'"{name}" is a required property' for name in missing]


@pytest.mark.parametrize(
    "text", [b"", b"\n\n", LINE, LINE[:-1], LINE.replace(b"\n", b"\r\n"), LINE + b"\n" + LINE]
)
def test_what_is_right_is_passed_over_in_silence(text: bytes, tmp_path: Path) -> None:
    log = tmp_path / "app.json"
    log.write_bytes(text)
    done = run("observe", "check", log)
    assert (done.code, done.stdout, done.stderr) == (0, "", "")


def test_a_log_in_utf_16_is_none(tmp_path: Path) -> None:
    log = tmp_path / "app.json"
    log.write_bytes(LINE.decode().encode("utf-16"))
    assert run("observe", "check", log).stdout.startswith(f"{log}:1: not UTF-8: byte 1: ")


def test_one_that_cannot_be_read_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(LINE)
    bad.write_bytes(b"x\n")
    done = run("observe", "check", good, tmp_path / "none", tmp_path, bad)
    assert (done.code, done.stdout) == (2, f"{bad}:1: not JSON: column 1: Expecting value\n")
    assert done.stderr.splitlines() == [
        f"observe: {tmp_path}/none: No such file or directory",
        f"observe: {tmp_path}: Is a directory",
        "observe: 1 of 2 lines are no records",
    ]


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_reads_standard_input(arguments: list[str]) -> None:
    done = subprocess.run(
        argv("observe", "check", *arguments), input=LINE + b"{\n", capture_output=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"standard input:2: not JSON")


def test_json_is_one_document_that_names_the_first_thousand(tmp_path: Path) -> None:
    log = tmp_path / "app.json"
    log.write_bytes(LINE + b"x\n" * 1500)
    done = run("observe", "check", "--json", log)
    assert (done.code, done.stderr) == (1, "")
    found = done.json
    assert (found["lines"], found["invalid"], len(found["problems"])) == (1501, 1500, 1000)
    problem = "not JSON: column 1: Expecting value"
    assert found["problems"][0] == {"file": str(log), "line": 2, "problem": problem}


def test_a_reader_who_has_seen_enough_ends_it_quietly(tmp_path: Path) -> None:
    log = tmp_path / "app.json"
    log.write_bytes(b"x\n" * 100_000)
    command = f"{sys.executable} -m observe check {log} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")


def test_the_schema_is_one_of_json_schema_2020_12() -> None:
    done = run("observe", "check", "--schema")
    assert (done.code, done.stderr) == (0, "")
    assert done.json["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(done.json)


def test_what_a_tool_of_ours_writes_is_right(tmp_path: Path) -> None:
    log = tmp_path / "app.json"
    run("text_utils.wc_lite", __file__, "/none", "--log-json", log)
    run("observe", "report", log, log, "--log-json", log)
    run("observe", "tail", tmp_path / "none", "--log-json", log)
    run("observe", "check", log, "--log-json", log)
    done = run("observe", "check", log)
    assert (done.code, done.stdout, done.stderr) == (0, "", "")


_TEXT = st.text("ab.Zé\x1b\ud800\U0001f600", max_size=8)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | _TEXT
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=3) | st.dictionaries(_TEXT, _SCALARS, max_size=3)


@given(
    st.dictionaries(
        st.sampled_from([*json.loads(LINE), "bytes", "outcome", "error", "x"]),
        _VALUES | st.sampled_from([MOMENT, "run", 10**30, 1e300, "\ud800"]),
    )
)
def test_what_passes_counts_and_the_library_agrees(fields: dict[str, object]) -> None:
    line = json.dumps({**json.loads(LINE), **fields}).encode()
    if not problems_of(line):
        assert record_of(line) is not None
        checks = jsonschema.Draft202012Validator(json.loads(schema_text()))
        assert not list(checks.iter_errors(json.loads(line)))


@given(st.binary(max_size=200))
def test_nothing_breaks_it(junk: bytes) -> None:
    line = junk.replace(b"\n", b"")
    assert problems_of(line) or record_of(line) is not None
