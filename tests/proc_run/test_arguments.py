"""The arguments that only proc-run takes, and what it says to nonsense."""

import math
import signal
from argparse import ArgumentTypeError
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proc_run.cli.arguments import seconds, signal_number
from proc_run.cli.words import CommandParser
from tests.proc_run.commands import run
from toolroll_shared.cli import positive_int
from toolroll_shared.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("0s", 0),
        ("0.0m", 0),
        ("0e5", 0),
        ("1", 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5),
        ("2m", 120),
        ("1h", 3600),
        ("1d", 86400),
        ("250ms", 0.25),
        ("1e3", 1000),
        ("1E-1s", 0.1),
        ("inf", math.inf),
        ("10e99999", math.inf),
        ("1e-10000", 1e-9),
        ("0.0000000000000000001", 1e-9),
    ],
)
def test_a_duration_is_what_timeout_takes(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "x", "1x", "-1", "+1", "1 s", "1M", "e5", ".", "1..2", "nan"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        seconds(text)
    done = run("--timeout=" + text, "true")
    assert done.code == 125
    assert "is not a duration" in done.notes


@given(st.text(alphabet="0123456789.eE+-msdhw inf", max_size=8))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    with suppress(ArgumentTypeError):
        assert seconds(text) >= 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("TERM", 15),
        ("term", 15),
        ("SIGTERM", 15),
        ("15", 15),
        ("Kill", 9),
        ("CHLD", signal.SIGCHLD),
        ("RTMIN", signal.SIGRTMIN),
        ("RTMIN+3", signal.SIGRTMIN + 3),
        ("64", 64),
    ],
)
def test_a_signal_has_names_and_a_number(text: str, number: int) -> None:
    assert signal_number(text) == number


@pytest.mark.parametrize("text", ["", "0", "65", "TERMINATE", "SIG", "-9", "RTMIN+99", "15+", "33"])
def test_what_is_no_signal_is_refused(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        signal_number(text)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "which command?"),
        (["--"], "which command?"),
        (["--json"], "which command?"),
        (["--nope", "true"], "unrecognized arguments: --nope"),
        (["--timeout"], "expected one argument"),
        (["--pty", "--foreground", "true"], "not allowed with"),
        (["--nice", "99", "true"], "'99' is not a niceness from -20 to 19"),
        (["--lock-code", "256", "true"], "'256' is not an exit code from 0 to 255"),
        (["--tail-bytes", "x", "true"], "'x' is not a size"),
        (["--retries", "-1", "true"], "is not a whole number"),
    ],
)
def test_bad_usage_is_one_line_and_125(arguments: list[str], complaint: str) -> None:
    done = run(*arguments)
    assert (done.code, done.stdout) == (125, b"")
    assert done.stderr.count(b"\n") == 1
    assert complaint in done.notes


def test_the_commands_own_options_are_left_alone() -> None:
    done = run("-t", "20", "echo", "--timeout", "5", "--json", "--", "-h")
    assert done.stdout == b"--timeout 5 --json -- -h\n"
    assert run("--", "echo", "--", "x").stdout == b"-- x\n"
    assert run("-pt20", "echo", "x").stdout == b"x\n"


@pytest.mark.parametrize(
    ("words", "count", "command"),
    [
        ([], None, []),
        (["ls", "-l", "--count", "3"], None, ["ls", "-l", "--count", "3"]),
        (["--count", "3", "ls"], 3, ["ls"]),
        (["--count=3", "ls"], 3, ["ls"]),
        (["-c", "3", "ls", "-c"], 3, ["ls", "-c"]),
        (["-c3", "ls"], 3, ["ls"]),
        (["-vc", "3", "ls"], 3, ["ls"]),
        (["-vc3", "ls"], 3, ["ls"]),
        (["-v", "--", "-v", "--", "x"], None, ["-v", "--", "x"]),
        (["--"], None, []),
        (["ls", "--", "x"], None, ["ls", "--", "x"]),
        (["-", "x"], None, ["-", "x"]),
        (["", "x"], None, ["", "x"]),
    ],
)
def test_a_commands_words_are_left_alone(
    words: list[str], count: int | None, command: list[str]
) -> None:
    made = CommandParser("tool")
    made.add_argument("-v", "--verbose", action="store_true")
    made.add_argument("-c", "--count", type=positive_int)
    namespace, found = made.parse_before_command(words)
    assert (namespace.count, found) == (count, command)


@pytest.mark.parametrize("words", [["--count"], ["-c"], ["--nonsense", "ls"], ["--coun", "3"]])
def test_options_before_a_command_are_not_guessed(words: list[str]) -> None:
    made = CommandParser("tool")
    made.add_argument("-c", "--count", type=positive_int)
    with pytest.raises(UsageError):
        made.parse_before_command(words)
