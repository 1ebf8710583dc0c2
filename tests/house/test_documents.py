"""What the documents say is what the code does."""

import re
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.layout import COMMANDS, ROOT, TOOLS, Member
from toolroll_shared.errors import Exit


def test_the_readme_has_every_exit_code_and_no_other() -> None:
    table = (ROOT / "README.md").read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)} == set(Exit)


def test_the_readme_lists_the_ten_tools_and_their_commands() -> None:
    text = (ROOT / "README.md").read_text()
    rows = re.findall(r"^\| \[(.+)\]\(tools/([a-z0-9-]+)/README.md\) \| .+ \|$", text, re.MULTILINE)
    listed = {name: {*re.findall(r"`([a-z0-9-]+)`", commands)} for commands, name in rows}
    assert len(listed) == 10
    assert listed == {tool.name: {*tool.scripts} for tool in TOOLS}


def test_the_readmes_figures_of_speed_are_those_that_were_measured() -> None:
    section = (ROOT / "README.md").read_text().partition("## How fast")[2].partition("\n## ")[0]
    measured = (ROOT / "bench/README.md").read_text()
    figures = re.findall(r"\| (\d+\.\d+) ", section)
    assert len(figures) > 20
    assert [one for one in figures if f" {one} " not in measured] == []


LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("path", sorted(ROOT.glob("[!.]*/**/*.md")) + sorted(ROOT.glob("*.md")))
def test_what_a_document_links_to_is_there(path: Path) -> None:
    assert [one for one in LINK.findall(path.read_text()) if not (path.parent / one).exists()] == []


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
