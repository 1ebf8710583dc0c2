"""What the documents say is what the code does."""

import re

import pytest

from tests.support.commands import run
from tests.support.layout import COMMANDS, ROOT, TOOLS, Member
from toolroll_shared.errors import Exit


def test_the_readme_has_every_exit_code_and_no_other() -> None:
    table = (ROOT / "README.md").read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == set(Exit)


def test_the_readme_lists_the_ten_tools_and_which_are_there() -> None:
    text = (ROOT / "README.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \|.*\| ([a-z ]+) \|$", text, re.MULTILINE))
    assert len(rows) == 10
    there = {name for name, state in rows.items() if state != "planned"}
    assert there == {tool.name for tool in TOOLS}


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_a_tools_readme_shows_its_help(tool: Member) -> None:
    readme = (tool.folder / "README.md").read_text()
    options = readme.partition("## Options\n\n")[2].partition("\n## ")[0]
    shown = re.findall(r"^```\n(usage: .*?)^```$", options, re.MULTILINE | re.DOTALL)
    assert {text.split()[1] for text in shown} == set(tool.scripts)
    for text in shown:
        command, subcommand = re.findall(r"^usage: (\S+)(?: ([a-z]+))?", text)[0]
        arguments = [subcommand] if subcommand else []
        help_ = run(COMMANDS[command], *arguments, "--help", COLUMNS="80", NO_COLOR="1")
        assert (help_.code, help_.stderr) == (0, "")
        assert text == help_.stdout
