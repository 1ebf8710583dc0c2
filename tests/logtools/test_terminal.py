"""On a terminal: colours where they help, and nothing that steers it."""

from pathlib import Path

import pytest

from tests.support.commands import argv
from tests.support.terminal import shown_on_a_terminal

HOSTILE = b"plain needle\n\x1b[31mred needle\x1b[0m\ttab\nb\xc3\xa4d \xff \xe2\x80\xae needle\n"
SAFE = [
    "plain needle",
    r"\x1b[31mred needle\x1b[0m" + "\ttab",
    r"bäd \xff \u202e needle",
]


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(HOSTILE)
    return path


@pytest.mark.parametrize("command", [["head"], ["tail"], ["grep", "--color=never"]])
def test_what_could_steer_it_is_shown_as_escapes(hostile: Path, command: list[str]) -> None:
    needle = ["needle"] if "grep" in command else []
    code, text = shown_on_a_terminal(argv("logtools", *command, hostile, *needle))
    assert (code, text.splitlines()) == (0, SAFE)


@pytest.mark.parametrize("command", [["head"], ["tail"], ["grep", "--color=never"]])
def test_raw_leaves_it_as_it_is(hostile: Path, command: list[str]) -> None:
    needle = ["needle"] if "grep" in command else []
    hostile.write_bytes(HOSTILE.replace(b"\xff", b""))
    code, text = shown_on_a_terminal(argv("logtools", *command, "--raw", hostile, *needle))
    assert code == 0
    assert "\x1b[31mred needle\x1b[0m\ttab" in text


def test_what_fits_is_coloured_there_unless_nobody_wants_that(hostile: Path) -> None:
    command = argv("logtools", "grep", "-n", hostile, "needle")
    mark = "\x1b[1m\x1b[31mneedle\x1b[0m"
    code, text = shown_on_a_terminal(command, NO_COLOR="")
    assert (code, text.count(mark)) == (0, 3)
    assert r"\x1b[31mred " + mark in text
    code, text = shown_on_a_terminal(command, NO_COLOR="1")
    assert text.splitlines() == [f"{n}:{line}" for n, line in enumerate(SAFE, 1)]
