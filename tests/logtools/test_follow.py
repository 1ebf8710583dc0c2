"""`tail -f`: what is followed, what is said, and when it ends."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import argv, environment
from tests.support.waiting import until


class Follower:
    """A process that follows files, and what it printed so far."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._folder = folder

    @property
    def out(self) -> bytes:
        return (self._folder / "out").read_bytes()

    @property
    def notes(self) -> str:
        return (self._folder / "notes").read_text()

    def until_out_is(self, expected: bytes) -> None:
        until(lambda: len(self.out) >= len(expected))
        assert self.out == expected

    def until_noted(self, text: str) -> None:
        until(lambda: text in self.notes)


@contextmanager
def following(folder: Path, *names: object, count: int = 10, **how: str) -> Iterator[Follower]:
    command = argv("tests.logtools.programs", "follow", count, *names)
    with (folder / "out").open("wb") as out, (folder / "notes").open("wb") as notes:
        process = subprocess.Popen(command, stdout=out, stderr=notes, env=environment(how))
        try:
            yield Follower(folder, process)
        finally:
            process.terminate()
            process.wait(timeout=30)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log").mkdir()
    return tmp_path / "log" / "app.log"


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.parametrize("how", ["inotify", "poll"])
def test_the_last_lines_come_first_and_then_what_is_added(
    tmp_path: Path, log: Path, how: str
) -> None:
    log.write_bytes(b"1\n2\n3\n4\n")
    with following(tmp_path, log, count=2, HOW=how) as tail:
        tail.until_out_is(b"3\n4\n")
        append(log, b"5\n6\n")
        tail.until_out_is(b"3\n4\n5\n6\n")


def test_an_unfinished_line_waits_for_its_newline(tmp_path: Path, log: Path) -> None:
    log.write_bytes(b"1\nunfin")
    with following(tmp_path, log) as tail:
        tail.until_out_is(b"1\n")
        append(log, b"ished\n2\n")
        tail.until_out_is(b"1\nunfinished\n2\n")


def test_an_unfinished_line_of_a_file_that_is_done_with_gets_its_newline(
    tmp_path: Path, log: Path
) -> None:
    log.write_bytes(b"1\nunfinished")
    with following(tmp_path, log, GRACE="0.1") as tail:
        tail.until_out_is(b"1\n")
        log.rename(log.with_name("app.log.1"))
        log.write_bytes(b"2\n")
        until(lambda: len(tail.out) == 15)
        assert sorted(tail.out.split()) == [b"1", b"2", b"unfinished"]


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path: Path, log: Path) -> None:
    with following(tmp_path, log) as tail:
        tail.until_noted(f"tail: {log}: cannot be read: No such file or directory; waiting for it")
        log.write_bytes(b"1\n2\n")
        tail.until_out_is(b"1\n2\n")
        tail.until_noted(f"tail: {log}: has appeared; following the new file")


def test_a_file_that_goes_and_comes_back_is_told(tmp_path: Path, log: Path) -> None:
    log.write_bytes(b"1\n")
    with following(tmp_path, log) as tail:
        tail.until_out_is(b"1\n")
        log.unlink()
        tail.until_noted(f"{log}: has become inaccessible: No such file or directory")
        log.mkdir()
        tail.until_noted(f"{log}: has become inaccessible: Is a directory")
        log.rmdir()
        log.write_bytes(b"2\n")
        tail.until_out_is(b"1\n2\n")


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path, log: Path) -> None:
    log.write_bytes(b"1\n")
    with following(tmp_path, log) as tail:
        tail.until_out_is(b"1\n")
        os.mkfifo(log.with_name("fifo"))
        log.with_name("fifo").rename(log)
        tail.until_noted("has become inaccessible: ")
        log.unlink()
        log.write_bytes(b"2\n")
        tail.until_out_is(b"1\n2\n")


def test_a_writer_that_reopens_late_loses_nothing(tmp_path: Path, log: Path) -> None:
    log.write_bytes(b"1\n")
    with following(tmp_path, log) as tail, log.open("ab", buffering=0) as old:
        tail.until_out_is(b"1\n")
        log.rename(log.with_name("app.log.1"))
        log.write_bytes(b"2\n")
        tail.until_out_is(b"1\n2\n")
        old.write(b"late\n")
        tail.until_out_is(b"1\n2\nlate\n")


def test_a_symlink_that_is_switched_is_followed(tmp_path: Path, log: Path) -> None:
    expected = b""
    for number in range(20):
        log.with_name(f"part-{number}").write_bytes(b"%d\n" % number)
    log.symlink_to("part-0")
    with following(tmp_path, log) as tail:
        for number in range(20):
            log.with_name("new").unlink(missing_ok=True)
            log.with_name("new").symlink_to(f"part-{number}")
            log.with_name("new").rename(log)
            append(log.with_name(f"part-{number}"), b"more of %d\n" % number)
            expected += b"%d\nmore of %d\n" % (number, number)
            tail.until_out_is(expected)


def test_several_files_are_announced_as_gnu_does(tmp_path: Path, log: Path) -> None:
    other = log.with_name("other")
    log.write_bytes(b"1\n")
    other.write_bytes(b"2\n")
    with following(tmp_path, log, other) as tail:
        first = b"==> %b <==\n1\n\n==> %b <==\n2\n" % (bytes(log), bytes(other))
        tail.until_out_is(first)
        append(other, b"3\n")
        tail.until_out_is(first + b"3\n")
        append(log, b"4\n")
        tail.until_out_is(first + b"3\n\n==> %b <==\n4\n" % bytes(log))


def test_it_ends_when_the_reader_of_its_output_goes(log: Path) -> None:
    log.write_bytes(b"1\n")
    command = argv("tests.logtools.programs", "follow", 10, log)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        process.stdout.close()
        assert process.wait(timeout=30) == 0


def test_it_ends_after_the_process_it_is_told(tmp_path: Path, log: Path) -> None:
    log.write_bytes(b"1\n")
    with (
        subprocess.Popen(["sleep", "1000"]) as writer,
        following(tmp_path, log, PID=str(writer.pid)) as tail,
    ):
        tail.until_out_is(b"1\n")
        append(log, b"unfinished")
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert tail.process.wait(timeout=30) == 0
        assert tail.out == b"1\nunfinished\n"


def test_a_missed_generation_is_caught_up(tmp_path: Path, log: Path) -> None:
    log.write_bytes(b"1\n")
    with following(tmp_path, log) as tail:
        tail.until_out_is(b"1\n")
        tail.process.send_signal(signal.SIGSTOP)
        log.rename(log.with_name("app.log.2"))
        log.with_name("app.log.1").write_bytes(b"2\n")
        log.write_bytes(b"3\n")
        tail.process.send_signal(signal.SIGCONT)
        tail.until_out_is(b"1\n2\n3\n")


def test_it_sleeps_when_nothing_happens(tmp_path: Path, log: Path) -> None:
    log.write_bytes(b"1\n")
    log.with_name("app.log.1").write_bytes(b"0\n")
    with following(tmp_path, log) as tail:
        tail.until_out_is(b"1\n")
        until(lambda: cpu_ticks(tail.process.pid) == cpu_ticks(tail.process.pid))
        before = cpu_ticks(tail.process.pid)
        subprocess.run(["sleep", "2"], check=True)
        assert cpu_ticks(tail.process.pid) - before < 10


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize("what", ["instances", "watches"])
def test_where_the_system_has_no_more_watches_it_looks_now_and_then(
    tmp_path: Path, log: Path, what: str
) -> None:
    log.write_bytes(b"1\n")
    limit = f"echo 0 > /proc/sys/user/max_inotify_{what}"
    if subprocess.run(["unshare", "-Ur", "sh", "-c", limit], check=False).returncode:
        pytest.skip("no user namespace can be made here, whose limits are its own")
    command = argv("tests.logtools.programs", "follow", 10, log)
    script = ["unshare", "-Ur", "sh", "-c", f'{limit}; exec "$@"', "sh", *command]
    with (
        (tmp_path / "out").open("wb") as out,
        (tmp_path / "notes").open("wb") as notes,
        subprocess.Popen(script, stdout=out, stderr=notes) as process,
    ):
        tail = Follower(tmp_path, process)
        tail.until_noted("tail: looking every 1 s: inotify: ")
        append(log, b"2\n")
        tail.until_out_is(b"1\n2\n")
        process.terminate()
