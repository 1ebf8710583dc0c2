"""Progress on a terminal, and none anywhere else."""

import subprocess
import threading
from pathlib import Path

import pytest

from tests.multi_fetch.commanding import (
    PATIENCE_S,
    command,
    ended,
    in_a_shell,
    listed,
    stalls,
    started,
    targets,
)
from tests.support.rawserver import Connection, RawServer, Request, response
from tests.support.terminal import shown_on_a_terminal

CLEAR = "\r\x1b[K"


@pytest.fixture
def slow_list(tmp_path: Path, server: RawServer) -> Path:
    """URLs that take long enough, one after the other, for a line of progress."""
    pause = threading.Event()

    def answer(connection: Connection, _request: Request) -> None:
        pause.wait(0.12)
        connection.send(response(b"x"))

    server.answer = answer
    return listed(tmp_path, *(f"{server.url}/{number}" for number in range(5)))


def on_a_screen(output: str) -> list[str]:
    """The lines that a terminal shows in the end."""
    return [line.rpartition(CLEAR)[2] for line in output.replace("\r\n", "\n").split("\n")]


def test_a_terminal_shows_progress_that_is_gone_in_the_end(slow_list: Path) -> None:
    code, shown = shown_on_a_terminal(command(slow_list, "--concurrency", 1))
    assert code == 0
    assert " done, " in shown
    screen = on_a_screen(shown)
    assert " done, " not in "\n".join(screen)
    assert [line[-2:] for line in screen[:5]] == ["/0", "/1", "/2", "/3", "/4"]
    assert screen[5].startswith("multi-fetch: 5 lines: 5 ok, 0 failed, 0 cancelled")


def test_no_color_has_no_progress(slow_list: Path) -> None:
    code, shown = shown_on_a_terminal(command(slow_list, "--concurrency", 1), NO_COLOR="1")
    assert code == 0
    assert "\x1b" not in shown
    assert " done, " not in shown


def test_a_run_that_is_over_at_once_shows_no_escape(tmp_path: Path) -> None:
    code, shown = shown_on_a_terminal(command(listed(tmp_path)))
    assert (code, shown.count("\n"), "\x1b" in shown) == (2, 1, False)


def test_there_is_no_progress_where_nobody_looks(slow_list: Path) -> None:
    with started(slow_list, "--concurrency", 1) as process:
        ran = ended(process)
    assert "\x1b" not in ran.stdout + ran.stderr
    assert "\r" not in ran.stdout + ran.stderr
    assert ran.stderr.count("\n") == 2


def test_records_in_a_file_leave_the_progress_to_the_terminal(
    slow_list: Path, tmp_path: Path, server: RawServer
) -> None:
    script = f"{subprocess.list2cmdline(command(slow_list, '--ndjson', '--concurrency', 1))} > out"
    code, shown = shown_on_a_terminal(["sh", "-c", f"cd {tmp_path} && {script}"])
    assert code == 0
    assert " done, " in shown
    assert "\x1b" not in (tmp_path / "out").read_text()
    assert len((tmp_path / "out").read_text().splitlines()) == len(targets(server))


def test_progress_counts_the_line_that_it_stands_below(tmp_path: Path) -> None:
    code, shown = shown_on_a_terminal(command(listed(tmp_path, "junk")))
    assert code == 1
    assert "1 done, 1 failed, " in shown


def test_there_is_progress_before_the_first_url_is_done(tmp_path: Path) -> None:
    """A first body may take an hour."""
    with RawServer(stalls) as server:
        options = ("--idle-timeout", "800ms", "--retries", 0)
        code, shown = shown_on_a_terminal(command(listed(tmp_path, server.url), *options))
    assert code == 1
    assert " done, " in shown.partition("timeout")[0]


def test_a_closed_stderr_is_not_missed(server: RawServer, tmp_path: Path) -> None:
    ran = in_a_shell('"$0" -m multi_fetch "$1" --ndjson 2>&-', listed(tmp_path, server.url))
    assert (ran.code, ran.stderr, len(ran.records)) == (0, "", 1)


def test_a_stderr_that_nobody_reads_ends_nothing(server: RawServer, tmp_path: Path) -> None:
    with started(listed(tmp_path, server.url), "--ndjson") as process:
        assert process.stderr
        process.stderr.close()
        assert process.stdout
        assert process.stdout.read().count(b"\n") == 1
        assert process.wait(PATIENCE_S) == 0
