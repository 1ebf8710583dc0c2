"""Signals: what ends the command, what is passed on to it, and what it finds when it starts."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.proc_run.commands import HEARS, python, run, running, sh
from tests.support.commands import argv
from tests.support.forks import Nursery, nursery
from tests.support.waiting import until, until_it_has_open

HARMLESS = {
    signal.SIGCHLD,
    signal.SIGCONT,
    signal.SIGSTOP,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGURG,
    signal.SIGWINCH,
}
FATAL = sorted(int(number) for number in signal.valid_signals() if number not in HARMLESS)
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
TELLS_WHAT_IT_HEARS = python(f"""{HEARS}
numbers = [getattr(signal, "SIG" + name) for name in "INT TERM HUP QUIT USR1 USR2".split()]
hear([one for one in numbers if signal.getsignal(one) != signal.SIG_IGN])
os.write(1, b"ready\\n")
sys.stdin.read()
sys.exit(7)
""")
"""A command that goes on until the end of its input, and then exits with 7."""


SLEEPS = python("""
import os, resource, signal, time
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.write(1, b"ready\\n")
time.sleep(60)
""")


@pytest.fixture(scope="module")
def runs() -> Iterator[Nursery]:
    with nursery(["proc_run.cli", "proc_run.cli.session", "proc_run.running"]) as found:
        yield found


def codes(runs: Nursery, folder: Path, scripts: list[str]) -> list[int]:
    started = [runs.start(folder / str(place), sh(script)) for place, script in enumerate(scripts)]
    return [one.wait(60) for one in started]


def test_every_exit_code_is_returned(runs: Nursery, tmp_path: Path) -> None:
    for first in range(0, 256, 32):
        expected = list(range(first, first + 32))
        assert codes(runs, tmp_path, [f"exit {code}" for code in expected]) == expected


def test_a_command_that_a_signal_ends_gives_128_and_its_number(
    runs: Nursery, tmp_path: Path
) -> None:
    assert {signal.SIGKILL, signal.SIGSEGV, signal.SIGRTMIN, signal.SIGRTMAX} <= {*FATAL}
    scripts = [f"ulimit -c 0; kill -{number} $$" for number in FATAL]
    assert codes(runs, tmp_path, scripts) == [128 + number for number in FATAL]


@pytest.mark.parametrize(
    ("number", "name"), [(9, "KILL"), (34, "RTMIN"), (37, "RTMIN+3"), (64, "RTMAX")]
)
def test_the_report_names_the_signal(number: int, name: str) -> None:
    report = run("--json", *sh(f"kill -{number} $$")).json
    found = report["outcome"], report["signal"], report["exit_code"], report["returncode"]
    assert found == ("signal", name, None, 128 + number)


@contextmanager
def hearing(*arguments: object) -> Iterator["subprocess.Popen[bytes]"]:
    with running(*arguments, *TELLS_WHAT_IT_HEARS, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process


@pytest.mark.parametrize("arguments", [(), ("--foreground",), ("--json-file", os.devnull)])
def test_each_signal_is_passed_on_once(arguments: tuple[str, ...]) -> None:
    with hearing(*arguments) as process:
        assert process.stdout is not None
        for number in (*ENDING, signal.SIGUSR1, signal.SIGUSR2, signal.SIGINT):
            process.send_signal(number)
            assert process.stdout.readline() == b"heard %d\n" % number
        rest, said = process.communicate()
    assert (rest, said, process.returncode) == (b"", b"", 7)


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_the_command_as_it_would_without_us(number: signal.Signals) -> None:
    with running("--json", *SLEEPS) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"ready\n"
        process.send_signal(number)
        report = json.loads(process.communicate()[0])
    name = number.name.removeprefix("SIG")
    assert process.returncode == 128 + number
    assert (report["outcome"], report["signal"]) == ("interrupted", name)
    assert report["signals_passed_on"] == [name]


@pytest.mark.parametrize(("code", "outcome"), [(7, "interrupted"), (0, "exit")])
def test_a_command_that_handles_a_signal_chooses_its_code(code: int, outcome: str) -> None:
    script = f"trap 'exit {code}' TERM; echo ready; while :; do sleep 0.05; done"
    with running("--json", *sh(script)) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"ready\n"
        process.terminate()
        report = json.loads(process.communicate()[0])
    assert (process.returncode, report["outcome"]) == (code, outcome)


def without(ignored: str, *arguments: object) -> list[str]:
    """The command line that runs us with some signals ignored, as nohup(1) and `&` do."""
    return ["sh", "-c", f'trap "" {ignored}; exec "$@"', "sh", *argv("proc_run", *arguments)]


def test_what_our_parent_ignores_is_ignored() -> None:
    command = without("HUP INT", *TELLS_WHAT_IT_HEARS)
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"heard %d\n" % signal.SIGTERM
        assert process.communicate()[0] == b""
    assert process.returncode == 7


def test_a_parent_that_ignores_its_children_does_not_keep_us_from_ours() -> None:
    command = without("CHLD", "--retries", 1, "--backoff", 0, *sh("sleep 0.1 & exit 9"))
    assert subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 9


def masks(status: str) -> dict[str, set[int]]:
    """The signals that /proc/PID/status names, by the words Blk, Ign and Cgt.

    Not those of the C library (32, 33), which it ignores in what posix_spawn(3) starts.
    """
    found = dict(re.findall(r"Sig(Blk|Ign|Cgt):\s*([0-9a-f]+)", status))
    return {
        kind: {number for number in signal.valid_signals() if int(mask, 16) >> (number - 1) & 1}
        for kind, mask in found.items()
    }


@pytest.mark.parametrize("arguments", [(), ("--json-file", os.devnull), ("--pty",)])
def test_the_command_finds_signals_as_a_shell_would_start_it(arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--", "cat", "/proc/self/status")
    assert masks(done.stdout.decode()) == {"Blk": set(), "Ign": set(), "Cgt": set()}


def test_what_our_parent_blocks_or_ignores_the_command_finds_so() -> None:
    script = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1})
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGUSR2, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])
"""
    command = argv("proc_run", "--", "cat", "/proc/self/status")
    output = subprocess.check_output([sys.executable, "-I", "-c", script, *command], text=True)
    found = masks(output)
    assert found["Blk"] == {signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1}
    assert found["Ign"] == {signal.SIGINT, signal.SIGUSR2}


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_the_wait_for_another_attempt_at_once(number: signal.Signals) -> None:
    with running("--json", "--retries", 5, "--backoff", 1000, "--", "false") as process:
        assert process.stderr is not None
        assert b"again in" in process.stderr.readline()
        process.send_signal(number)
        report = json.loads(process.communicate(timeout=30)[0])
    assert process.returncode == 128 + number
    assert (report["outcome"], report["attempts"]) == ("interrupted", 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_wait_for_a_lock_at_once(number: signal.Signals, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with (
        lock.open("w") as file,
        running("--lock", lock, "--lock-wait", "inf", "--", "true") as process,
    ):
        fcntl.flock(file, fcntl.LOCK_EX)
        until_it_has_open(process.pid, lock)
        process.send_signal(number)
        assert process.wait(30) == 128 + number


def test_a_command_is_not_tried_again_after_a_signal_to_what_it_left_behind() -> None:
    script = "(trap '' TERM; echo $$; while :; do sleep 0.05; done) & exit 3"
    with running("--retries", 5, "--backoff", 0, "--grace", 60, *sh(script)) as process:
        assert process.stdout is not None
        command = int(process.stdout.readline())
        until(lambda: not Path(f"/proc/{command}").exists())
        process.terminate()
        assert process.stderr is not None
        assert b"sent TERM" in process.stderr.readline()
        process.terminate()
        assert b"sent KILL" in process.stderr.readline()
        assert process.stderr.read() == b""
    assert process.returncode == 3


@pytest.mark.parametrize("option", ["--foreground", "--keep-descendants"])
@pytest.mark.parametrize("leaves", ["os.setpgid(0, os.getpgid(os.getppid()))", "os.setsid()"])
def test_a_command_that_leaves_the_group_it_began_in_is_told_all_the_same(
    option: str, leaves: str
) -> None:
    script = f"""
import os, time
try:
    {leaves}
except PermissionError:  # who leads a group makes no session
    pass
os.kill(os.getppid(), 15)
time.sleep(60)
"""
    assert run(option, *python(script)).code == 143
