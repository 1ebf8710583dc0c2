"""Ctrl+C and SIGTERM: what is in flight gets its grace, every line its record, nothing is left."""

import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.multi_fetch.commanding import (
    PATIENCE_S,
    answering,
    by_index,
    ended,
    files_in,
    kinds_in,
    listed,
    silent,
    stalls,
    started,
    targets,
    until_it_is_full,
)
from tests.support.rawserver import Connection, RawServer, Request, response, sends
from tests.support.waiting import until_it_ends_by, until_something_is_in

MOMENTS = 50

SIGNALS = pytest.mark.parametrize(
    ("number", "code", "said"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)


@pytest.fixture
def go_on() -> threading.Event:
    return threading.Event()


@pytest.fixture
def server(go_on: threading.Event) -> Iterator[RawServer]:
    """Answers `/held` when it is told to go on, `/silent` never, `/stalls` in part."""

    def held(connection: Connection, _request: Request) -> None:
        assert go_on.wait(PATIENCE_S)
        connection.send(response(b"held"))

    with RawServer(answering(held=held, silent=silent, stalls=stalls)) as server:
        yield server
        go_on.set()


def in_flight(server: RawServer, count: int) -> None:
    server.wait_until(lambda server: len(server.requests) >= count)


@SIGNALS
def test_what_is_in_flight_finishes_and_nothing_more_starts(
    server: RawServer, tmp_path: Path, go_on: threading.Event, number: int, code: int, said: str
) -> None:
    urls = [f"{server.url}/held?{name}" for name in range(10)]
    with started(
        listed(tmp_path, *urls, "junk", urls[0]), "--ndjson", "--concurrency", 2, "--grace", "1m"
    ) as process:
        in_flight(server, 2)
        process.send_signal(number)
        until_no_signal_is_pending(process.pid)
        go_on.set()
        ran = ended(process)
    assert (ran.code, len(server.requests)) == (code, 2)
    assert [record["index"] for record in ran.records] == [*range(1, 13)]
    assert kinds_in(ran.records)["cancelled"] >= 8
    assert ran.kinds[:2] == [None, None]
    assert ran.counts[0] >= 2
    assert ran.stderr.endswith(f"multi-fetch: {said}\n")


@SIGNALS
@pytest.mark.parametrize("name", ["silent", "stalls"])
def test_without_grace_what_is_in_flight_is_cancelled_too(
    server: RawServer, tmp_path: Path, name: str, number: int, code: int, said: str
) -> None:
    out = tmp_path / "out"
    urls = [f"{server.url}/{name}?{number}" for number in range(10)]
    options = ("--ndjson", "--concurrency", 3, "--grace", 0, "--output-dir", out)
    with started(listed(tmp_path, *urls), *options) as process:
        in_flight(server, 3)
        if name == "stalls":
            until_something_is_in(out, ".*.part")
        process.send_signal(number)
        ran = ended(process)
    assert (ran.code, ran.counts) == (code, (0, 0, 10))
    assert ran.kinds == ["cancelled"] * 10
    assert ran.stderr.endswith(f"multi-fetch: {said}\n")
    assert files_in(out) == []
    server.wait_until(lambda server: server.open == 0)


def test_when_the_grace_is_over_the_rest_is_cancelled(server: RawServer, tmp_path: Path) -> None:
    urls = [f"{server.url}/{name}" for name in ("silent", "stalls", "a", "b")]
    options = ("--ndjson", "--concurrency", 2, "--grace", "200ms")
    with started(listed(tmp_path, *urls), *options) as process:
        in_flight(server, 2)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        ran = ended(process)
    assert 0.2 <= time.monotonic() - began < 3
    assert (ran.code, ran.kinds) == (130, ["cancelled"] * 4)


def test_a_retry_that_is_waited_for_is_not_made(server: RawServer, tmp_path: Path) -> None:
    server.answer = sends(response(status=503, retry_after="100"))
    path = listed(tmp_path, f"{server.url}/busy", f"{server.url}/other")
    with started(path, "--ndjson", "--concurrency", 1, "--grace", "1m") as process:
        in_flight(server, 1)
        server.wait_until(lambda server: server.open == 1)
        process.send_signal(signal.SIGINT)
        ran = ended(process)
    assert ran.code == 130
    assert len(server.requests) == 1
    assert sum(ran.counts) == 2
    assert ran.counts[2] >= 1


@SIGNALS
def test_a_list_that_nobody_goes_on_writing_is_not_waited_for(
    server: RawServer, number: int, code: int, said: str
) -> None:
    with started("-", "--ndjson", stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{server.url}/a\n".encode())
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == code
        assert process.stderr
        stderr = process.stderr.read().decode()
    assert "1 lines: 1 ok, 0 failed, 0 cancelled" in stderr
    assert stderr.endswith(f"multi-fetch: {said}\n")


def test_before_the_first_line_comes_there_is_nothing_to_sum_up() -> None:
    with started("-", stdin=subprocess.PIPE) as process:
        until_it_polls(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
        assert process.stderr
        assert process.stderr.read() == b"multi-fetch: interrupted\n"


def until_it_polls(pid: int) -> None:
    """Return when a process waits on its event loop."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if "epoll" in Path(f"/proc/{pid}/wchan").read_text():
            return
        time.sleep(0.01)
    raise AssertionError("it never waited")


@SIGNALS
def test_a_second_signal_ends_it_at_once(
    server: RawServer, tmp_path: Path, number: int, code: int, said: str
) -> None:
    with started(listed(tmp_path, f"{server.url}/silent"), "--grace", "1h") as process:
        in_flight(server, 1)
        process.send_signal(number)
        until_no_signal_is_pending(process.pid)
        until_it_ends_by(number, process)
        ran = ended(process)
    assert (ran.code, ran.stdout) == (code, "")
    assert ran.stderr.endswith(f"multi-fetch: {said}\n")


def until_no_signal_is_pending(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        if not any(int(line.split()[1], 16) for line in lines if "Pnd:" in line):
            return
        time.sleep(0.005)


@SIGNALS
@pytest.mark.parametrize("length", [10, 5_000], ids=["short URLs", "long URLs"])
def test_a_reader_who_does_not_read_holds_up_no_end(
    server: RawServer, tmp_path: Path, length: int, number: int, code: int, said: str
) -> None:
    urls = [f"{server.url}/{name:0{length}}x" for name in range(2000 if length == 10 else 60)]
    options = ("--ndjson", "--grace", "100ms", "--concurrency", 4)
    reading, writing = os.pipe()
    with started(listed(tmp_path, *urls), *options, stdout=writing) as process:
        until_it_is_full(writing)
        os.close(writing)
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == code
        assert time.monotonic() - began < 5
        assert process.stderr
        assert process.stderr.read().decode().endswith(f"multi-fetch: {said}\n")
        with open(reading, "rb") as pipe:  # noqa: PTH123 - a descriptor
            whole, _, rest = pipe.read().decode().rpartition("\n")
    indexes = [record["index"] for record in by_index(whole + "\n")]
    assert len(indexes) == len(set(indexes)) > 3
    assert rest == "" or length > select.PIPE_BUF


def test_a_reader_who_reads_again_gets_everything(server: RawServer, tmp_path: Path) -> None:
    urls = [f"{server.url}/{name:010}x" for name in range(1000)]
    reading, writing = os.pipe()
    options = ("--ndjson", "--concurrency", 4)
    with started(listed(tmp_path, *urls), *options, stdout=writing) as process:
        until_it_is_full(writing)
        os.close(writing)
        assert len(server.requests) < 1000
        with open(reading, "rb") as pipe:  # noqa: PTH123 - a descriptor
            records = by_index(pipe.read().decode())
        assert (ended(process).code, len(records)) == (0, 1000)


def text_of(path: Path) -> str:
    """What a process wrote there, if it came to that."""
    return path.read_text() if path.exists() else ""


LOOP = """
import os, signal, sys
from multi_fetch.cli import main
from multi_fetch import run, lines, out, feed, engine, progress
for line in sys.stdin:
    output, *argv = line.rstrip("\\n").split("\\t")
    signal.pthread_sigmask(signal.SIG_BLOCK, {2, 15})  # Python forgets those that come in fork()
    child = os.fork()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {2, 15})
    if not child:
        for descriptor, name in ((0, os.devnull), (1, output), (2, output + ".err")):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT), descriptor)
        code = 99
        try:
            code = main(argv)
        finally:
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Runs the command again and again without the time that Python takes to start."""


def test_at_any_moment_the_records_add_up_to_the_lines_and_nothing_is_left(
    server: RawServer, tmp_path: Path
) -> None:
    chance = random.Random(6)  # noqa: S311 - the moments are to be anywhere, not secret
    server.answer = answering(
        silent=silent,
        stalls=stalls,
        large=sends(response(b"x" * 300_000)),
        busy=sends(response(status=503)),
    )
    names = ["a", "b", "large", "404", "silent", "stalls", "busy"]
    urls = [f"{server.url}/{chance.choice(names)}?{number}" for number in range(60)]
    urls[7], urls[30], urls[50] = "junk", urls[3], urls[29]
    path, out = listed(tmp_path, *urls), tmp_path / "out"
    options = ("--ndjson", "--concurrency", 6, "--grace", "20ms", "--output-dir", out)
    codes = []
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", LOOP], text=True, stdin=pipe, stdout=pipe
    ) as looper:
        assert looper.stdin
        assert looper.stdout
        for moment in range(MOMENTS):
            output = tmp_path / f"out{moment}.txt"
            looper.stdin.write("\t".join([str(output), str(path), *map(str, options)]) + "\n")
            looper.stdin.flush()
            child = int(looper.stdout.readline())
            pause = chance.uniform(0.01, 0.15)
            time.sleep(pause)
            os.kill(child, chance.choice([signal.SIGINT, signal.SIGTERM]))
            code = int(looper.stdout.readline())
            errors = text_of(output.with_name(f"{output.name}.err"))
            records = by_index(text_of(output))
            if " lines: " in errors:
                codes.append(code)
                assert [record["index"] for record in records] == [*range(1, 61)], (pause, errors)
            else:  # before it had begun; a signal may even have come before it could be heard
                assert records == [], (pause, errors)
                assert code in {130, 143, 99, -signal.SIGINT, -signal.SIGTERM}, (pause, errors)
            assert [name for name in files_in(out) if name.endswith(".part")] == []
        looper.stdin.close()
    assert set(codes) == {130, 143}, codes
    assert {file.stat().st_size for file in out.iterdir()} <= {300_000, *range(20)}
    server.wait_until(lambda server: server.open == 0)
    assert len(targets(server)) > MOMENTS
