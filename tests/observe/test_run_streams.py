"""A command under `observe` reads, writes and ends as it would alone."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.observe.commands import observe, python, records, runs, sh
from tests.support.commands import argv

TELLS = """
import json, os, signal
status = open("/proc/self/status").read()
fields = dict(line.split(":\\t", 1) for line in status.splitlines() if line.startswith("Sig"))
descriptors = [int(name) for name in os.listdir("/proc/self/fd")]
print(json.dumps({
    "blocked": int(fields["SigBlk"], 16),
    "ignored": int(fields["SigIgn"], 16) & 0x7FFFFFFF,  # posix_spawn leaves the C library's own
    "descriptors": sorted(fd for fd in descriptors if os.path.exists(f"/proc/self/fd/{fd}")),
    "folder": os.getcwd(),
    "group": os.getpgid(0) == os.getpgid(os.getppid()),
}))
"""
EVERY_BYTE = bytes(range(256)) * 300


def test_every_byte_passes_through_and_the_exit_code() -> None:
    done = observe(*sh("cat; cat /dev/null >&2; printf x >&2; exit 7"), stdin=EVERY_BYTE)
    assert (done.code, done.stdout, done.stderr) == (7, EVERY_BYTE, b"x")


@pytest.mark.parametrize("code", [0, 1, 2, 65, 124, 125, 126, 127, 130, 143, 255])
def test_an_exit_code_is_the_commands_and_so_is_the_outcome(code: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert observe("--log-json", log, *sh(f"exit {code}")).code == code
    outcome = "failed" if code else "ok"
    assert runs(log) == [("sh", outcome), ("observe", outcome)]
    assert [one["ok"] for one in records(log)] == [not code] * 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGPIPE])
def test_a_command_that_a_signal_kills_ends_with_128_and_its_number(
    number: int, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    assert observe("--log-json", log, *sh(f"kill -{number} $$")).code == 128 + number
    assert runs(log) == [("sh", "killed"), ("observe", "failed")]
    assert records(log)[0]["signal"] == number


@pytest.mark.parametrize(
    ("word", "code", "why"),
    [
        ("no-such-command", 127, "No such file or directory"),
        ("./no-such-file", 127, "No such file or directory"),
        ("", 127, "No such file or directory"),
        ("./data", 126, "Permission denied"),
        ("./data/below", 126, "Not a directory"),
        ("./folder", 126, "Permission denied"),
        ("./strange", 127, "No such file or directory"),
    ],
)
def test_what_cannot_be_run_is_said_as_timeout_does(
    word: str, code: int, why: str, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("text")
    (tmp_path / "folder").mkdir()
    (tmp_path / "strange").write_text("#!/no/such/interpreter\n")
    (tmp_path / "strange").chmod(0o755)
    alone = subprocess.run(["timeout", "60", word], cwd=tmp_path, check=False, capture_output=True)
    done = observe("--log-json", "log", "--", word, cwd=tmp_path)
    assert (done.code, done.stdout, done.notes) == (code, b"", f"observe: {word}: {why}\n")
    assert alone.returncode == code
    assert [one["outcome"] for one in records(tmp_path / "log")] == ["not_started", "failed"]


def test_a_script_that_does_not_say_what_runs_it_is_a_shells(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('echo "$0" "$@"; exit 4\n')
    script.chmod(0o755)
    done = observe("--", "./script", "a b", "c", cwd=tmp_path)
    assert (done.code, done.stdout) == (4, b"./script a b c\n")
    found = observe("--", "script", "x", env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert (found.code, found.stdout) == (4, f"{script} x\n".encode())


def test_a_file_for_a_folder_in_the_path_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = f"{os.environ['PATH']}:{tmp_path / 'file'}"
    assert observe("--", "no-such-command", env={"PATH": path}).code == 127


def test_a_command_begins_as_it_would_alone(tmp_path: Path) -> None:
    alone = subprocess.run(
        python(TELLS)[1:], cwd=tmp_path, check=True, capture_output=True, start_new_session=True
    )
    done = observe(*python(TELLS), cwd=tmp_path)
    expected = {**json.loads(alone.stdout), "group": True}
    assert json.loads(done.stdout) == expected
    assert (expected["blocked"], expected["descriptors"]) == (0, [0, 1, 2])


BLOCKS = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM, signal.SIGRTMIN + 3])
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_what_the_parent_blocks_and_ignores_the_command_does() -> None:
    wrapped = [sys.executable, "-ISc", BLOCKS, *argv("observe", *python(TELLS))]
    done = subprocess.run(wrapped, capture_output=True, check=True, timeout=60)
    told = json.loads(done.stdout)
    blocked = {signal.SIGUSR1, signal.SIGTERM, signal.SIGRTMIN + 3}
    assert {number for number in range(1, 65) if told["blocked"] >> (number - 1) & 1} == blocked
    for number in (signal.SIGINT, signal.SIGHUP):
        assert told["ignored"] >> (number - 1) & 1


def test_closed_streams_stay_closed() -> None:
    script = f"{sys.executable} -m observe -- sh -c 'ls -l /proc/self/fd >&2; exit 5' <&- >&-"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=False, timeout=60)
    assert done.returncode == 5
    alone = subprocess.run(
        ["sh", "-c", "sh -c 'ls -l /proc/self/fd >&2' <&- >&-"], capture_output=True, check=False
    )
    assert len(done.stderr.splitlines()) == len(alone.stderr.splitlines())


@pytest.mark.parametrize("streams", [">/dev/full", "2>/dev/full", "2>&-", "<&- >&- 2>&-"])
def test_where_it_cannot_write_the_exit_code_is_still_the_commands(streams: str) -> None:
    for inner, code in (("exit 3", 3), ("echo text; exit 3", 3), ("exec no-such", 127)):
        script = f"{sys.executable} -m observe --textfile /no/x.prom -- sh -c '{inner}' {streams}"
        done = subprocess.run(["sh", "-c", script], capture_output=True, check=False, timeout=60)
        assert done.returncode == code


def test_what_the_command_writes_after_a_reader_left_kills_it_as_alone() -> None:
    script = f"{sys.executable} -m observe -- yes | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"y\n141\n", b"")


def test_memory_is_told_only_where_it_is_the_commands(tmp_path: Path) -> None:
    log = tmp_path / "log"
    observe("--log-json", log, "--", "true")
    command = argv("observe", "--log-json", log, *python("b'x' * 200_000_000"))
    # Linux counts a parent's memory until exec: a shell between has little, these tests may not.
    subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", *command], check=True, timeout=60)
    small, _, large, _ = records(log)
    assert "max_rss_bytes" not in small
    assert 200e6 < large["max_rss_bytes"] < 300e6
