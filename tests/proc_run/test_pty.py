"""`--pty`: a terminal for the command, joined to whatever we have."""

import os
import signal
import termios
from pathlib import Path

import pytest

from tests.proc_run.commands import HEARS, exists, python, run, running, sh
from tests.proc_run.screens import CTRL_C, CTRL_D, screen
from tests.proc_run.test_timeouts import SOON_S
from tests.support.commands import argv
from tests.support.waiting import until

LOOKS = python("""
import os
for stream in (0, 1, 2):
    print(os.isatty(stream), os.ttyname(stream) == os.ttyname(0), *os.get_terminal_size(stream))
print(os.getsid(0) == os.getpgrp() == os.getpid() == os.tcgetpgrp(0))
os.close(os.open("/dev/tty", os.O_RDWR))
""")


def test_all_three_streams_are_the_terminal_that_controls_the_command() -> None:
    done = run("--pty", *LOOKS)
    assert (done.code, done.stderr) == (0, b"")
    assert done.stdout == b"True True 80 24\n" * 3 + b"True\n"


def test_what_is_written_to_it_stays_as_it_is(tmp_path: Path) -> None:
    block = b"\r\n\0\n\r\x04\x03\x1a\x11\x13\xff\xfe" + os.urandom(1_000_000) + b"\n\t  \r"
    path = tmp_path / "block"
    path.write_bytes(block)
    done = run("--pty", "--", "cat", path)
    assert (done.code, done.stdout == block) == (0, True)


def test_lines_of_our_input_arrive_and_its_end_is_an_end() -> None:
    lines = b"".join(b"%d %s\n" % (number, b"x" * (number % 900)) for number in range(2600))
    assert len(lines) > 1_000_000
    assert run("--pty", "--", "cat", stdin=lines).stdout == lines


@pytest.mark.parametrize("text", [b"", b"one\n", b"one\ntwo"])
def test_input_without_a_last_newline_ends_too(text: bytes) -> None:
    assert run("--pty", "--", "cat", stdin=text).stdout == text


def test_a_command_that_closes_its_terminal_goes_on_and_may_open_it_again() -> None:
    script = "exec <&- >&- 2>&-; sleep 0.3; echo again >/dev/tty; exit 7"
    done = run("--pty", *sh(script))
    assert (done.code, done.stdout, done.notes) == (7, b"again\n", "")


def test_what_holds_the_terminal_open_does_not_keep_us() -> None:
    done = run("--pty", "--grace", 0.2, *sh("trap '' HUP; sleep 60 & echo $!; exit 3"))
    assert (done.code, exists(int(done.stdout))) == (3, False)


def test_a_terminal_that_is_kept_open_loses_nothing() -> None:
    script = "trap '' HUP; (sleep 0.3; echo late) & exit 3"
    done = run("--pty", "--grace", 30, *sh(script))
    assert (done.code, done.stdout) == (3, b"late\n")


def test_a_size_follows_ours() -> None:
    script = "trap 'stty size' WINCH; stty size; echo begun; while :; do sleep 0.05; done"
    with screen(*argv("proc_run", "--pty", *sh(script))) as shown:
        shown.shows("begun")
        shown.resize(33, 99)
        shown.shows("33 99")
        shown.type(CTRL_C)
        assert shown.ends() == 130


def test_keys_reach_the_command_and_not_us() -> None:
    script = python(f"""{HEARS}
hear([signal.SIGINT])
os.write(1, b"begun\\n")
while line := os.read(0, 100):
    os.write(1, b"got " + line)
os._exit(5)
""")
    with screen(*argv("proc_run", "--pty", *script)) as shown:
        shown.shows("begun")
        shown.type(CTRL_C)
        shown.shows("heard 2\r\n")
        shown.type("word\n")
        assert "heard" not in shown.shows("got word\r\n")
        shown.type(CTRL_D)
        assert shown.ends() == 5


ENDS = {"end": 0, "timeout": 124, "signal": 143, "failure": 127}


@pytest.mark.parametrize("how", ENDS)
def test_our_terminal_has_its_settings_again(how: str) -> None:
    limits = ("--timeout", "0.6") if how == "timeout" else ()
    words = {"end": sh("echo begun; sleep 0.3"), "failure": ("--", "not-there-at-all")}
    with screen(
        "sh", "-c", '"$@"; echo code $?; read line', "sh",
        *argv("proc_run", "--pty", *limits, *words.get(how, sh("echo begun; sleep 60; :"))),
    ) as shown:  # fmt: skip
        before = shown.settings
        if how != "failure":
            shown.shows("begun")
            assert not shown.settings[3] & termios.ICANON
        if how == "signal":
            os.kill(child_of(shown.process.pid), signal.SIGTERM)
        shown.shows(f"code {ENDS[how]}")
        assert shown.settings == before


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def test_a_terminal_that_nobody_reads_does_not_keep_a_limit_from_being_kept() -> None:
    fills = python("import os\nwhile True: os.write(1, b'x' * 1000)")
    limits = ("--timeout", 0.5, "--kill-after", 0.5)
    with screen(*argv("proc_run", "--pty", *limits, *fills)) as shown:
        before = shown.settings
        assert shown.process.wait(SOON_S) == 124
        assert shown.settings == before


def test_a_hangup_of_our_terminal_ends_the_command() -> None:
    with screen(*argv("proc_run", "--pty", *sh("echo pid $$; echo; exec sleep 60"))) as shown:
        shown.shows("pid ")
        pid = int(shown.shows("\n"))
        shown.hang_up()
        assert shown.process.wait(SOON_S) == 129
    assert not exists(pid)


def test_the_end_of_us_is_a_hangup_of_the_commands_terminal() -> None:
    with running("--pty", *sh("trap '' TERM; echo $$; exec sleep 60")) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        process.kill()
        until(lambda: not exists(pid))


def test_a_message_on_a_raw_terminal_ends_its_line() -> None:
    with screen(*argv("proc_run", "--pty", "--timeout", "0.3", *sh("sleep 60"))) as shown:
        shown.shows("timed out after 0.3s: sent TERM\r\n")
        assert shown.ends() == 124
