"""`observe tail`: the last records, readable, harmless, and what comes to them."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.observe.logs import MOMENT, failure, record
from tests.observe.servers import append
from tests.support.commands import argv, environment, run
from tests.support.terminal import shown_on_a_terminal
from tests.support.waiting import PATIENCE_S, until_it_waits_in_poll

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ARROW = f"{MOMENT} ok     demo count {{}} 1.5 ms r1\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.json"


def _lines(*targets: object) -> str:
    return "".join(ARROW.format(target) for target in targets)


def _of(log: Path, *targets: object) -> None:
    append(log, *(record(target=str(target)) for target in targets))


@pytest.mark.parametrize(("count", "first"), [(0, 20), (1, 19), (10, 10), (10**30, 0)])
def test_shows_the_last_records(count: int, first: int, log: Path) -> None:
    _of(log, *range(20))
    done = run("observe", "tail", "-n", count, log)
    assert (done.code, done.stdout, done.stderr) == (0, _lines(*range(first, 20)), "")


def test_ten_are_shown_unless_one_says_otherwise(log: Path) -> None:
    _of(log, *range(20))
    assert run("observe", "tail", log).stdout == _lines(*range(10, 20))


@pytest.mark.parametrize("arguments", [[], ["-"], ["-n", "2"]])
def test_reads_standard_input(arguments: list[str], log: Path) -> None:
    _of(log, 1, 2)
    with log.open("rb") as file:
        command = argv("observe", "tail", *arguments)
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, _lines(1, 2), "")


def test_filters_come_before_the_counting(log: Path) -> None:
    for number in range(5):
        append(log, failure(target=str(number), request_id=f"r{number % 2}"), record(), b"junk\n")
    failed = run("observe", "tail", log, "--failed", "-n", "2").stdout.splitlines()
    assert [line.split()[4] for line in failed] == ["3", "4"]
    assert all("FAILED" in line and "error=OSError" in line for line in failed)
    one = run("observe", "tail", log, "--failed", "--request-id", "r0", "-n", "2").stdout
    assert [line.split()[4] for line in one.splitlines()] == ["2", "4"]
    assert run("observe", "tail", log, "--request-id", "none").stdout == ""


def test_what_is_no_record_is_shown_with_a_mark(log: Path) -> None:
    append(log, b"\n", b"junk \xff\n", b"{}\n", b"x" * 2_000_000 + b"\n", record()[:30])
    assert run("observe", "tail", log).stdout.splitlines() == [
        "? junk \\xff",
        "? {}",
        "? (too long for a record)",
        f"? {record()[:30].decode()}",
    ]


HOSTILE = "\x1b]0;owned\x07\x1b[2J\r\n\u202e\x9b31m"


@pytest.mark.parametrize("field", ["ts", "tool", "action", "target", "request_id", "x", HOSTILE])
def test_a_record_cannot_steer_the_terminal(field: str, log: Path) -> None:
    append(log, record(**{field: HOSTILE}), HOSTILE.encode().replace(b"\n", b"") + b"\n")
    code, shown = shown_on_a_terminal(argv("observe", "tail", log))
    plain = COLOUR.sub("", shown).replace("\r\n", "\n")
    assert (code, plain.count("\n")) == (0, 2)
    assert plain.replace("\n", "").isprintable()
    assert "\\x1b]0;owned" in plain


def test_colour_is_for_terminals_without_no_color_only(log: Path) -> None:
    append(log, record(), failure())
    command = argv("observe", "tail", log)
    _, coloured = shown_on_a_terminal(command)
    _, plain = shown_on_a_terminal(command, NO_COLOR="1")
    assert "\x1b[32mok" in coloured
    assert "\x1b[31mFAILED\x1b[0m" in coloured
    assert "\x1b" not in plain
    assert COLOUR.sub("", coloured) == plain
    assert run("observe", "tail", log).stdout == plain.replace("\r\n", "\n")


@contextmanager
def _following(log: Path, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    pipe = subprocess.PIPE
    command = argv("observe", "tail", "-f", log, *arguments)
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _read(process: "subprocess.Popen[str]", count: int) -> str:
    assert process.stdout is not None
    return "".join(process.stdout.readline() for _ in range(count))


def test_goes_on_over_rotations(log: Path) -> None:
    _of(log, *range(20))
    with _following(log, "-n", "2") as process:
        assert _read(process, 2) == _lines(18, 19)
        _of(log, 20)
        assert _read(process, 1) == _lines(20)
        _of(log, 21)
        log.rename(f"{log}.1")
        _of(log, 22)
        assert _read(process, 2) == _lines(21, 22)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert stderr.endswith("observe: interrupted\n")


def test_following_shows_the_last_of_a_large_log_with_half_a_line_at_its_end(log: Path) -> None:
    line = record(target="x" * 3000)
    append(log, line * 12_000, record(target="last"), record()[:20])
    with _following(log, "-n", "1") as process:
        assert _read(process, 1) == _lines("last")
        append(log, record()[20:])
        assert _read(process, 1) == _lines("a")


def test_following_filters_what_comes(log: Path) -> None:
    append(log, failure(target="old"), record())
    with _following(log, "--failed") as process:
        assert " old " in _read(process, 1)
        append(log, record(), failure(target="new"))
        assert " new " in _read(process, 1)


def test_following_with_no_last_records_shows_only_what_comes(log: Path) -> None:
    _of(log, *range(20))
    with _following(log, "-n", "0") as process:
        until_it_waits_in_poll(process.pid)
        _of(log, 20)
        assert _read(process, 1) == _lines(20)


def test_following_waits_for_a_log_that_is_not_there(log: Path) -> None:
    with _following(log) as process:
        assert process.stderr is not None
        assert "waiting for it" in process.stderr.readline()
        _of(log, 1)
        assert _read(process, 1) == _lines(1)


def test_following_ends_when_its_reader_has_gone(log: Path) -> None:
    _of(log, *range(3))
    command = f"{sys.executable} -m observe tail -f {log} | head -1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, _lines(0), "")


def test_a_reader_who_has_seen_enough_ends_it_quietly(log: Path) -> None:
    append(log, record() * 50_000)
    command = f"set -o pipefail; {sys.executable} -m observe tail -n 50000 {log} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, _lines("a"), "")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-f"], "standard input has no name to follow: name a FILE"),
        (["/none/x"], "/none/x: No such file or directory"),
        (["/"], "/: Is a directory"),
        (["-n", "-1", "x"], "argument -n/--lines: '-1' is not a whole number of at least 0"),
        (["a", "b"], "unrecognized arguments: b"),
    ],
)
def test_what_makes_no_sense_is_said(arguments: list[str], why: str) -> None:
    done = run("observe", "tail", *arguments)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"observe: {why}")
    assert done.stderr.count("\n") == 1


def test_ctrl_c_ends_it_while_it_waits_for_standard_input() -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        argv("observe", "tail"), stdin=slave, stderr=subprocess.PIPE, env=environment({})
    )
    try:
        os.write(master, b"junk\n")
        _until_it_reads_a_terminal(process.pid)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.communicate()
        os.close(master)
        os.close(slave)
    assert (process.returncode, stderr) == (130, b"observe: interrupted\n")


def _until_it_reads_a_terminal(pid: int) -> None:
    from tests.support.waiting import until

    until(lambda: "n_tty_read" in _sleeps_in(pid) or "wait_woken" in _sleeps_in(pid))


def _sleeps_in(pid: int) -> str:
    return Path(f"/proc/{pid}/wchan").read_text()
