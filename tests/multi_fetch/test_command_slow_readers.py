"""Ctrl+C while somebody is slow to take the output: every line still has its one record."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.multi_fetch.commanding import (
    PATIENCE_S,
    by_index,
    done_before,
    ended,
    listed,
    started,
    until_it_is_full,
)
from tests.support.rawserver import RawServer

LINES = 1000

LISTS = {
    "new": "U/a{number}",
    "the same": "U/a",
    "in turns": "U/a{digit}",
    "no URLs": "ftp://host/{number}",
    "done before": "U/done{number}",
}


@pytest.fixture
def previous(tmp_path: Path, server: RawServer) -> Path:
    """Records of what an earlier run has done."""
    path = tmp_path / "previous"
    records = (done_before(f"{server.url}/done{number}", index=number) for number in range(LINES))
    path.write_text("".join(records))
    return path


def lines_of(kind: str, server: RawServer) -> Iterator[str]:
    for number in range(LINES):
        text = LISTS[kind].format(number=number, digit=number % 10)
        yield text.replace("U", server.url, 1)


@pytest.mark.parametrize("kind", LISTS)
def test_who_reads_on_after_the_signal_gets_a_record_for_each_line(
    server: RawServer, tmp_path: Path, previous: Path, kind: str
) -> None:
    path = listed(tmp_path, *lines_of(kind, server))
    options = ("--ndjson", "--concurrency", 4, "--grace", "10s", "--resume", previous)
    reading, writing = os.pipe()
    with started(path, *options, stdout=writing) as process:
        until_it_is_full(writing)
        os.close(writing)
        process.send_signal(signal.SIGINT)
        with open(reading, "rb") as pipe:  # noqa: PTH123 - a descriptor
            records = by_index(pipe.read().decode())
        ran = ended(process)
    assert ran.code == 130
    assert [record["index"] for record in records] == [*range(1, LINES + 1)]
    assert sum(ran.counts) == LINES


@pytest.mark.parametrize("kind", LISTS)
def test_who_reads_no_more_is_not_waited_for(
    server: RawServer, tmp_path: Path, previous: Path, kind: str
) -> None:
    path = listed(tmp_path, *lines_of(kind, server))
    options = ("--ndjson", "--concurrency", 4, "--grace", 0, "--resume", previous)
    reading, writing = os.pipe()
    with started(path, *options, stdout=writing) as process:
        until_it_is_full(writing)
        os.close(writing)
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
        with open(reading, "rb") as pipe:  # noqa: PTH123 - a descriptor
            records = by_index(pipe.read().decode())
    indexes = [record["index"] for record in records]
    assert len(indexes) == len(set(indexes)) > 10


def test_a_signal_in_the_middle_of_a_write_to_the_log_loses_no_line(
    server: RawServer, tmp_path: Path
) -> None:
    """Whoever reads the log sends the signal as soon as a record is there."""
    log = tmp_path / "log"
    os.mkfifo(log)
    reading = os.open(log, os.O_RDWR)
    path = listed(tmp_path, *(f"{server.url}/a{number}" for number in range(50)))
    with started(path, "--ndjson", "--concurrency", 1, "--log-json", log) as process:
        os.read(reading, 10)
        process.send_signal(signal.SIGINT)
        ran = ended(process)
    os.close(reading)
    assert (ran.code, [record["index"] for record in ran.records]) == (130, [*range(1, 51)])
    assert sum(ran.counts) == 50
