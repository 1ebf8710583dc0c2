import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.journals import recorded
from tests.toolroll_shared.programs import ENVIRONMENT, finish, in_shell, nobody_reads, program
from toolroll_shared.logs import NO_LOG, request_id_of


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def test_a_record_tells_what_was_done_to_what_and_how_it_went(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with recorded("tool", path) as log, log.action("asset", "o/r: v1/x") as fields:
        fields["bytes"] = 7
    [record] = records(path)
    assert record.pop("duration_ms") >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", record.pop("ts"))
    assert re.fullmatch(r"[0-9a-f]{32}", record.pop("request_id"))
    assert record == {
        "level": "info",
        "tool": "tool",
        "action": "asset",
        "target": "o/r: v1/x",
        "ok": True,
        "bytes": 7,
    }


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize(
    ("environment", "identity"),
    [
        ({"TOOLROLL_REQUEST_ID": "from-above"}, "from-above"),
        ({"TRACEPARENT": f"00-{TRACE}-00f067aa0ba902b7-01"}, TRACE),
        ({"TRACEPARENT": f"cc-{TRACE}-00f067aa0ba902b7-01-of-tomorrow"}, TRACE),
        ({"TOOLROLL_REQUEST_ID": "a", "TRACEPARENT": f"00-{TRACE}-00f067aa0ba902b7-01"}, "a"),
    ],
)
def test_the_id_of_a_parent_or_a_trace_is_kept(environment: dict[str, str], identity: str) -> None:
    assert request_id_of(environment) == identity


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TOOLROLL_REQUEST_ID": ""},
        {"TOOLROLL_REQUEST_ID": "two\nlines"},
        {"TOOLROLL_REQUEST_ID": "x" * 129},
        {"TRACEPARENT": f"ff-{TRACE}-00f067aa0ba902b7-01"},
        {"TRACEPARENT": f"00-{'0' * 32}-00f067aa0ba902b7-01"},
        {"TRACEPARENT": f"00-{TRACE}-{'0' * 16}-01"},
        {"TRACEPARENT": f"00-{TRACE.upper()}-00f067aa0ba902b7-01"},
        {"TRACEPARENT": f"00-{TRACE}"},
    ],
)
def test_a_run_whose_parent_gave_no_good_id_makes_a_new_one(environment: dict[str, str]) -> None:
    found = {request_id_of(environment) for _ in range(2)}
    assert len(found) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in found)


@pytest.mark.parametrize("error", [LookupError("s3cret"), KeyboardInterrupt()])
def test_an_action_that_raises_is_recorded_by_the_errors_type(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "log"

    def fail() -> None:
        with recorded("tool", path) as log, log.action("page", "o/r") as fields:
            fields["status"] = 500
            raise error

    with pytest.raises(type(error)):
        fail()
    [record] = records(path)
    assert (record["ok"], record["level"], record["status"]) == (False, "error", 500)
    assert record["error"] == type(error).__name__
    assert "s3cret" not in path.read_text()


def test_an_action_may_say_itself_that_it_failed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with recorded("tool", path) as log:
        log.record("asset", "x", duration_s=1.25, ok=False, error="http")
        with log.action("asset", "y") as fields:
            fields["ok"] = False
    assert [(one["ok"], one["level"]) for one in records(path)] == [(False, "error")] * 2
    assert records(path)[0]["duration_ms"] == 1250.0


def test_one_run_has_one_request_id(tmp_path: Path) -> None:
    paths = [tmp_path / "1", tmp_path / "2"]
    for path in paths:
        with recorded("tool", path) as log:
            log.record("a", "x", duration_s=0)
            log.record("b", "y", duration_s=0)
    ids = [[one["request_id"] for one in records(path)] for path in paths]
    assert [len(set(run)) for run in ids] == [1, 1]
    assert ids[0] != ids[1]


def test_the_request_id_of_a_parent_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLROLL_REQUEST_ID", "from-above")
    with recorded("tool", tmp_path / "log") as log:
        log.record("a", "x", duration_s=0)
    assert records(tmp_path / "log")[0]["request_id"] == "from-above"


def test_a_log_is_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('{"older": true}\n')
    with recorded("tool", path) as log:
        log.record("a", "x", duration_s=0)
    assert [one.get("older") for one in records(path)] == [True, None]


def test_every_record_is_one_ascii_line_whatever_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with recorded("tool", path) as log:
        log.record("a", "two\nlines \x1b[31m ü \ud800 \U0001f600", duration_s=0, path=Path("/x"))
    assert path.read_bytes().isascii()
    [record] = records(path)
    assert record["target"] == "two\nlines \x1b[31m ü \\ud800 \U0001f600"
    assert record["path"] == "/x"


def refuse(constant: str) -> None:
    raise AssertionError(constant)


def test_numbers_that_json_does_not_know_are_null(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with recorded("tool", path) as log:
        log.record("a", "x", duration_s=0, odd=float("nan"), more={1: [float("inf"), "\udcff"]})
    record = json.loads(path.read_bytes(), parse_constant=refuse)
    assert (record["odd"], record["more"]) == (None, {"1": [None, "\\udcff"]})


@pytest.mark.parametrize(
    "fields",
    [
        {"error": "e" * 100_000},
        {"names": ["n" * 100] * 1000},
        {f"f{n}": "x" * 99 for n in range(99)},
    ],
)
def test_a_record_is_never_longer_than_a_pipe_takes_at_once(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    path = tmp_path / "log"
    with recorded("tool", path) as log:
        log.record("a", "t" * 10_000, duration_s=0, **fields)
    assert len(path.read_bytes()) <= 4096
    [record] = records(path)
    assert record["target"].startswith("ttt")
    assert set(record) >= {"ts", "level", "tool", "action", "duration_ms", "ok", "request_id"}


def test_a_line_that_a_full_disk_has_torn_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text('{"ts": "2026')
    with recorded("tool", path) as log:
        log.record("a", "x", duration_s=0)
    torn, whole = path.read_text().splitlines()
    assert (torn, json.loads(whole)["action"]) == ('{"ts": "2026', "a")


WRITER = """
import sys
from toolroll_shared.logs import Journal
log = Journal(sys.argv[1]).open(sys.argv[2])
sys.stdin.read()
for number in range(300):
    log.record("a", "x" * (number * 10), duration_s=0, number=number)
"""


def test_writers_in_several_processes_never_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, name, path], stdin=subprocess.PIPE)
        for name in "abcd"
    ]
    for writer in writers:  # all at once
        assert writer.stdin is not None
        writer.stdin.close()
    assert [writer.wait(20) for writer in writers] == [0, 0, 0, 0]
    found = sorted((one["tool"], one["number"]) for one in records(path))
    assert found == [(name, number) for name in "abcd" for number in range(300)]


def test_a_log_that_is_off_writes_nothing_and_loads_nothing() -> None:
    source = (
        "import sys\n"
        "from toolroll_shared.logs import Journal\n"
        "journal = Journal('tool')\n"
        "with journal.open(None).action('a', 'x'): pass\n"
        "journal.end(0)\n"
        "assert 'structlog' not in sys.modules\n"
    )
    done = finish([sys.executable, "-c", source])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_log_that_is_off_still_passes_errors_on() -> None:
    with pytest.raises(LookupError), NO_LOG.action("a", "x"):
        raise LookupError


LOGS = """
from toolroll_shared.output import write
def body():
    log = journal.open({!r})
    for _ in range(3):
        log.record("a", "x", duration_s=0)
    write("done\\n")
    return 0
"""


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("", "Is a directory"),
        ("missing/log", "No such file or directory"),
        ("loop/log", "Too many levels of symbolic links"),
    ],
)
def test_a_log_that_cannot_be_opened_is_said_once_and_stops_no_work(
    tmp_path: Path, where: str, why: str
) -> None:
    (tmp_path / "loop").symlink_to("loop")
    path = str(tmp_path / where)
    done = finish(program(LOGS.format(path)))
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr == f"tool: the log {path} cannot be written: {why}; going on without\n"


def test_a_log_may_go_to_stderr() -> None:
    done = finish(program(LOGS.format("-")))
    assert (done.returncode, done.stdout) == (0, "done\n")
    actions = [json.loads(line)["action"] for line in done.stderr.splitlines()]
    assert actions == ["a", "a", "a", "run"]


def test_a_log_on_a_full_disk_is_said_once_and_stops_no_work() -> None:
    done = finish(program(LOGS.format("/dev/full")))
    assert (done.returncode, done.stdout) == (0, "done\n")
    said = "the log cannot be written: No space left on device; going on without"
    assert done.stderr == f"tool: {said}\n"


@pytest.mark.parametrize("stderr", ["{} 2>&-", "{} 2>/dev/full"], ids=["closed", "full"])
def test_a_log_to_a_stderr_that_is_gone_stops_no_work(stderr: str) -> None:
    done = finish(in_shell(program(LOGS.format("-")), stderr))
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_a_log_to_a_stderr_that_nobody_reads_stops_no_work() -> None:
    with nobody_reads() as pipe:
        done = finish(program(LOGS.format("-")), stderr=pipe, env=ENVIRONMENT)
    assert (done.returncode, done.stdout) == (0, "done\n")
