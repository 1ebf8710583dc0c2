"""Signals and keys reach the command of `observe`, once, and its end is its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.observe.commands import observing, records, runs, sh
from tests.proc_run.commands import exists, state_of
from tests.proc_run.screens import CTRL_BACKSLASH, CTRL_C, CTRL_Z, Screen, screen
from tests.support.commands import argv
from tests.support.waiting import until

HEARS = """
import os, signal, time
def heard(number, _):
    os.write(1, b"heard %d\\n" % number)
for number in (1, 2, 3, 10, 12, 15, 28):
    signal.signal(number, heard)
os.write(1, b"pid %d\\n" % os.getpid())
while True:
    line = os.read(0, 100)
    os.write(1, b"read " + line)
    if not line.strip():
        raise SystemExit(7)
"""
BEGINS = "echo begun; exec sleep 600"
PASSED_ON = (
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
)


@pytest.fixture
def hears(tmp_path: Path) -> str:
    """A command that tells what signals it hears and what lines it reads."""
    path = tmp_path / "hears.py"
    path.write_text(HEARS)
    return f"{sys.executable} -IS {path}"


def test_each_signal_reaches_the_command_once(hears: str) -> None:
    with observing("--", *hears.split(), stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"pid ")
        for number in (*PASSED_ON, *PASSED_ON):
            process.send_signal(number)
            assert process.stdout.readline() == b"heard %d\n" % number
        process.stdin.write(b"\n")
        process.stdin.close()
        assert process.stdout.read() == b"read \n"
        assert process.wait(30) == 7


@pytest.mark.parametrize("number", PASSED_ON)
def test_a_signal_that_kills_the_command_is_its_end(number: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with observing("--log-json", log, *sh(BEGINS)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(30) == 128 + number
    assert runs(log) == [("sh", "killed"), ("observe", "failed")]


def test_a_signal_to_the_whole_group_does_not_stop_the_counting(tmp_path: Path) -> None:
    log, text = tmp_path / "log", tmp_path / "x.prom"
    for _ in range(5):
        options = ("--log-json", log, "--textfile", text, "--name", "job")
        with observing(*options, *sh(BEGINS)) as process:
            assert process.stdout is not None
            process.stdout.readline()
            os.killpg(process.pid, signal.SIGTERM)
            assert process.wait(30) == 143
    told = [(one["tool"], one["action"], one.get("outcome")) for one in records(log)]
    ended = [("job", "run", "killed"), ("observe", "deliver", None), ("observe", "run", "failed")]
    assert told == ended * 5
    assert 'outcome="killed",tool="job"} 5.0' in text.read_text()


def test_a_killed_observe_leaves_the_command_and_its_tools_alone(tmp_path: Path) -> None:
    text, code = tmp_path / "text", tmp_path / "code"
    text.write_text("x")
    script = 'echo begun; read line; contains "$0" x; echo "$?" >"$1"'
    reader, writer = os.pipe()
    with observing(*sh(script, str(text), str(code)), stdin=reader) as process:
        os.close(reader)
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"begun\n"
        process.kill()
        process.wait(30)
        os.write(writer, b"go on\n")
        os.close(writer)
        until(lambda: code.exists() and code.read_text() == "0\n")
        assert b"nobody reads it; going on without" in process.stderr.readline()


@contextmanager
def on_a_terminal(hears: str) -> Iterator[tuple[Screen, int]]:
    """A shell with job control that runs a command under observe; yields its process id."""
    with screen("bash", "--norc", "--noprofile", "--noediting", "-i") as shown:
        shown.type(f"{' '.join(argv('observe'))} -- {hears}; echo code $?\n")
        shown.shows("pid ")
        yield shown, int(shown.shows("\n"))


def test_a_key_reaches_the_command_once(hears: str) -> None:
    with on_a_terminal(hears) as (shown, _):
        for key, number in ((CTRL_C, 2), (CTRL_BACKSLASH, 3), (CTRL_C, 2)):
            shown.type(key)
            shown.shows(f"heard {number}\r\n")
        shown.type("hello\n")
        assert "heard" not in shown.shows("read hello")
        shown.type("\n")
        assert "heard" not in shown.shows("code 7")


def test_ctrl_z_stops_both_and_fg_lets_them_go_on(hears: str) -> None:
    with on_a_terminal(hears) as (shown, pid):
        shown.type(CTRL_Z)
        shown.shows("Stopped")
        shown.shows("code 148")
        until(lambda: state_of(pid) == "T")  # the shell waits for observe only
        shown.type('fg; echo "code $?"\n')
        until(lambda: state_of(pid) != "T")
        shown.type("again\n")
        shown.shows("read again")
        shown.type("\n")
        shown.shows("code 7")


def test_a_new_size_of_the_window_is_told_to_the_command(hears: str) -> None:
    with on_a_terminal(hears) as (shown, _):
        shown.resize(50, 132)
        shown.shows("heard 28")
        shown.type("\n")
        shown.shows("code 7")


@pytest.mark.parametrize("leads", [True, False])
def test_the_command_ends_with_its_terminal(tmp_path: Path, *, leads: bool) -> None:
    script = tmp_path / "script"
    script.write_text('echo "pid $$."; exec sleep 600')
    command = [*argv("observe"), "--", "sh", str(script)]
    wrapped = command if leads else ["bash", "-c", f"{' '.join(command)}; true"]
    with screen(*wrapped) as shown:
        shown.shows("pid ")
        pid = int(shown.shows("."))
        shown.hang_up()
        until(lambda: not exists(pid))
