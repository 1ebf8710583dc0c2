"""`logtools tail` as a command: its options, its ends, its messages."""

import os
import signal
import subprocess
from pathlib import Path
from typing import IO, Self

import pytest

from tests.logtools.awkward import AWKWARD
from tests.logtools.conftest import Logtools, piped
from tests.support.commands import argv
from tests.support.journals import actions_in
from tests.support.waiting import until


def gnu(*arguments: object, stdin: bytes = b"") -> bytes:
    """What GNU tail prints."""
    done = subprocess.run(
        ["tail", *map(str, arguments)], input=stdin, capture_output=True, check=False
    )
    return done.stdout


def ended(text: bytes) -> bytes:
    return text if not text or text.endswith(b"\n") else text + b"\n"


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize(
    "options", [[], ["-n", "1"], ["-n0"], ["-n", "-2"], ["-n", "+2"], ["-n+0"]], ids=" ".join
)
def test_lines_are_those_of_tail_each_with_its_newline(
    logtools: Logtools, tmp_path: Path, name: str, options: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(AWKWARD[name])
    whole = ["--max-line-bytes", "16Mi"]
    expected = ended(gnu(*options, path))
    assert logtools("tail", *options, *whole, path) == (0, expected, b"")
    assert piped("tail", *options, *whole, stdin=AWKWARD[name]) == (0, expected, b"")


@pytest.mark.parametrize(
    "options", [["-c", "5"], ["-c0"], ["-c", "+3"], ["-c", "-4"]], ids=" ".join
)
@pytest.mark.parametrize("name", ["empty", "no-final-newline", "invalid-utf-8", "huge-line"])
def test_bytes_are_those_of_tail(
    logtools: Logtools, tmp_path: Path, name: str, options: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(AWKWARD[name])
    assert logtools("tail", *options, path) == (0, gnu(*options, path), b"")


@pytest.mark.parametrize("options", [[], ["-q"], ["-v"], ["-n1"]])
def test_several_files_get_headers_as_tail_prints_them(
    logtools: Logtools, tmp_path: Path, options: list[str]
) -> None:
    paths = [tmp_path / name for name in ("only-newlines", "empty", "one-line")]
    for path in paths:
        path.write_bytes(AWKWARD[path.name])
    assert logtools("tail", *options, *paths).stdout == gnu(*options, *paths)


def test_a_file_of_proc_is_read_though_it_says_it_is_empty(logtools: Logtools) -> None:
    assert logtools("tail", "-n1", "/proc/version").stdout == Path("/proc/version").read_bytes()


class Tail:
    """`logtools tail` as a process."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            argv("logtools", "tail", *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @property
    def out(self) -> IO[bytes]:
        assert self.process.stdout
        return self.process.stdout

    @property
    def err(self) -> IO[bytes]:
        assert self.process.stderr
        return self.process.stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_it_follows_over_a_rotation_and_says_so(log: Path) -> None:
    with Tail("-f", "-n1", log) as tail:
        assert tail.out.readline() == b"six\n"
        append(log, b"seven\neig")
        assert tail.out.readline() == b"seven\n"
        append(log, b"ht\n")
        assert tail.out.readline() == b"eight\n"
        log.rename(f"{log}.1")
        append(Path(f"{log}.1"), b"late\n")
        append(log, b"new\n")
        assert {tail.out.readline(), tail.out.readline()} == {b"late\n", b"new\n"}
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(20) == 130
        assert b"following the new file" in tail.err.read()


def test_it_waits_for_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    with Tail("-f", tmp_path / "later.log") as tail:
        assert tail.err.readline().endswith(b"waiting for it\n")
        append(tmp_path / "later.log", b"here\n")
        assert tail.out.readline() == b"here\n"
        tail.process.terminate()
        assert tail.process.wait(20) == 143


def test_it_ends_when_its_reader_goes_though_nothing_more_is_written(log: Path) -> None:
    with Tail("-f", log) as tail:
        assert tail.out.readline() == b"one\n"
        tail.out.close()
        assert tail.process.wait(20) == 0
        assert tail.err.read() == b""
        tail.process.stdout = None


def test_it_ends_with_the_process_that_writes(log: Path) -> None:
    writer = subprocess.Popen(["sleep", "60"])
    with Tail("-f", "--pid", writer.pid, log) as tail:
        assert tail.out.readline() == b"one\n"
        append(log, b"the last\n")
        writer.kill()
        writer.wait()
        assert tail.out.read().endswith(b"the last\n")
        assert tail.process.wait(20) == 0


def test_several_followed_files_are_announced(log: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    other.write_bytes(b"other\n")
    with Tail("-f", "-n1", log, other) as tail:
        start = [tail.out.readline() for _ in range(5)]
        assert start == [
            b"==> %s <==\n" % os.fsencode(log),
            b"six\n",
            b"\n",
            b"==> %s <==\n" % os.fsencode(other),
            b"other\n",
        ]
        append(log, b"seven\n")
        assert [tail.out.readline() for _ in range(3)][-1] == b"seven\n"


def test_a_cursor_comes_back_to_where_it_stopped(
    logtools: Logtools, log: Path, tmp_path: Path
) -> None:
    cursor = tmp_path / "state" / "cursor"
    cursor.parent.mkdir()
    assert logtools("tail", "--cursor", cursor, log) == (0, log.read_bytes(), b"")
    append(log, b"seven\nunfinished")
    assert logtools("tail", "--cursor", cursor, log) == (0, b"seven\n", b"")
    log.rename(f"{log}.1")
    append(Path(f"{log}.1"), b" and now\n")
    append(log, b"new\n")
    assert logtools("tail", "--cursor", cursor, log) == (0, b"unfinished and now\nnew\n", b"")
    assert logtools("tail", "--cursor", cursor, log) == (0, b"", b"")


def test_a_cursor_can_begin_at_the_last_lines(
    logtools: Logtools, log: Path, tmp_path: Path
) -> None:
    done = logtools("tail", "--cursor", tmp_path / "cursor", "-n1", log)
    assert done == (0, b"six\n", b"")


def test_a_cursor_does_not_move_where_the_lines_could_not_be_written(
    logtools: Logtools, log: Path, tmp_path: Path
) -> None:
    cursor = tmp_path / "cursor"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            argv("logtools", "tail", "--cursor", cursor, log),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"logtools: stdout: No space left on device\n")
    assert logtools("tail", "--cursor", cursor, log).stdout == log.read_bytes()


def test_a_cursor_that_is_none_is_named(logtools: Logtools, log: Path, tmp_path: Path) -> None:
    cursor = tmp_path / "cursor"
    cursor.write_text("{}")
    done = logtools("tail", "--cursor", cursor, log)
    assert (done.code, done.stdout) == (65, b"")
    assert done.stderr.startswith(b"logtools: %s: not a cursor" % os.fsencode(cursor))
    other = tmp_path / "other.log"
    other.write_bytes(b"x\n")
    cursor.unlink()
    logtools("tail", "--cursor", cursor, log)
    assert logtools("tail", "--cursor", cursor, other).code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-f"], b"standard input has no name to follow"),
        (["-f", "-"], b"standard input has no name to follow"),
        (["--cursor", "c"], b"standard input has no name to follow"),
        (["--cursor", "c", "a", "b"], b"a CURSOR is for one FILE"),
        (["-f", "--cursor", "c", "a"], b"cannot be combined"),
        (["-f", "--since", "5m", "a"], b"not with -f or --cursor"),
        (["--pid", "1", "a"], b"--pid is a part of -f"),
        (["--nonsense"], b"unrecognized arguments"),
        (["-n", "x", "a"], b"is not a number"),
    ],
)
def test_what_makes_no_sense_is_refused(
    logtools: Logtools, arguments: list[str], said: bytes
) -> None:
    done = logtools("tail", *arguments)
    assert (done.code, done.stdout) == (2, b"")
    assert said in done.stderr


def test_what_is_done_is_logged(logtools: Logtools, log: Path, tmp_path: Path) -> None:
    for command in (["head", log], ["grep", "-c", log, "needle"], ["tail", log]):
        logtools(*command, "--log-json", tmp_path / "records")
    records = actions_in((tmp_path / "records").read_text())
    assert [one["action"] for one in records] == ["head", "grep", "tail"]
    assert {one["target"] for one in records} == {str(log)}
    assert all(one["ok"] for one in records)


def test_a_run_that_waits_for_its_cursor_is_told_to_come_later(log: Path, tmp_path: Path) -> None:
    cursor = tmp_path / "cursor"
    fifo_read, fifo_write = os.pipe()
    log.write_bytes(b"x" * 200_000 + b"\n")  # more than a pipe holds: it waits in its write
    first = subprocess.Popen(argv("logtools", "tail", "--cursor", cursor, log), stdout=fifo_write)
    os.close(fifo_write)
    try:
        lock = Path(f"{cursor}.lock")
        until(lock.exists)
        assert os.read(fifo_read, 10) == b"x" * 10
        second = piped("tail", "--cursor", cursor, log, stdin=b"")
        assert (second.code, second.stdout) == (75, b"")
        assert b"another run has this cursor" in second.stderr
    finally:
        os.close(fifo_read)
        first.wait(20)
