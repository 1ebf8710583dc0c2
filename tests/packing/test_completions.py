"""What real shells offer behind our commands."""

import pytest
from packing.model import Kind, Part, command
from packing.pages import SHADOWED

from tests.packing.conftest import FILES, FOLDERS
from tests.packing.shells import Fish, Shell
from tests.support.layout import COMMANDS

KNOWN = {name: command(name, module) for name, module in COMMANDS.items()}
PARTS = [
    (f"{one.name} {name} ".replace("  ", " "), part)
    for one in KNOWN.values()
    for name, part in one.parts.items()
]

every_part = pytest.mark.parametrize(("line", "part"), PARTS, ids=[line for line, _ in PARTS])


def ours(shell: Shell, line: str) -> bool:
    """Whether it is our command that is completed: fish has a builtin `contains`."""
    return not (isinstance(shell, Fish) and line.split(maxsplit=1)[0] in SHADOWED)


def bare(names: list[str]) -> list[str]:
    return sorted(name.removeprefix("./").rstrip("/") for name in names)


def flags(part: Part, start: str = "-") -> list[str]:
    return sorted(
        flag for option in part.options for flag in option.flags if flag.startswith(start)
    )


@every_part
def test_the_options_offered_are_those_of_the_parser(shell: Shell, line: str, part: Part) -> None:
    if ours(shell, line):
        assert shell.offers(line, "--") == flags(part, "--")


@every_part
def test_a_short_option_is_offered_beside_its_long_name(
    shell: Shell, line: str, part: Part
) -> None:
    if ours(shell, line):
        assert shell.offers(line, "-") == flags(part)


@every_part
def test_the_choices_of_an_option_are_offered_and_nothing_else(
    shell: Shell, line: str, part: Part
) -> None:
    for option in part.options:
        if option.value and option.value.kind is Kind.WORDS:
            words = sorted(option.value.words)
            for flag in option.flags:
                assert shell.offers(f"{line}{flag} ") == words
                assert shell.offers(f"{line}{flag} ", words[0][:1]) == [
                    word for word in words if word.startswith(words[0][0])
                ]
            assert shell.offers(f"{line}{option.flags[-1]}=") == words


@every_part
def test_files_are_offered_where_a_file_is_wanted_and_folders_where_a_folder_is(
    shell: Shell, line: str, part: Part
) -> None:
    offered = {Kind.FILE: sorted([*FILES, *FOLDERS]), Kind.DIRECTORY: sorted(FOLDERS)}
    for option in part.options:
        if option.value and option.value.kind is not Kind.WORDS and ours(shell, line):
            expected = offered.get(option.value.kind, [])
            for before in (f"{line}{option.flags[-1]} ", f"{line}{option.flags[-1]}="):
                found = shell.offers(before)
                assert bare([one for one in found if one[:1] != "-"]) == expected, before
