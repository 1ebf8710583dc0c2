"""Surroundings that nobody planned for: full disks, closed streams, strange files and words."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .commands import TIMEOUT_S, Finished, python, run, running, sh

PLAIN = {"PATH": os.environ["PATH"], "TOOLROLL_REQUEST_ID": "one"}
"""An environment like cron's: without a locale."""


def shell(script: str, **settings: Any) -> Finished:
    """Run a script of bash, in which `"$0" -m proc_run` is the command."""
    done = subprocess.run(
        ["bash", "-c", script, sys.executable],
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
        start_new_session=True,
        **settings,
    )
    return Finished(code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something that another process does by itself."""
    end = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


# the environment


def test_where_no_locale_is_set_the_command_finds_none() -> None:
    done = shell('exec "$0" -m proc_run env', env=PLAIN)
    found = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    assert {name: found[name] for name in found if name not in {"PWD", "SHLVL", "_"}} == PLAIN


def test_a_locale_that_python_changes_for_itself_is_passed_on_as_it_was() -> None:
    done = shell('exec "$0" -m proc_run printenv LC_CTYPE', env={**PLAIN, "LC_CTYPE": "C"})
    assert done.stdout == b"C\n"


def test_an_env_file_may_begin_with_the_mark_of_some_editors(tmp_path: Path) -> None:
    file = tmp_path / "file.env"
    file.write_bytes(b"\xef\xbb\xbfFIRST=1\r\nSECOND=2\r\n")
    done = run("--env-file", file, *sh("echo $FIRST $SECOND"))
    assert done.stdout == b"1 2\n"


def test_an_env_file_is_passed_on_in_any_locale_and_its_secrets_are_hidden(tmp_path: Path) -> None:
    file = tmp_path / "file.env"
    file.write_text("SNOW=\u2603man\n", encoding="utf-8")
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    words = ("--env-file", file, "--secret-env", "SNOW", "--json", "printenv", "SNOW")
    done = run(*words, env=ascii_only)
    assert done.stderr == "\u2603man\n".encode()
    assert done.json["stdout_tail"] == "***\n"


# processes that a shell started before it became proc-run


def test_a_shells_background_job_is_left_alone_when_it_becomes_us(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = shell(f'(sleep 0.5; echo went on >{log}) & exec "$0" -m proc_run --grace 0.1 echo ran')
    assert (done.code, done.stdout, done.stderr) == (0, b"ran\n", b"")
    wait_until(log.exists)


def test_what_the_command_leaves_is_ended_though_a_background_job_goes_on() -> None:
    started = time.monotonic()
    done = shell(
        "sleep 20 >/dev/null 2>&1 & "
        'exec "$0" -m proc_run --grace 0.1 --idle-timeout 60 sh -c "setsid sleep 60 & exit 3"'
    )
    assert done.code == 3
    assert re.fullmatch(r"proc-run: goes on .*: sleep \(\d+\): sent TERM\n", done.notes)
    assert time.monotonic() - started < 10


def test_a_process_substitution_reads_the_output_to_its_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = shell(
        f'exec "$0" -m proc_run --grace 0.1 --idle-timeout 60 echo ran > >(sleep 0.5; cat >{log})'
    )
    assert (done.code, done.stderr) == (0, b"")
    wait_until(lambda: log.exists() and log.read_bytes() == b"ran\n")


# files and streams


def test_a_report_to_dev_stdout_comes_after_the_output(tmp_path: Path) -> None:
    with (tmp_path / "both").open("w+b") as file:
        assert run("--json-file", "/dev/stdout", "echo", "ran", stdout=file).code == 0
        file.seek(0)
        assert file.read().startswith(b'ran\n{\n  "cmd": [\n')


def test_a_report_without_a_name_is_bad_usage() -> None:
    done = run("--json-file", "", "echo", "ran")
    assert (done.code, done.stdout) == (125, b"")
    assert done.stderr == b"proc-run: --json-file: which file?\n"


def test_a_stdout_that_is_closed_is_said_when_output_is_passed_on_to_it() -> None:
    done = shell('exec "$0" -m proc_run --idle-timeout 60 echo lost >&-')
    assert done.code == 125
    assert b"stdout could not be passed on: Bad file descriptor" in done.stderr


def test_a_stderr_that_is_closed_takes_nothing_and_spoils_nothing() -> None:
    done = shell('exec "$0" -m proc_run --json sh -c "echo out; echo err >&2" 2>&-')
    assert done.code == 0
    assert (done.json["stdout_tail"], done.json["stderr_tail"]) == ("out\n", "err\n")


def test_a_full_stdout_does_not_hide_what_was_held_back_of_stderr() -> None:
    with Path("/dev/full").open("wb") as full:
        done = run("--quiet-on-success", *sh("echo out; echo why >&2; exit 3"), stdout=full)
    assert done.code == 3
    assert done.stderr.startswith(b"why\n")
    assert done.notes == (
        "proc-run: the command's output could not be printed: No space left on device\n"
    )


def test_a_timeout_is_kept_though_a_full_disk_lets_output_go_that_nobody_reads(
    tmp_path: Path,
) -> None:
    messages = tmp_path / "messages"
    words = ("--quiet-on-success", "--timeout", "1", "seq", "999999")
    with (
        messages.open("wb") as stderr,
        running(*words, preexec_fn=limit_files, stderr=stderr) as process,
    ):
        wait_until(lambda: messages.read_bytes().count(b"\n") == 2)
        assert process.stdout
        written = process.stdout.read()
        assert process.wait() == 124
    assert messages.read_text() == (
        "proc-run: output could not be held back any longer: File too large\n"
        "proc-run: timed out after 1s: sent TERM\n"
    )
    assert len(written) > 1_200_000  # all that was held back
    assert b"".join(b"%d\n" % number for number in range(1, 999_999)).startswith(written)


def limit_files() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1_200_000, 1_200_000))


def test_a_lock_that_may_only_be_read_can_be_taken(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch(0o444)
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []
    words = [*powerless, sys.executable, "-m", "proc_run", "--lock", str(lock), "echo", "ran"]
    done = subprocess.run(words, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"ran\n", b"")


# words


@pytest.mark.parametrize("pattern", ["a{99999999999}", "(" * 5000 + ")" * 5000])
def test_a_pattern_beyond_what_there_is_is_bad_usage(pattern: str) -> None:
    done = run("--redact", pattern, "true")
    assert done.code == 125
    assert b"is not a regular expression" in done.stderr


@pytest.mark.parametrize("name", ["TERM+1", "RTMIN+31", "RTMAX+1"])
def test_a_number_may_be_added_to_real_time_signals_only(name: str) -> None:
    assert b"is not a signal" in run("-s", name, "true").stderr


def test_no_command_at_all_is_not_found() -> None:
    assert run("").code == 127
    assert run("", *python("")).code == 127
