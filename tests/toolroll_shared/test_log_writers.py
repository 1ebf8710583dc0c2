import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.toolroll_shared.programs import ENVIRONMENT

WRITERS, RECORDS = 20, 10_000
PATIENCE_S = 120.0  # of all writers together; never reached when all is well
WRITER = f"""
import sys
from toolroll_shared.logs import Journal
journal = Journal(sys.argv[1])
log = journal.open(sys.argv[2])
print("ready", flush=True)
sys.stdin.read()
for number in range({RECORDS}):
    log.record("a", "x" * (number % 300), duration_s=0, number=number)
journal.close()
"""
EVERYTHING = {(f"w{writer}", number) for writer in range(WRITERS) for number in range(RECORDS)}


class Writers:
    """Processes that log to the same place, all at once."""

    def __init__(self, log: Path) -> None:
        pipe = subprocess.PIPE
        self._started = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, f"w{number}", log],
                stdin=pipe,
                stdout=pipe,
                stderr=pipe,
                env=ENVIRONMENT,
            )
            for number in range(WRITERS)
        ]

    def go(self) -> None:
        """Wait until all have opened the log, and let them write."""
        for process in self._started:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n", process.communicate()
        for process in self._started:
            assert process.stdin is not None
            process.stdin.close()
            process.stdin = None

    def finish(self) -> None:
        """Wait for their end; see that all went well and that none had anything to say."""
        deadline = time.monotonic() + PATIENCE_S
        for process in self._started:
            said = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
            assert (process.returncode, *said) == (0, b"", b"")

    def kill(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()


@contextmanager
def writers(log: Path) -> Iterator[Writers]:
    started = Writers(log)
    try:
        yield started
    finally:
        started.kill()


class Reader(threading.Thread):
    """Reads a pipe to its end."""

    def __init__(self, pipe: Path) -> None:
        super().__init__(daemon=True)
        self._pipe = pipe
        self.read = bytearray()

    def run(self) -> None:
        with self._pipe.open("rb", buffering=0) as file:
            while block := file.read(1 << 20):
                self.read += block


def assert_everything_is_in(log: bytes | bytearray) -> None:
    """See that every line is a record, and that each is there once."""
    assert log.endswith(b"\n")
    records = [json.loads(line) for line in log.splitlines()]
    assert len(records) == len(EVERYTHING)
    assert {(one["tool"], one["number"]) for one in records} == EVERYTHING
    assert all(len(one["target"]) == one["number"] % 300 for one in records)


def test_twenty_processes_write_ten_thousand_records_each_into_one_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with writers(log) as started:
        started.go()
        started.finish()
    assert_everything_is_in(log.read_bytes())


def test_twenty_processes_write_ten_thousand_records_each_into_one_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = Reader(pipe)
    reader.start()
    with writers(pipe) as started:
        started.go()
        started.finish()
    reader.join(PATIENCE_S)
    assert not reader.is_alive(), "it has no end: somebody still has the pipe open"
    assert_everything_is_in(reader.read)
