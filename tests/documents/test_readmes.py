"""Every command of the READMEs runs, as a reader would run it."""

import re
from importlib import import_module
from itertools import groupby
from pathlib import Path

import pytest

from tests.documents.preparations import front_page
from tests.documents.reading import follow
from tests.documents.world import a_world, checkout
from tests.support.layout import ROOT, TOOLS, Member

ELSEWHERE = frozenset({"make demo", "make test"})
"""What the tests of a fresh Debian run, and what runs this."""


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_the_commands_of_a_tools_readme_run(tool: Member, tmp_path: Path) -> None:
    preparation = import_module(f"tests.documents.preparations.{tool.import_name}")
    with a_world(tmp_path) as world:
        preparation.prepare(world)
        assert follow(world, (tool.folder / "README.md").read_text())


def test_the_commands_of_the_front_page_run(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text()
    with a_world(tmp_path) as world:
        checkout(world)
        front_page.prepare(world)
        assert follow(world, text, without=ELSEWHERE)


ORDER = ["Examples", "Options", "...", "Exit codes", "Limits", "Compared", "As a library"]
"""Of a tool's README; what only it has stands where the dots are."""


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_the_readmes_have_the_same_order(tool: Member) -> None:
    text = (tool.folder / "README.md").read_text()
    titles = [title.split(" with")[0] for title in re.findall(r"^## (.+)$", text, re.MULTILINE)]
    known = [title if title in ORDER else "..." for title in titles]
    shown = [title for title, _ in groupby(known)]
    assert shown == [title for title in ORDER if title in shown]
    assert set(ORDER) - set(shown) <= {"...", "As a library"}
