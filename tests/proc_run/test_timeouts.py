"""Limits of time: when they end a command, how, and what does not keep them from it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.proc_run.commands import MODULE, exists, python, run, running, sh
from tests.support.commands import argv
from tests.support.waiting import until

SOON_S = 20.0
"""An upper bound for what takes well under a second on a machine that does nothing else."""

STUBBORN = "trap '' TERM; echo $$; while :; do sleep 0.05; done"


def test_a_command_that_takes_too_long_is_ended() -> None:
    began = time.monotonic()
    done = run("--timeout", 0.2, "--", "sleep", 60)
    assert (done.code, time.monotonic() - began < SOON_S) == (124, True)
    assert done.notes == "proc-run: timed out after 0.2s: sent TERM\n"


def test_a_command_that_ends_in_time_keeps_its_code() -> None:
    assert run("--timeout", 60, "--idle-timeout", 60, *sh("exit 9")).code == 9


def test_no_time_is_no_limit_and_hardly_any_is_one() -> None:
    assert run("--timeout", 0, "--idle-timeout", 0, "--", "sleep", 0.2).code == 0
    assert run("--timeout", "1e-10000", "--", "sleep", 60).code == 124


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("INT", "INT"),
        ("sigterm", "TERM"),
        ("15", "TERM"),
        ("SIGUSR1", "USR1"),
        ("RTMIN+1", "RTMIN+1"),
    ],
)
def test_a_signal_is_chosen_by_name_or_number(option: str, name: str) -> None:
    done = run("--json", "--timeout", 0.2, "--signal", option, "--", "sleep", 60)
    assert (done.code, done.json["signal"], done.json["outcome"]) == (124, name, "timeout")
    assert f"sent {name}\n" in done.notes


def test_kill_as_the_signal_gives_137() -> None:
    done = run("--json", "--timeout", 0.2, "-s", "KILL", "--", "sleep", 60)
    assert (done.code, done.json["timed_out"]) == (137, True)


def test_a_command_that_ignores_the_signal_is_killed() -> None:
    done = run("--json", "--timeout", 0.3, "--kill-after", 0.2, *sh(STUBBORN))
    assert (done.code, done.json["signal"], done.json["outcome"]) == (137, "KILL", "timeout")
    assert done.notes.endswith("the command goes on after TERM: sent KILL\n")


def test_a_command_that_ends_between_the_signal_and_kill_gives_124() -> None:
    script = "trap 'sleep 0.3; exit 5' TERM; while :; do sleep 0.05; done"
    done = run("--json", "--timeout", 0.3, "--kill-after", 60, *sh(script))
    assert (done.code, done.json["exit_code"], done.json["signal"]) == (124, 5, None)


@pytest.mark.parametrize(
    ("script", "code"), [("trap 'exit 5' TERM; sleep 60 & wait", 5), ("exec sleep 60", 143)]
)
def test_the_commands_own_code_can_be_preserved(script: str, code: int) -> None:
    done = run("--json", "--preserve-status", "--timeout", 0.3, *sh(script))
    assert (done.code, done.json["outcome"]) == (code, "timeout")


def test_kill_never_follows_if_it_is_not_to() -> None:
    with running("--timeout", 0.3, "--kill-after", 0, *sh(STUBBORN)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        command = int(process.stdout.readline())
        assert b"sent TERM" in process.stderr.readline()
        process.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        os.kill(command, 9)
        assert process.wait(SOON_S) == 137
        assert b"KILL" not in process.stderr.read()


@pytest.mark.parametrize("arguments", [(), ("--foreground",), ("--pty",)])
def test_a_command_that_is_stopped_is_ended(arguments: tuple[str, ...]) -> None:
    done = run(*arguments, "--timeout", 0.3, *sh("kill -STOP $$; sleep 60"))
    assert done.code == 124
    assert "the command was stopped by STOP" in done.notes


def test_kill_follows_a_signal_that_is_passed_on_if_it_is_asked_for() -> None:
    with running("--json", "--kill-after", 0.2, *sh(STUBBORN)) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(1)  # HUP: the shell dies of it, what it runs, too
        assert process.wait(SOON_S) == 129
    with running("--kill-after", 0.2, *sh("trap '' HUP;" + STUBBORN)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(1)
        assert process.wait(SOON_S) == 137
        assert process.stderr is not None
        assert b"goes on after HUP: sent KILL" in process.stderr.read()


def test_what_a_command_leaves_after_a_signal_is_asked_before_it_is_killed() -> None:
    script = """
trap 'exit 3' TERM
setsid sh -c 'trap "echo asked; exit" TERM; echo ready; while :; do sleep 0.05; done' &
while :; do sleep 0.05; done
"""
    with running("--kill-after", 60, "--grace", 0.2, *sh(script)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.wait(SOON_S) == 3
        assert process.stdout.read() == b"asked\n"


def test_silence_ends_a_command() -> None:
    done = run("--json", "--idle-timeout", 0.4, *sh("echo a; echo b >&2; sleep 60"))
    found = done.code, done.json["outcome"], done.json["stdout_tail"], done.json["stderr_tail"]
    assert found == (124, "idle_timeout", "a\n", "b\n")
    assert "wrote nothing for 0.4s: sent TERM" in done.notes


@pytest.mark.parametrize("stream", [1, 2])
def test_a_trickle_on_either_stream_keeps_a_command_going(stream: int) -> None:
    script = f"for i in 1 2 3 4 5 6 7 8; do echo $i >&{stream}; sleep 0.2; done; exit 4"
    assert run("--idle-timeout", 1.2, *sh(script)).code == 4


def test_a_slow_reader_of_ours_is_not_the_commands_silence() -> None:
    script = "head -c 3000000 /dev/zero; echo done >&2; sleep 0.3; echo end"
    with running("--idle-timeout", 1, *sh(script)) as process:
        assert process.stdout is not None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        assert len(process.stdout.read()) == 3_000_004
        assert process.wait(SOON_S) == 0


FILLS = {
    "stdout": python("import os\nwhile True: os.write(1, bytes(65536))"),
    "stderr": python("import os\nwhile True: os.write(2, bytes(65536))"),
}


@pytest.mark.parametrize("arguments", [(), ("--json-file", os.devnull), ("--pty",)])
@pytest.mark.parametrize("stream", FILLS)
def test_a_limit_is_kept_though_nobody_reads(stream: str, arguments: tuple[str, ...]) -> None:
    limits = ("--timeout", 0.5, "--kill-after", 0.5)
    with running(*arguments, *limits, *FILLS[stream]) as process:
        assert process.wait(SOON_S) == 124


def test_what_a_slow_reader_takes_after_a_timeout_is_not_lost() -> None:
    script = "head -c 500000 /dev/zero; echo end; sleep 60"
    with running("--json-file", os.devnull, "--timeout", 0.5, *sh(script)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"sent TERM" in process.stderr.readline()
        output = process.stdout.read()
        assert (len(output), output[-4:]) == (500_004, b"end\n")
        assert process.wait(SOON_S) == 124


def test_a_second_signal_ends_the_waiting_for_a_reader() -> None:
    script = "head -c 500000 /dev/zero; exit 3"
    with running("--json-file", os.devnull, *sh(script)) as process:
        until(lambda: not children(process.pid) and is_asleep(process.pid))
        process.terminate()
        assert process.wait(SOON_S) == 3


def children(pid: int) -> str:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text()


def is_asleep(pid: int) -> bool:
    return "poll" in Path(f"/proc/{pid}/wchan").read_text()


def test_a_timeout_ends_everything_that_the_command_started() -> None:
    script = """
for i in 1 2 3; do sleep 60 & echo $!; done
setsid sleep 60 & echo $!
(setsid sh -c 'trap "" TERM; echo $$; while :; do sleep 0.05; done' &)
sleep 60
"""
    done = run("--json", "--timeout", 0.6, "--kill-after", 0.3, *sh(script))
    pids = [int(word) for word in done.json["stdout_tail"].split()]
    assert (done.code, len(pids)) == (124, 5)
    assert not [pid for pid in pids if exists(pid)]
    assert [one["fate"] for one in done.json["descendants"] if one["pid"] == pids[-1]] == ["killed"]


def test_each_attempt_has_its_own_time() -> None:
    done = run("--json", "--timeout", 0.2, "--retries", 2, "--backoff", 0, "--", "sleep", 60)
    assert (done.code, done.json["attempts"], done.json["duration_ms"] < 10_000) == (124, 3, True)


def test_a_command_is_not_tried_again_once_a_signal_wanted_its_end() -> None:
    options = ("--json", "--timeout", 0.5, "--kill-after", 1.5, "--retries", 5)
    with running(*options, *sh("trap '' TERM INT; while :; do sleep 0.05; done")) as process:
        assert process.stderr is not None
        assert b"sent TERM" in process.stderr.readline()
        process.send_signal(2)
        report = json.loads(process.communicate(timeout=SOON_S)[0])
    assert (process.returncode, report["outcome"], report["attempts"]) == (137, "timeout", 1)


def test_the_command_may_end_what_it_started_in_order_before_it_is_ended() -> None:
    """As a run of ours within ours does: what it runs leads a group of its own."""
    counts = "import signal, sys, time\nsignal.signal(15, lambda *_: print('heard', flush=True))\n"
    counts += "print('there', flush=True)\nwhile True: time.sleep(60)"
    inner = argv(MODULE, "--kill-after", "0.5", "--", sys.executable, "-I", "-S", "-c", counts)
    done = run("--timeout", "2", "--", *inner)
    assert done.code == 124
    assert done.stdout == b"there\nheard\n"
