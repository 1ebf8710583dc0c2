"""The list on stdin: as it comes, closed, and lists that grow very long."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.multi_fetch.commanding import (
    PATIENCE_S,
    command,
    ended,
    in_a_shell,
    started,
    targets,
)
from tests.support.commands import environment
from tests.support.rawserver import RawServer

MORE_IS_A_LEAK = 4 * 1024  # KiB
FULL_WINDOW = 11_000  # lines: as many URLs as are remembered, and some


def test_a_line_is_fetched_and_reported_before_the_next_one_comes(server: RawServer) -> None:
    with started("-", "--ndjson", stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for number in range(3):
            process.stdin.write(f"{server.url}/{'x' * number}\n".encode())
            process.stdin.flush()
            assert b'"status": 200' in process.stdout.readline()
        ran = ended(process)
    assert (ran.code, ran.counts) == (0, (3, 0, 0))


def test_a_line_in_pieces_is_one_line(server: RawServer) -> None:
    with started("-", "--ndjson", stdin=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for piece in (b"\xef", b"\xbb", b"\xbf" + server.url.encode(), b"/a", b"b\n"):
            process.stdin.write(piece)
            process.stdin.flush()
        assert b'"index": 1' in process.stdout.readline()
        ran = ended(process)
    assert (ran.code, targets(server)) == (0, ["/ab"])


@pytest.mark.parametrize(
    "script",
    [
        '"$0" -m multi_fetch <(echo "$1/a"; echo "$1/b") --ndjson',
        'printf "$1/a\\n$1/b" | "$0" -m multi_fetch - --ndjson',
        '"$0" -m multi_fetch - --ndjson <<<"$1/a\n$1/b"',
        'printf "$1/a\\n$1/b" | "$0" -m multi_fetch /dev/stdin --ndjson',
        'printf "$1/a\\n$1/b" > "$2/l"; "$0" -m multi_fetch - --ndjson < "$2/l"',
        'mkfifo "$2/f"; printf "$1/a\\n$1/b" > "$2/f" & "$0" -m multi_fetch "$2/f" --ndjson',
    ],
)
def test_a_list_may_come_in_any_way_that_a_shell_has(
    server: RawServer, tmp_path: Path, script: str
) -> None:
    ran = in_a_shell(script, server.url, tmp_path)
    assert (ran.code, [record["index"] for record in ran.records]) == (0, [1, 2])
    assert sorted(targets(server)) == ["/a", "/b"]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('"$0" -m multi_fetch - <&-', "stdin is closed"),
        ('"$0" -m multi_fetch - < /dev/null', "stdin: holds no URL"),
        ('"$0" -m multi_fetch - 0> /dev/null', "stdin: Bad file descriptor"),
    ],
)
def test_a_stdin_that_gives_nothing_is_one_line(script: str, said: str) -> None:
    ran = in_a_shell(script)
    assert (ran.code, ran.stdout, ran.stderr) == (2, "", f"multi-fetch: {said}\n")


HIGH_WATER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.stderr.decode())
"""
"""Runs a command and tells how many KiB of memory it took; our own size does not count."""


def peak_of(lines: int, folder: Path) -> int:
    """Peak memory, in KiB, of a list of so many lines; most are fetched by no one."""
    path = folder / f"{lines}.txt"
    path.write_text("".join(f"ftp://host/{number}\n" for number in range(lines)))
    done = subprocess.run(
        [sys.executable, "-S", "-E", "-c", HIGH_WATER, *command(path, "--ndjson")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=environment({}),
    )
    size, _, said = done.stdout.partition(" ")
    assert f"{lines:,} lines" in said
    return int(size)


@pytest.mark.skipif(not Path("/proc").exists(), reason="ru_maxrss is in KiB on Linux only")
def test_a_list_three_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    few, many = peak_of(FULL_WINDOW, tmp_path), peak_of(3 * FULL_WINDOW, tmp_path)
    assert many < few + MORE_IS_A_LEAK


def test_a_list_that_nobody_ends_can_be_read_as_far_as_it_is_there(server: RawServer) -> None:
    """A reader of our stdout that leaves ends a command whose stdin stays open."""
    reading, writing = os.pipe()
    with started("-", "--ndjson", stdin=reading) as process:
        os.close(reading)
        os.write(writing, f"{server.url}/a\n".encode())
        assert process.stdout
        process.stdout.readline()
        process.stdout.close()
        os.write(writing, f"{server.url}/b\n".encode())
        assert process.wait(PATIENCE_S) == 0
    os.close(writing)
