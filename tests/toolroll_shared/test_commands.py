import argparse

import pytest

from toolroll_shared.cli import run
from toolroll_shared.commands import Command, Commands
from toolroll_shared.logs import Log
from toolroll_shared.output import write


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("things", nargs="*")
    parser.add_argument("--fast", action="store_true")
    parser.set_defaults(run=show)


def show(arguments: argparse.Namespace, _log: Log) -> int:
    write(f"{arguments.things} {arguments.fast}\n")
    return 3


COMMANDS = Commands(
    tool="shared",  # a package that is installed, for --version
    description="Does things.",
    operand="A/B",
    commands={"do": Command(add, "[OPTIONS]", "Do it."), "undo": Command(add, "", "Undo it.")},
)


@pytest.mark.parametrize(
    ("argv", "code", "out", "err"),
    [
        (["do", "x", "--fast"], 3, "['x'] True\n", ""),
        (["undo", "--fast", "x", "y"], 3, "['x', 'y'] True\n", ""),
        (["undo", "x", "--fast", "y"], 3, "['x', 'y'] True\n", ""),
        (["undo", "--fast", "--", "-x", "--fast"], 3, "['-x', '--fast'] True\n", ""),
        (["a/b"], 3, "['a/b'] False\n", ""),
        ([], 3, "[] False\n", ""),
        (["--fast", "do"], 3, "['do'] True\n", ""),
        (["dp"], 2, "", "shared: 'dp' is neither A/B nor a command (do, undo)\n"),
        (["--slow", "undo"], 2, "", "shared: the command comes first: shared undo ...\n"),
        (["do", "--slow"], 2, "", "shared: unrecognized arguments: --slow (see 'shared do"),
    ],
)
def test_the_first_command_is_meant_where_none_is_named(
    capsys: pytest.CaptureFixture[str], argv: list[str], code: int, out: str, err: str
) -> None:
    assert run("shared", lambda journal: COMMANDS.run(argv, journal)) == code
    said = capsys.readouterr()
    assert said.out == out
    assert said.err.startswith(err)


def test_each_has_its_help_and_all_have_one(capsys: pytest.CaptureFixture[str]) -> None:
    for argv, start in [
        (["--help"], "usage: shared [COMMAND] ...\n\nDoes things.\n"),
        (["do", "--help"], "usage: shared do [OPTIONS]\n\nDo it.\n"),
        (["--version"], "shared "),
    ]:
        assert run("shared", lambda journal, argv=argv: COMMANDS.run(argv, journal)) == 0  # type: ignore[misc]
        assert capsys.readouterr().out.startswith(start)


NAMED = Commands(tool="shared", description="Does.", commands={"do": COMMANDS.commands["do"]})


@pytest.mark.parametrize(
    ("argv", "err"),
    [
        ([], "shared: which command? do (see 'shared --help')\n"),
        (["--fast"], "shared: which command? do (see 'shared --help')\n"),
        (["dp"], "shared: 'dp' is no command (they are do)\n"),
        (["--fast", "do"], "shared: the command comes first: shared do ...\n"),
    ],
)
def test_without_an_operand_a_command_has_to_be_named(
    capsys: pytest.CaptureFixture[str], argv: list[str], err: str
) -> None:
    assert run("shared", lambda journal: NAMED.run(argv, journal)) == 2
    assert capsys.readouterr() == ("", err)
    assert run("shared", lambda journal: NAMED.run(["--help"], journal)) == 0
    assert capsys.readouterr().out.startswith("usage: shared COMMAND ...\n")
