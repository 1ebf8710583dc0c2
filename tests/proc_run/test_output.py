"""Output passes as it comes, byte by byte, each stream on its own."""

import fcntl
import json
import re
import shlex
import socket
import statistics
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import IO

import pytest

from tests.proc_run.commands import MODULE, python, run, running, sh
from tests.support.commands import argv
from tests.support.waiting import until

PIPE_BYTES = 64 * 1024

EVERY_BYTE = bytes(range(256)) * 5
WATCHED = [[], ["--json-file", "report.json"], ["--idle-timeout", "30"], ["--max-output", "1G"]]
"""With our own streams, and with pipes."""

by_way = pytest.mark.parametrize("way", WATCHED, ids=lambda way: " ".join(way) or "inherited")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@by_way
def test_both_streams_are_byte_exact_and_apart(way: list[str]) -> None:
    script = (
        "import os; os.write(1, bytes(range(256)) * 5); os.write(2, b'err\\0\\xff'); os._exit(3)"
    )
    done = run(*way, *python(script))
    assert (done.code, done.stdout, done.stderr) == (3, EVERY_BYTE, b"err\0\xff")


@by_way
def test_standard_input_is_passed_through(way: list[str]) -> None:
    done = run(*way, "cat", stdin=EVERY_BYTE * 100)
    assert (done.code, done.stdout) == (0, EVERY_BYTE * 100)


def test_without_a_report_the_command_has_our_very_streams() -> None:
    script = "import os; ours = f'/proc/{os.getppid()}/fd/'\n"
    script += "for n in '012': print(os.readlink(ours + n) == os.readlink('/proc/self/fd/' + n))"
    assert run("-t", "20", *python(script)).stdout == b"True\n" * 3
    assert run("--idle-timeout", "20", *python(script)).stdout == b"True\nFalse\nFalse\n"


def test_with_a_report_its_output_goes_to_stderr_live_and_stdout_has_one_document() -> None:
    done = run("--json", *sh("echo out; echo err >&2"))
    assert sorted(done.stderr.splitlines()) == [b"err", b"out"]
    assert done.json["stdout_tail"] == "out\n"
    assert done.json["stderr_tail"] == "err\n"


def test_ten_megabytes_without_a_newline_pass() -> None:
    done = run("--json-file", "r", *sh("head -c 10000000 /dev/zero"))
    assert (done.code, done.stdout) == (0, bytes(10_000_000))
    assert json.loads(Path("r").read_text())["stdout_bytes"] == 10_000_000


@pytest.mark.parametrize("option", [["--json"], ["--json-file", "r"], ["--idle-timeout", "50"]])
def test_a_gigabyte_takes_no_memory(option: list[str]) -> None:
    script = "head -c 1000000000 /dev/zero; grep VmHWM /proc/$PPID/status > peak"
    done = run(*option, *sh(script), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert done.code == 0
    [peak] = re.findall(r"(\d+) kB", Path("peak").read_text())
    assert int(peak) < 32 * 1024


@pytest.mark.parametrize("way", WATCHED[1:], ids=str)
def test_each_line_of_a_trickle_arrives_before_the_next_is_written(way: list[str]) -> None:
    script = (
        "import sys, time\nfor line in sys.stdin:\n    print(time.monotonic_ns(), flush=True)\n"
    )
    delays = []
    with running(*way, *python(script), stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for _ in range(50):
            process.stdin.write(b"next\n")
            process.stdin.flush()
            written = int(process.stdout.readline())
            delays.append(time.monotonic_ns() - written)
        process.stdin.close()
        assert process.wait(30) == 0
    assert statistics.median(delays) < 50_000_000


def test_a_letter_that_comes_in_two_parts_is_whole_in_the_report() -> None:
    script = (
        "import os, time\n"
        "for part in (b'stra\\xc3', b'\\x9fe'):\n"
        "    os.write(1, part); time.sleep(0.05)\n"
    )
    done = run("--json", *python(script))
    assert done.json["stdout_tail"] == "straße"


@by_way
def test_a_child_that_closes_its_streams_and_lives_on_is_waited_for(way: list[str]) -> None:
    started = time.monotonic()
    done = run(*way, *sh("echo first; exec >&- 2>&-; sleep 0.5; exit 6"))
    assert (done.code, done.stdout) == (6, b"first\n")
    assert time.monotonic() - started >= 0.5


@by_way
def test_when_our_reader_goes_the_command_is_told_as_it_would_be_without_us(
    way: list[str],
) -> None:
    with running(*way, "yes") as process:
        assert process.stdout
        process.stdout.read(10)
        process.stdout.close()
        assert process.wait(30) == 128 + 13


def test_a_report_is_whole_though_nobody_reads_what_is_shown() -> None:
    with running("--json", *sh("echo a; sleep 0.2; echo b; echo c; exit 4")) as process:
        assert process.stderr
        assert process.stdout
        process.stderr.close()
        report = json.loads(process.stdout.read())
        assert process.wait(30) == 4
    assert (report["stdout_tail"], report["returncode"]) == ("a\nb\nc\n", 4)


def test_a_slow_reader_slows_the_command_and_loses_nothing() -> None:
    with running("--json-file", "r", *sh("seq 400000")) as process:
        assert process.stdout
        stdout = process.stdout
        until(lambda: waiting_in(stdout) >= PIPE_BYTES)
        received = stdout.read()
        assert process.wait(30) == 0
    assert received == b"".join(b"%d\n" % n for n in range(1, 400001))


def waiting_in(pipe: IO[bytes]) -> int:
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_a_socket_takes_output_too() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, running("--json-file", "r", *sh("seq 100000"), stdout=theirs) as process:
        theirs.close()
        received = b"".join(iter(lambda: ours.recv(65536), b""))
        assert process.wait(30) == 0
    assert received == b"".join(b"%d\n" % n for n in range(1, 100001))


@by_way
def test_a_full_disk_is_an_error_of_ours_or_of_the_command(way: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run(*way, *sh("echo x || exit 9"), stdout=full)
    if way:
        assert done.code == 125
        assert "stdout could not be passed on: No space left on device" in done.notes
    else:
        assert done.code == 9


@by_way
def test_closed_streams_stay_closed_or_are_nowhere(way: list[str]) -> None:
    script = (
        f"exec {shlex.join(argv(MODULE, *way))} sh -c 'echo out; echo err >&2; exit 5' <&- >&- 2>&-"
    )
    done = subprocess.run(["sh", "-c", script], check=False, timeout=30)
    assert done.returncode == 5


@pytest.mark.parametrize(("size", "passed"), [("0", b""), ("4", b"1234"), ("100", b"1234567890")])
def test_output_beyond_a_size_is_read_and_dropped(size: str, passed: bytes) -> None:
    done = run("--max-output", size, *sh("printf 12345; sleep 0.1; printf 67890; exit 3"))
    assert (done.code, done.stdout) == (3, passed)
    dropped = 10 - len(passed)
    assert done.notes == (
        f"proc-run: --max-output: {dropped} bytes of output were dropped\n" if dropped else ""
    )


def test_a_size_holds_for_both_streams_together_and_for_all_attempts() -> None:
    script = "printf 1234; sleep 0.1; printf abcd >&2; exit 1"
    done = run("--max-output", "10", "--retries", "1", "--backoff", "0", *sh(script))
    assert done.stdout.startswith(b"1234")
    shown = done.stderr.decode().replace(done.notes, "")
    assert len(done.stdout) + len(re.sub(r"proc-run: .*\n", "", shown)) == 10


def test_a_report_counts_and_keeps_what_is_dropped() -> None:
    done = run("--json", "--max-output", "2", *sh("printf 12345"))
    assert done.stderr.startswith(b"12")
    assert (done.json["stdout_bytes"], done.json["stdout_tail"]) == (5, "12345")
