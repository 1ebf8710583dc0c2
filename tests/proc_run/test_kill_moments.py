"""Whenever a signal comes, and however often a command is run: nothing hangs, nothing is lost."""

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.proc_run.commands import exists, named, python, run, running, sh
from tests.support.forks import Nursery, nursery
from tests.support.waiting import until

SEED = 20250101
PLAIN_MOMENTS = 150
STARTUP_MOMENTS = 40
LONGEST_S = 60.0


@pytest.fixture(scope="module")
def runs() -> Iterator[Nursery]:
    modules = ["proc_run.cli", "proc_run.cli.session", "proc_run.running", "proc_run.terminals"]
    with nursery(modules) as found:
        yield found


# killed by KILL


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ((), "TERM"),
        (("--signal", "USR1"), "USR1"),
        (("--keep-descendants",), "TERM"),
        (("--json-file", os.devnull), "TERM"),
    ],
)
def test_the_command_is_told_when_we_are_killed(
    option: tuple[str, ...], name: str, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    script = f"trap 'echo {name} >{told}; exit' {name}; echo $$; while :; do sleep 0.05; done"
    with running(*option, *sh(script)) as process:
        assert process.stdout is not None
        command = int(process.stdout.readline())
        process.kill()
        until(lambda: not exists(command))
    assert told.read_text() == f"{name}\n"


def test_what_the_command_started_lives_on_when_we_are_killed() -> None:
    with running(*sh("sleep 60 & echo $$ $!; wait")) as process:
        assert process.stdout is not None
        command, other = map(int, process.stdout.readline().split())
        process.kill()
        until(lambda: not exists(command))
        assert exists(other)
        os.kill(other, signal.SIGKILL)


def is_free(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@pytest.mark.parametrize("keeps", [False, True])
def test_a_lock_is_held_as_long_as_the_command_lives(tmp_path: Path, *, keeps: bool) -> None:
    """Unless what the command starts may live on: it would hold the lock for ever."""
    lock = tmp_path / "lock"
    arguments = ("--keep-descendants",) if keeps else ()
    script = "trap '' TERM; echo $$; read line"
    with running(*arguments, "--lock", lock, *sh(script), stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        command = int(process.stdout.readline())
        assert not is_free(lock)
        process.kill()
        process.wait()
        assert exists(command)
        assert is_free(lock) is keeps
        process.stdin.close()
        until(lambda: not exists(command))
    assert is_free(lock)


# a thousand attempts

LOOKS_AT_US = """
import json, os, sys
def size(what):
    return len(os.listdir(f"/proc/{os.getppid()}/{what}"))
children = open(f"/proc/{os.getppid()}/task/{os.getppid()}/children").read().split()
memory = open(f"/proc/{os.getppid()}/statm").read().split()[1]
place = sys.argv[1]
with open(place, "a") as file:
    file.write(json.dumps([size("fd"), size("task"), len(children), int(memory)]) + "\\n")
os._exit(1)
"""


@pytest.mark.parametrize(
    "option", [(), ("--json-file", os.devnull), ("--pty",)], ids=["plain", "watched", "pty"]
)
def test_a_thousand_attempts_leave_nothing_in_us(option: tuple[str, ...], tmp_path: Path) -> None:
    looks, place, count = tmp_path / "looks.py", tmp_path / "found", tmp_path / "count"
    looks.write_text(LOOKS_AT_US)
    count.write_text("0\n")
    path = tmp_path / "command"
    path.write_text(f"""#!/bin/sh
read number <{count}
number=$((number + 1))
echo $number >{count}
case $number in 2|999|1000) exec {sys.executable} -IS {looks} {place};; esac
exit 1
""")
    path.chmod(0o755)
    options = ("--retries", 999, "--backoff", 0, *option)
    done = run(*options, "--", path, stderr=subprocess.DEVNULL)
    early, late, last = [json.loads(line) for line in place.read_text().splitlines()]
    assert done.code == 1
    assert early[:3] == late[:3] == last[:3]
    assert early[2] == 1
    assert (late[3] - early[3]) * os.sysconf("SC_PAGE_SIZE") < 32_000_000  # until Python collects
    assert not named(str(path))


# two hundred moments


def moments(number: int, longest: float) -> list[tuple[int, float]]:
    chosen = random.Random(SEED)  # noqa: S311 - the same ones each time
    return [
        (chosen.choice([signal.SIGINT, signal.SIGTERM]), chosen.uniform(0, longest))
        for _ in range(number)
    ]


AS_THE_COMMAND_SAYS = {41, 42}
BEFORE_IT_WAS_READY = 99
"""What the fork says that becomes us, if it is ended before it does."""

WAYS: dict[str, tuple[Any, ...]] = {
    "plain": (),
    "watched": ("--json-file", "{report}"),
    "held": ("--quiet-on-success",),
    "pty": ("--pty",),
    "retried": ("--retries", "2", "--backoff", "0.01"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_signal_at_any_moment_loses_no_code(way: str, runs: Nursery, tmp_path: Path) -> None:
    script = "trap 'exit 41' INT TERM; sleep 0.03; sleep 0.03 & exit 42"
    report = tmp_path / "report"
    options = [str(one).format(report=report) for one in WAYS[way]]
    for number, moment in moments(PLAIN_MOMENTS // len(WAYS), 0.15):
        one = runs.start(tmp_path / "output", [*options, *sh(script)])
        time.sleep(moment)  # no synchronisation: any moment will do
        one.send(number)
        early = {-number, 128 + number, BEFORE_IT_WAS_READY}
        assert one.wait(LONGEST_S) in AS_THE_COMMAND_SAYS | early, one.output.read_text()


def test_a_signal_while_python_starts_ends_us_or_is_passed_on(tmp_path: Path) -> None:
    marker = f"starting-{os.getpid()}"
    script = f"import os\nprint('{marker}', flush=True)\nos._exit(42)"
    for number, moment in moments(STARTUP_MOMENTS, 0.12):
        with running(*python(script), stderr=subprocess.DEVNULL) as process:
            time.sleep(moment)  # likewise
            process.send_signal(number)
            output = process.communicate(timeout=LONGEST_S)[0]
        if process.returncode == 42:
            assert output == f"{marker}\n".encode()
        else:  # Python itself makes 1 of an INT that comes while it loads its own modules
            assert process.returncode in {-number, 128 + number, 1}
    del tmp_path
    assert not named(marker)
