"""The three commands as processes: their streams, signals and neighbours."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import environment
from tests.support.journals import actions_in
from tests.support.terminal import shown_on_a_terminal
from tests.support.waiting import until_something_is_in
from tests.text_utils.awkward import TEXTS, ours, said
from text_utils.normalize.places import write_in_place
from toolroll_shared.errors import ToolError

PATIENCE_S = 30  # for a process to end; never reached when all is well
KILLS = int(os.environ.get("TOOLROLL_KILLS", "12"))
LINE = b"a line of text\r\n"
COMMANDS = {
    "wc-lite": ours("wc-lite", "-"),
    "contains": ours("contains", "-", "needle"),
    "normalize": ours("normalize", "-", "--to", "lf"),
}

pytestmark = pytest.mark.usefixtures("awkward")
commands = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


def start(command: list[str], stdin: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=stdin, stdout=pipe, stderr=pipe, env=environment({}))


@contextmanager
def fed_slowly(*arguments: object) -> Iterator["subprocess.Popen[bytes]"]:
    """A normalize of a pipe, that has written something and waits for more."""
    with start(ours("normalize", "-", "--to", "lf", *arguments)) as process:
        assert process.stdin is not None
        process.stdin.write(LINE * 20_000)
        process.stdin.flush()
        until_something_is_in(Path(), ".toolroll-*.new")
        yield process
        process.stdin.close()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_signal_leaves_no_partial_file_and_what_was_there(number: int, code: int) -> None:
    Path("out").write_bytes(b"old")
    with fed_slowly("-o", "out", "--force") as process:
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == code
    assert Path("out").read_bytes() == b"old"
    left = [path.name for path in Path().glob(".*")]
    assert len(left) == (number == signal.SIGKILL), "which nobody can clean up after"


@commands
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_wait_for_input(command: list[str], number: int, code: int) -> None:
    os.mkfifo("pipe")
    command = [word if word != "-" else "pipe" for word in command]
    with start(command) as process, Path("pipe").open("wb"):  # which waits for the reader
        process.send_signal(number)
        _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert err.decode().split(": ")[1] in {"interrupted\n", "terminated\n"}


def test_killed_at_any_moment_in_place_leaves_the_old_text_or_the_new() -> None:
    old = LINE * 200_000
    new = old.replace(b"\r", b"")
    command = ours("normalize", "text", "--to", "lf", "--in-place")
    Path("text").write_bytes(old)
    begun = time.monotonic()
    assert said(command).code == 0
    usual = time.monotonic() - begun
    chance = random.Random(1)  # noqa: S311 - moments, not secrets
    for _ in range(KILLS):
        Path("text").write_bytes(old)
        with start(command) as process:
            try:
                process.wait(chance.uniform(0.3, 1.1) * usual)
            except subprocess.TimeoutExpired:
                process.kill()
        assert Path("text").read_bytes() in {old, new}
        for path in Path().glob(".toolroll-*.new"):
            path.unlink()


def test_a_file_that_changes_meanwhile_is_left_as_it_is() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"new"
        with Path("crlf").open("ab") as file:
            file.write(b"news")

    with Path("crlf").open("rb") as file, pytest.raises(ToolError, match="changed meanwhile"):
        write_in_place(file.fileno(), blocks(), "crlf", backup=".bak")
    assert Path("crlf").read_bytes() == TEXTS["crlf"] + b"news"
    assert {path.name for path in Path().iterdir()} == set(TEXTS)


def test_a_file_that_is_replaced_or_removed_meanwhile_is_left_so() -> None:
    def blocks() -> Iterator[bytes]:
        yield b"new"
        Path("mixed").replace("crlf")

    for name in ("crlf", "mixed"):
        Path("mixed").write_bytes(TEXTS["mixed"])
        with Path(name).open("rb") as file, pytest.raises(ToolError, match=name):
            write_in_place(file.fileno(), blocks(), name)
    assert Path("crlf").read_bytes() == TEXTS["mixed"]
    assert not Path("mixed").exists()


def test_runs_at_once_on_one_file_make_one_whole_file_of_it() -> None:
    Path("text").write_bytes(LINE * 100_000)
    command = ours("normalize", "text", "--to", "lf", "--in-place")
    runs = [start(command) for _ in range(4)]
    said_by_each = [run.communicate(timeout=PATIENCE_S)[1] for run in runs]
    assert Path("text").read_bytes() == LINE.replace(b"\r", b"") * 100_000
    assert 0 in {run.returncode for run in runs}
    for run, err in zip(runs, said_by_each, strict=True):
        assert (run.returncode, err) in {
            (0, b""),
            (1, b"normalize: text: was changed meanwhile, and is left as it is\n"),
        }
    assert not list(Path().glob(".*"))


def test_runs_at_once_never_overwrite_each_other_s_new_file() -> None:
    Path("text").write_bytes(LINE * 100_000)
    runs = [start(ours("normalize", "text", "--to", "lf")) for _ in range(3)]
    codes = sorted(run.wait(PATIENCE_S) for run in runs)
    for run in runs:
        run.communicate()
    assert codes == [0, 2, 2]
    assert Path("text.lf").read_bytes() == LINE.replace(b"\r", b"") * 100_000


@commands
def test_a_closed_standard_input_is_an_input_that_cannot_be_read(command: list[str]) -> None:
    done = said(["sh", "-c", 'exec "$@" <&-', "sh", *command], None)
    assert (done.code, done.out) == (2, b"")
    assert done.err.endswith(b": standard input: Bad file descriptor\n")


@pytest.mark.parametrize("name", ["wc-lite", "normalize"])
@pytest.mark.parametrize(
    ("redirection", "why"),
    [(">/dev/full", b"No space left on device"), (">&-", b"stdout is closed")],
)
def test_a_stdout_that_takes_nothing_is_an_error(name: str, redirection: str, why: bytes) -> None:
    done = said(["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMANDS[name]], LINE)
    assert (done.code, done.err) == (1, name.encode() + b": stdout: " + why + b"\n")


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    for command in (ours("wc-lite", *TEXTS), ours("normalize", "border", "--to", "lf", "-o", "-")):
        done = said(["sh", "-c", '"$@" | head -c 0', "sh", *command])
        assert (done.code, done.out, done.err) == (0, b"", b"")


def test_one_standard_input_closed_does_not_stop_wc_lite() -> None:
    done = said(["sh", "-c", 'exec "$@" <&-', "sh", *ours("wc-lite", "-", "crlf")], None)
    assert (done.code, done.out) == (2, b" 3  2 12 crlf\n 3  2 12 total\n")


def test_a_terminal_is_shown_no_escapes_of_a_name() -> None:
    name = "\x1b[31m\u202ered"
    Path(name).write_bytes(b"a\r\n")
    for command in (
        ours("wc-lite", name, "crlf"),
        ours("wc-lite", f"{name}no"),
        ours("normalize", name, "--to", "lf", "--check"),
        ours("contains", f"{name}no", "x"),
    ):
        _, shown = shown_on_a_terminal(command)
        assert "\\x1b[31m\\u202ered" in shown
        assert "\x1b" not in shown


def test_each_input_is_an_action_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    said(ours("wc-lite", "crlf", "nowhere", "--log-json", log))
    said(ours("contains", "crlf", "one", "--log-json", log))
    said(ours("normalize", "crlf", "--to", "lf", "--log-json", log))
    actions = actions_in(log.read_text())
    assert [one["ok"] for one in actions] == [True, False, True, True]
