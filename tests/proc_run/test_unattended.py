"""For cron and CI: quiet when all is well, again when it is not, one at a time."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.proc_run.commands import exists, python, run, running, sh
from tests.support.journals import actions_in
from tests.support.limits import disk_of
from tests.support.waiting import until

# quiet


def test_success_prints_nothing_and_failure_everything() -> None:
    script = "echo out; echo err >&2; exit "
    done = run("--quiet-on-success", *sh(script + "0"))
    assert (done.code, done.stdout, done.stderr) == (0, b"", b"")
    done = run("--quiet-on-success", *sh(script + "3"))
    assert (done.code, done.stdout, done.stderr) == (3, b"out\n", b"err\n")


@pytest.mark.parametrize("script", ["kill -9 $$", "kill -TERM $PPID; sleep 30", "sleep 30"])
def test_a_death_an_interruption_and_a_timeout_are_failures(script: str) -> None:
    done = run("--quiet-on-success", "-t", "1", *sh("echo out; " + script))
    assert done.code >= 124
    assert done.stdout == b"out\n"


def test_what_was_held_back_comes_in_the_order_in_which_it_came(tmp_path: Path) -> None:
    script = "for n in 1 2 3 4; do echo out$n; sleep 0.05; echo err$n >&2; sleep 0.05; done; exit 1"
    with (tmp_path / "both").open("wb") as both:
        run("--quiet-on-success", *sh(script), stdout=both, stderr=both)
    lines = (tmp_path / "both").read_text().split()
    assert lines == [f"{stream}{n}" for n in range(1, 5) for stream in ("out", "err")]


def test_much_output_is_held_back_on_disk_and_is_byte_exact(tmp_path: Path) -> None:
    script = "import os\nfor n in range(256): os.write(1, bytes([n]) * 20000)\nos._exit(1)"
    env = {"TMPDIR": str(tmp_path)}
    done = run("--quiet-on-success", *python(script), env=env)
    assert done.stdout == b"".join(bytes([n]) * 20000 for n in range(256))
    assert list(tmp_path.iterdir()) == []
    done = run("--quiet-on-success", *python(script.replace("exit(1)", "exit(0)")), env=env)
    assert (done.code, done.stdout) == (0, b"")


def test_a_full_disk_lets_the_output_go_and_loses_nothing() -> None:
    script = "import os\nfor n in range(256): os.write(1, bytes([n]) * 20000)\nos._exit(0)"
    with disk_of(2_000_000):
        done = run("--quiet-on-success", *python(script))
    assert done.code == 0
    assert done.stdout == b"".join(bytes([n]) * 20000 for n in range(256))
    assert "output could not be held back any longer: File too large" in done.notes


def test_messages_are_held_back_with_the_output(tmp_path: Path) -> None:
    script = f"echo try; test -e {tmp_path}/once && exit 0; touch {tmp_path}/once; exit 1"
    options = ["--quiet-on-success", "--retries", "3", "--backoff", "0"]
    done = run(*options, *sh(script))
    assert (done.code, done.stdout, done.stderr) == (0, b"", b"")
    done = run(*options, *sh("echo try; exit 1"))
    assert done.stdout == b"try\n" * 4
    assert done.notes.count("ended with 1; again in") == 3


def test_a_quiet_run_that_cannot_start_says_so() -> None:
    done = run("--quiet-on-success", "no-such-command")
    assert (done.code, done.notes) == (127, "proc-run: no-such-command: command not found\n")


def test_a_report_comes_with_success_too() -> None:
    done = run("--quiet-on-success", "--json", *sh("echo out"))
    assert (done.stderr, done.json["stdout_tail"]) == (b"", "out\n")


def test_a_signal_ends_the_printing_of_what_nobody_reads() -> None:
    with running("--quiet-on-success", *sh("seq 200000; exit 3")) as process:
        assert process.stdout
        process.stdout.read(10)
        until(lambda: not children_of(process.pid))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 3


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


# retries


def test_a_command_is_run_again_until_it_succeeds(tmp_path: Path) -> None:
    script = f"echo x >> {tmp_path}/runs; test $(wc -l < {tmp_path}/runs) = 3"
    done = run("--json", "--retries", "5", "--backoff", "0.01", *sh(script))
    assert (done.code, done.json["attempts"], done.json["outcome"]) == (0, 3, "exit")
    assert re.findall(r"attempt \d of 6 ended with 1; again in 0.0s", done.notes) != []


def test_the_last_attempts_code_counts_and_each_has_its_own_timeout(tmp_path: Path) -> None:
    script = f"echo x >> {tmp_path}/runs; exec sleep $(( 32 - 2 * $(wc -l < {tmp_path}/runs) ))"
    done = run("--retries", "2", "--backoff", "0", "-t", "0.3", *sh(script))
    assert done.code == 124
    assert (tmp_path / "runs").read_text() == "x\n" * 3
    assert run("--retries", "2", "--backoff", "0", *sh("exit 7")).code == 7


@pytest.mark.parametrize("words", [("no-such-command",), ("/",)])
def test_what_cannot_be_started_is_not_tried_again(words: tuple[str, ...]) -> None:
    started = time.monotonic()
    done = run("--json", "--retries", "5", "--backoff", "60", *words)
    assert done.json["attempts"] == 1
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("script", ["kill -INT $$", "exit 130"])
def test_a_command_that_was_interrupted_is_not_tried_again(script: str) -> None:
    done = run("--json", "--retries", "5", "--backoff", "0", *sh(script))
    assert (done.code, done.json["attempts"]) == (130, 1)


def test_a_wait_is_random_and_never_longer_than_asked_for() -> None:
    started = time.monotonic()
    done = run("--retries", "4", "--backoff", "0.1", *sh("exit 1"))
    waits = [float(text) for text in re.findall(r"again in ([0-9.]+)s", done.notes)]
    assert len(waits) == 4
    assert all(wait <= 0.1 * 2**n + 0.05 for n, wait in enumerate(waits))
    assert time.monotonic() - started >= sum(waits) - 0.2


# locks


def test_a_second_run_is_skipped_while_the_first_one_runs(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with running("--lock", lock, "cat", stdin=subprocess.PIPE) as first:
        until(lambda: bool(children_of(first.pid)))
        done = run("--json", "--lock", lock, "touch", tmp_path / "ran")
        assert (done.code, done.json["outcome"]) == (75, "locked")
        assert re.fullmatch(
            rf"proc-run: {lock}: locked by \S+ \({first.pid}\): not run\n", done.notes
        )
        quiet = run("--lock", lock, "--lock-code", "0", "touch", tmp_path / "ran")
        assert (quiet.code, quiet.stderr) == (0, b"")
        assert run("--lock", lock, "--lock-code", "9", "true").code == 9
        assert not (tmp_path / "ran").exists()
        assert first.stdin
        first.stdin.close()
        assert first.wait(30) == 0
    assert run("--lock", lock, "touch", tmp_path / "ran").code == 0
    assert (tmp_path / "ran").exists()


def test_a_second_run_may_wait_for_the_first(tmp_path: Path) -> None:
    lock, order = tmp_path / "lock", tmp_path / "order"
    script = f"echo {{0}} >> {order}; read x; echo {{0}} >> {order}"
    with running("--lock", lock, *sh(script.format("first")), stdin=subprocess.PIPE) as first:
        until(order.exists)
        assert run("--lock", lock, "--lock-wait", "0.2", "true").code == 75
        with running("--lock", lock, "--lock-wait", "inf", *sh(script.format("second"))) as second:
            until(lambda: exists(second.pid))
            assert first.stdin
            first.stdin.close()
            first.wait(30)
            second.wait(30)
    assert order.read_text().split() == ["first", "first", "second", "second"]


def test_a_lock_file_is_never_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("precious")
    assert run("--lock", tmp_path / "data", "true").code == 0
    assert (tmp_path / "data").read_text() == "precious"


@pytest.mark.parametrize("path", ["/nope/lock", "/"])
def test_a_lock_that_cannot_be_made_is_an_error_and_nothing_runs(path: str, tmp_path: Path) -> None:
    done = run("--lock", path, "touch", tmp_path / "ran")
    assert done.code == 125
    assert done.notes.startswith(f"proc-run: --lock {path}: ")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("options", [["--lock-wait", "1"], ["--lock-code", "0"]])
def test_options_of_a_lock_need_one(options: list[str]) -> None:
    done = run(*options, "true")
    assert (done.code, done.notes) == (125, "proc-run: --lock-wait and --lock-code need --lock\n")


def test_at_most_one_of_many_runs_at_once(tmp_path: Path) -> None:
    script = (
        f"import os\nwith open('{tmp_path}/inside', 'x'): pass\n"
        f"os.remove('{tmp_path}/inside')\n"
        f"with open('{tmp_path}/runs', 'a') as file: file.write('x')"
    )
    command = ["--lock", str(tmp_path / "lock"), "--lock-wait", "60", *python(script)]
    with running(*command) as a, running(*command) as b, running(*command) as c:
        assert [one.wait(60) for one in (a, b, c)] == [0, 0, 0]
    assert (tmp_path / "runs").read_text() == "xxx"


def test_a_record_tells_of_a_run_that_was_skipped(tmp_path: Path) -> None:
    with running("--lock", tmp_path / "lock", "cat", stdin=subprocess.PIPE) as first:
        until(lambda: bool(children_of(first.pid)))
        run("--log-json", tmp_path / "log", "--lock", tmp_path / "lock", "true")
    [record] = actions_in((tmp_path / "log").read_text())
    assert (record["ok"], record["outcome"], record["returncode"]) == (False, "locked", 75)
