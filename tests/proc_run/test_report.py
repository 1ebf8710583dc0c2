"""The report: one document, each field of it true."""

import json
import os
import re
import signal
import stat
import subprocess
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.proc_run.commands import exists, python, run, running, sh
from tests.support.journals import actions_in
from tests.support.waiting import until_it_waits_in_poll

FIELDS: dict[str, Any] = {
    "cmd": list,
    "returncode": int,
    "outcome": str,
    "error": (str, type(None)),
    "exit_code": (int, type(None)),
    "signal": (str, type(None)),
    "timed_out": bool,
    "signals_passed_on": list,
    "started_at": (str, type(None)),
    "duration_ms": (float, type(None)),
    "pid": (int, type(None)),
    "attempts": int,
    "request_id": str,
    "max_rss_kib": (int, type(None)),
    "user_ms": (float, type(None)),
    "sys_ms": (float, type(None)),
    "descendants": list,
    "stdout_bytes": int,
    "stdout_tail": str,
    "stdout_dropped_bytes": int,
    "stderr_bytes": int,
    "stderr_tail": str,
    "stderr_dropped_bytes": int,
}

ENDS = [
    (sh("exit 0"), [], ("exit", 0, 0, None, False)),
    (sh("exit 3"), [], ("exit", 3, 3, None, False)),
    (sh("kill -USR1 $$"), [], ("signal", 138, None, "USR1", False)),
    (sh("kill -KILL $$"), [], ("signal", 137, None, "KILL", False)),
    (sh("sleep 30"), ["-t", "0.2"], ("timeout", 124, None, "TERM", True)),
    (sh("sleep 30"), ["-t", "0.2", "-p"], ("timeout", 143, None, "TERM", True)),
    (sh("sleep 30"), ["-t", "0.2", "-s", "KILL"], ("timeout", 137, None, "KILL", True)),
    (
        sh("trap 'exit 7' TERM; sleep 30 & wait"),
        ["-t", "0.5"],
        ("timeout", 124, 7, None, True),
    ),
    (sh("sleep 30"), ["--idle-timeout", "0.2"], ("idle_timeout", 124, None, "TERM", True)),
    (sh("kill -TERM $PPID; sleep 30"), [], ("interrupted", 143, None, "TERM", False)),
    (("nope",), [], ("spawn_error", 127, None, None, False)),
    (("/",), [], ("spawn_error", 126, None, None, False)),
    (("true",), ["--cwd", "/nope"], ("spawn_error", 125, None, None, False)),
]


def checked(report: Any) -> Any:
    assert list(report) == list(FIELDS)
    wrong = [name for name, kind in FIELDS.items() if not isinstance(report[name], kind)]
    assert wrong == []
    return report


@pytest.mark.parametrize(("words", "options", "expected"), ENDS, ids=str)
def test_a_report_tells_how_it_ended(
    words: tuple[str, ...], options: list[str], expected: tuple[object, ...]
) -> None:
    done = run("--json", *options, *words)
    report = checked(done.json)
    names = ("outcome", "returncode", "exit_code", "signal", "timed_out")
    assert tuple(report[name] for name in names) == expected
    assert done.code == report["returncode"]
    assert report["cmd"] == [word for word in words if word != "--"]
    assert (report["error"] is None) == (report["outcome"] != "spawn_error")


def test_a_report_tells_when_and_for_how_long() -> None:
    before = datetime.now(UTC)
    report = checked(run("--json", "sleep", "0.3").json)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", report["started_at"])
    began = datetime.fromisoformat(report["started_at"])
    assert -0.001 <= (began - before).total_seconds() < 20
    assert 300 <= report["duration_ms"] < 20_000


def test_a_report_tells_what_was_used() -> None:
    script = "kept = bytearray(80 << 20)\nfor n in range(3_000_000): pass\n"
    report = checked(run("--json", *python(script)).json)
    assert 80 * 1024 < report["max_rss_kib"] < 160 * 1024
    assert report["user_ms"] + report["sys_ms"] > 20
    assert report["user_ms"] < report["duration_ms"] * 1.5
    assert not exists(report["pid"])


def test_memory_and_time_of_children_that_were_waited_for_count() -> None:
    inner = "kept = bytearray(80 << 20)"
    script = f"import os, sys; os.system(sys.executable + ' -I -S -c \"{inner}\"')"
    assert checked(run("--json", *python(script)).json)["max_rss_kib"] > 80 * 1024


def test_the_pid_is_the_commands() -> None:
    report = run("--json", *sh("echo $$")).json
    assert int(report["stdout_tail"]) == report["pid"]


@pytest.mark.parametrize(
    ("written", "limit", "tail"),
    [
        (b"", 4, ""),
        (b"abcd", 4, "abcd"),
        (b"abcde", 4, "bcde"),
        (b"abcde", 0, ""),
        ("äöü".encode(), 4, "öü"),
        ("äöü".encode(), 3, "ü"),
        ("x€€".encode(), 4, "€"),
        ("😀😀".encode(), 7, "😀"),
        (b"\xff\xfeab", 3, "\ufffdab"),
        (b"a\x80\x80\x80\x80\x80", 5, "\ufffd\ufffd"),
    ],
)
def test_a_tail_is_whole_letters_and_the_rest_is_counted(
    written: bytes, limit: int, tail: str
) -> None:
    report = run("--json", "--tail-bytes", limit, "cat", stdin=written).json
    assert report["stdout_bytes"] == len(written)
    assert report["stdout_tail"] == tail
    kept = len(written) - report["stdout_dropped_bytes"]
    assert written[len(written) - kept :].decode(errors="replace") == tail


def test_a_tail_is_the_last_4_kib_however_much_comes() -> None:
    written = b"".join(b"%07d\n" % n for n in range(100_000))
    report = run("--json", "cat", stdin=written).json
    assert report["stdout_tail"].encode() == written[-4096:]
    assert report["stdout_dropped_bytes"] == len(written) - 4096


def test_words_that_are_not_utf_8_are_shown_as_far_as_they_are() -> None:
    done = subprocess_run("--json", "printf", "%s", b"a\xffb")
    assert done["cmd"] == ["printf", "%s", "a\ufffdb"]
    assert (done["stdout_tail"], done["stdout_bytes"]) == ("a\ufffdb", 3)


def subprocess_run(*words: str | bytes) -> Any:
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "proc_run", *words], capture_output=True, check=True
    )
    return json.loads(done.stdout)


def test_a_file_gets_the_report_and_the_streams_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    done = run("--json-file", path, *sh("echo out; echo err >&2; exit 3"))
    assert (done.code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert checked(json.loads(path.read_text()))["returncode"] == 3
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]


def test_a_file_and_stdout_may_both_get_it(tmp_path: Path) -> None:
    done = run("--json", "--json-file", tmp_path / "r", *sh("exit 3"))
    assert done.json == json.loads((tmp_path / "r").read_text())


def test_a_file_is_replaced_only_by_a_whole_report(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old")
    script = f"cat {path}; kill -9 $PPID"
    done = run("--json-file", path, *sh(script))
    assert (done.code, path.read_text()) == (-9, "old")
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("report")
    run("--json-file", tmp_path / "link", "true")
    assert (tmp_path / "link").is_symlink()
    assert checked(json.loads((tmp_path / "report").read_text()))


def test_a_report_may_go_to_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_text()))
    reader.start()
    assert run("--json-file", tmp_path / "pipe", *sh("exit 3")).code == 3
    reader.join(30)
    assert checked(json.loads(received[0]))["returncode"] == 3
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_report_may_go_to_a_descriptor() -> None:
    reader, writer = os.pipe()
    run("--json-file", f"/dev/fd/{writer}", *sh("exit 3"), pass_fds=[writer])
    os.close(writer)
    with os.fdopen(reader) as file:
        assert checked(json.load(file))["returncode"] == 3


@pytest.mark.parametrize("path", ["/nope/report", "/proc/report", "/"])
def test_a_report_that_cannot_be_written_is_said_before_anything_runs(
    path: str, tmp_path: Path
) -> None:
    done = run("--json-file", path, "touch", tmp_path / "ran")
    assert done.code == 125
    assert done.notes.startswith(f"proc-run: --json-file {path}: ")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("script", "code"), [("exit 0", 125), ("exit 3", 3)])
def test_a_report_that_meets_a_full_disk_is_said_and_the_code_kept(script: str, code: int) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run("--json", *sh(script), stdout=full)
    assert done.code == code
    assert "the report could not be written: No space left on device" in done.notes
    done = run("--json-file", "/dev/full", *sh(script))
    assert done.code == code


def test_a_report_whose_reader_has_gone_changes_no_code() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        assert run("--json", *sh("exit 3"), stdout=nobody).code == 3


def test_a_report_that_nobody_reads_can_be_given_up() -> None:
    options = ["--json", "--tail-bytes", "1M"]
    with running(*options, *sh("seq 100000; exit 3"), stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        process.stdout.read(10)
        until_it_waits_in_poll(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 3


def test_a_log_has_a_record_for_each_attempt(tmp_path: Path) -> None:
    log = tmp_path / "log"
    run("--log-json", log, "--retries", "1", "--backoff", "0", *sh("exit 3"))
    records = actions_in(log.read_text())
    assert [record["attempts"] for record in records] == [1, 2]
    for record in records:
        assert (record["tool"], record["action"], record["target"]) == ("proc-run", "command", "sh")
        assert (record["ok"], record["returncode"], record["outcome"]) == (False, 3, "exit")
        assert record["duration_ms"] > 0
