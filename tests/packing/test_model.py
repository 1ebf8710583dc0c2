"""What the completions and man pages are made of, held against the parsers themselves."""

import argparse
from importlib import import_module
from pathlib import Path

import pytest
from packing.model import brief, command

from tests.support.layout import COMMANDS

NEW_TOOL = """
import argparse

def build_parser():
    parser = argparse.ArgumentParser("newtool", usage="newtool [OPTIONS]")
    parser.add_argument("--new", metavar="WHATEVER")
    return parser
"""


def parsers_of(module: str) -> dict[str, argparse.ArgumentParser]:
    """Return a command's parsers, by subcommand; that of the command itself is `""`."""
    cli = import_module(f"{module}.cli")
    if not hasattr(cli, "COMMANDS"):
        return {"": cli.build_parser()}
    parsers = {name: cli.COMMANDS.parser_of(name) for name in cli.COMMANDS.commands}
    return parsers | ({"": cli.build_parser()} if hasattr(cli, "build_parser") else {})


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_every_option_and_choice_of_its_parsers(name: str) -> None:
    parts = command(name, COMMANDS[name]).parts
    for part, parser in parsers_of(COMMANDS[name]).items():
        shown = {flag: one for one in parts[part].options for flag in one.flags}
        assert set(shown) == set(parser._option_string_actions)
        for flag, action in parser._option_string_actions.items():
            value = shown[flag].value
            assert (value is None) == (action.nargs == 0)
            if action.choices is not None:
                assert value
                assert value.words == tuple(action.choices)
        operands = [one for one in parser._actions if not one.option_strings]
        assert len(parts[part].operands) == len(operands)


def test_a_value_that_nobody_has_thought_about_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "newtool").mkdir()
    (tmp_path / "newtool" / "cli.py").write_text(NEW_TOOL)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(LookupError, match="is WHATEVER a file, a directory or neither"):
        command("newtool", "newtool")


def test_beside_an_option_only_the_start_of_its_help_is_shown() -> None:
    assert brief("the folder; made if needed") == "the folder"
    assert brief("downloads at once (default: 16)") == "downloads at once"
    assert brief("bytes per second, as in 10M") == "bytes per second"
