"""A terminal that controls us: its keys, its jobs, its pipelines, and its end."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.proc_run.commands import HEARS, exists, python, sh, state_of
from tests.proc_run.screens import CTRL_BACKSLASH, CTRL_C, CTRL_D, CTRL_Z, Screen, screen, shell
from tests.support.commands import argv
from tests.support.waiting import until

_SLEEPS = 'import os, signal, time; signal.signal(2, signal.SIG_DFL); os.write(2, b"begun")'
SLEEPS = f"{sys.executable} -ISc '{_SLEEPS}; time.sleep(60)'"
"""Not a shell: dash loses a signal that comes as it forks. Nor with Python's own handler: it
would not be run before the end of a sleep that begins just after the signal."""

HEARS_AND_READS = f"""{HEARS}
hear([signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCONT])
os.write(1, b"pid %d\\n" % os.getpid())
while True:
    line = os.read(0, 100)
    os.write(1, b"read " + line)
    if not line.strip():
        raise SystemExit(7)
"""


@pytest.fixture
def hears(tmp_path: Path) -> str:
    """A command that tells what signals it hears and what lines it reads."""
    path = tmp_path / "hears.py"
    path.write_text(HEARS_AND_READS)
    return f"{sys.executable} -IS {path}"


def pid_on(shown: Screen) -> int:
    shown.shows("pid ")
    return int(shown.shows("\n"))


@pytest.mark.parametrize("options", ["", "--foreground", "--json-file /dev/null"])
def test_a_key_reaches_the_command_once(options: str, hears: str) -> None:
    with shell() as shown:
        shown.type(f"proc-run {options} -- {hears}; echo code $?\n")
        pid_on(shown)
        for key, number in ((CTRL_C, 2), (CTRL_BACKSLASH, 3), (CTRL_C, 2)):
            shown.type(key)
            shown.shows(f"heard {number}\r\n")
        shown.type("\n")
        assert "heard" not in shown.shows("code 7")


def test_ctrl_c_ends_with_130() -> None:
    with shell() as shown:
        shown.type(f"proc-run -- {SLEEPS}; echo code $?\n")
        shown.shows("begun")
        shown.type(CTRL_C)
        shown.shows("code 130")


def test_ctrl_c_also_ends_the_retries() -> None:
    with shell() as shown:
        shown.type(f"proc-run --retries 5 --backoff 0 -- {SLEEPS}; echo code $?\n")
        shown.shows("begun")
        shown.type(CTRL_C)
        assert "attempt" not in shown.shows("code 130")


def test_a_command_reads_the_terminal(hears: str) -> None:
    with shell() as shown:
        shown.type(f"proc-run -- {hears}; echo code $?\n")
        pid_on(shown)
        shown.type("hello\n")
        shown.shows("read hello")
        shown.type(CTRL_D)
        shown.shows("code 7")


@pytest.mark.parametrize("options", ["", "--foreground", "--json-file /dev/null"])
def test_ctrl_z_stops_both_and_fg_goes_on(options: str, hears: str) -> None:
    with shell() as shown:
        shown.type(f"proc-run {options} -- {hears}; echo code $?\n")
        pid = pid_on(shown)
        for _ in range(3):
            shown.type(CTRL_Z)
            shown.shows("Stopped")
            until(lambda: state_of(pid) == "T")
            shown.type("echo back; fg\n")
            shown.shows("back")
            shown.shows("heard 18")
            shown.type("hello\n")
            shown.shows("read hello")
        shown.type("\n")
        shown.shows("\n")
        until(lambda: not exists(pid))
        shown.type("echo code $?\n")
        shown.shows("code 7")


def test_a_command_that_stops_only_itself_stops_us_too() -> None:
    with shell() as shown:
        shown.type("proc-run -- sh -c 'kill -STOP $$; echo on; exit 3'\n")
        shown.shows("Stopped")
        shown.type("fg; echo code $?\n")
        shown.shows("on\r\n")
        shown.shows("code 3")


def test_a_job_in_the_background_comes_to_the_front(hears: str) -> None:
    with shell() as shown:
        shown.type(f"proc-run -- {hears} &\n")
        pid = pid_on(shown)
        until(lambda: state_of(pid) == "T")  # it wanted to read
        until(lambda: state_of(os.getpgid(pid)) == "T")  # or `fg` would not continue the job
        shown.type("fg\n")
        shown.shows("heard 18")
        shown.type("hello\n")
        shown.shows("read hello")
        shown.type("\n")
        until(lambda: not exists(pid))
        shown.type("echo code $?\n")
        shown.shows("code 7")


def test_a_pipeline_works_with_readers_of_the_terminal_behind_us() -> None:
    pager = "(cat; echo key? ; read key </dev/tty; echo got $key)"
    with shell() as shown:
        shown.type(f"proc-run -- seq 3 | {pager}; echo codes ${{PIPESTATUS[@]}}\n")
        shown.shows("1\r\n2\r\n3\r\nkey?")
        shown.type("q\n")
        shown.shows("got q")
        shown.shows("codes 0 0")
        shown.type(f"proc-run -- {SLEEPS} | cat\n")
        shown.shows("begun")
        shown.type(CTRL_C)
        shown.type("echo codes ${PIPESTATUS[@]}\n")
        shown.shows("codes 130 130")


@pytest.mark.parametrize("options", ["", "--foreground"])
def test_a_timeout_ends_the_tree_and_nobody_else_of_the_pipeline(options: str) -> None:
    tree = "sleep 60 & setsid sleep 60 & echo pid $!; trap '' TERM; sleep 60; sleep 60"
    with shell() as shown:
        limits = "--timeout 0.5 --kill-after 0.3"
        last = "(sleep 1.5; cat; echo survived)"
        command = f'proc-run {limits} {options} -- sh -c "{tree.replace("$", chr(92) + "$")}"'
        shown.type(f"{command} | {last}; echo codes ${{PIPESTATUS[@]}}\n")
        pid = pid_on(shown)
        assert not exists(pid)
        shown.shows("survived")
        shown.shows("codes 137 0")


def test_a_terminal_that_is_hung_up_ends_the_command(tmp_path: Path) -> None:
    """A terminal window runs us without a shell: only we, who lead the session, are told."""
    pids = tmp_path / "pids"
    with screen(*argv("proc_run", *sh(f"echo $$ >{pids}; echo begun; exec sleep 60"))) as shown:
        shown.shows("begun")
        shown.hang_up()
        assert shown.process.wait(30) == 128 + signal.SIGHUP
    assert not exists(int(pids.read_text()))


def test_the_end_of_a_shells_window_ends_the_command() -> None:
    with shell() as shown:
        shown.type("proc-run -- sh -c 'echo pid $$; sleep 60'\n")
        pid = pid_on(shown)
        shown.hang_up()
        until(lambda: not exists(pid))


def test_a_job_that_was_stopped_was_not_silent() -> None:
    with shell() as shown:
        shown.type(
            "proc-run --idle-timeout 1 -- sh -c 'echo begun; sleep 0.3; exit 4'; echo code $?\n"
        )
        shown.shows("begun")
        shown.type(CTRL_Z)
        shown.shows("Stopped")
        shown.type("sleep 1.2; fg; echo code $?\n")
        shown.shows("code 4")


def test_on_a_terminal_the_command_stays_in_our_group() -> None:
    with screen(*argv("proc_run", *python("import os; print('group', os.getpgrp())"))) as shown:
        shown.shows("group")
        assert int(shown.shows("\n")) == shown.process.pid
