"""Commands and descendants that nobody planned for, and secrets where they are easily missed."""

import os
import pty
import signal
import subprocess
import time

import pytest

from tests.support.commands import argv

from .commands import MODULE, run, running, sh

as_root = pytest.mark.skipif(os.getuid() != 0, reason="takes root")

# secrets


def test_secrets_that_overlap_are_hidden_to_the_end_of_the_last_one() -> None:
    env = {"ONE": "abab", "OTHER": "babXY"}
    done = run(*hidden(env), "--json", "echo", "ababab", "-abab-", "ababXY", env=env)
    assert done.json["stdout_tail"] == "*** -***- ***\n"


def test_a_secret_of_several_lines_is_hidden_as_a_terminal_shows_it() -> None:
    env = {"KEY": "first\nsecond\n"}
    words = argv(MODULE, *hidden(env), "--json", "--pty", "printenv", "KEY")
    controller, terminal = pty.openpty()
    done = subprocess.run(
        words, env={**os.environ, **env}, stdin=terminal, capture_output=True, check=True
    )
    os.close(controller)
    os.close(terminal)
    assert b"first" in done.stderr
    assert b"***" in done.stdout
    assert b"first" not in done.stdout
    assert b"second" not in done.stdout


def test_a_secret_that_is_no_utf_8_is_hidden_in_messages_and_in_the_log() -> None:
    env = {"RAW": os.fsdecode(b"raw\xff")}
    done = run(*hidden(env), "--log-json", "-", os.fsdecode(b"./raw\xff.sh"), env=env)
    assert done.code == 127
    assert b"raw" not in done.stderr
    assert done.notes == "proc-run: ./***.sh: No such file or directory\n"


def hidden(env: dict[str, str]) -> list[str]:
    return [word for name in env for word in ("--secret-env", name)]


# commands and descendants


@as_root
def test_a_descendant_that_cannot_be_seen_is_not_waited_for_without_end() -> None:
    script = "umount -l /proc; sleep 30 >/dev/null 2>&1 & exit 4"
    words = ["unshare", "--mount", *argv(MODULE, "--grace", "0.1", *sh(script))]
    started = time.monotonic()
    done = subprocess.run(words, capture_output=True, check=False)
    if b"umount" in done.stderr or b"unshare" in done.stderr:
        pytest.skip("takes a system that lets us hide /proc")
    assert done.returncode == 4
    assert done.stderr == (
        b"proc-run: cannot be ended, and goes on: something that cannot be seen\n"
    )
    assert time.monotonic() - started < 20


@as_root
def test_a_signal_to_a_command_of_another_user_is_no_bug_of_ours() -> None:
    words = ["setpriv", "--bounding-set=-kill", "--inh-caps=-kill"]
    words += argv(MODULE, "setpriv", "--reuid=65534", "--clear-groups")
    words += ["sh", "-c", "echo there; read line; exit 6"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"there\n"
        process.send_signal(signal.SIGUSR1)
        process.send_signal(signal.SIGTERM)
        process.stdin.write(b"go on\n")
        process.stdin.close()
        assert process.wait() == 6


def test_a_terminal_that_nobody_reads_any_more_hangs_up() -> None:
    with running("--pty", "yes") as process:
        assert process.stdout
        assert process.stdout.read(4) == b"y\ny\n"
        process.stdout.close()
        assert process.wait() == 128 + signal.SIGHUP
