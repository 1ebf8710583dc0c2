"""CONTRIBUTING.md: its commands run, and what it names is there."""

import ast
import re
from pathlib import Path

import pytest

from tests.documents.reading import follow
from tests.documents.world import a_world, checkout
from tests.support.layout import ROOT, SHARED, TOOLS

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
NAMED = re.findall(r"`(\w+\.py): (\w+)`", TEXT)
(WALKED,) = (tool for tool in TOOLS if tool.name == "gh-releases")


def names_in(path: Path) -> set[str]:
    if not path.exists():
        return set()
    nodes = ast.walk(ast.parse(path.read_text()))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in nodes if isinstance(node, kinds)}


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_what_the_walk_names_is_there(file: str, name: str) -> None:
    assert name in names_in(WALKED.package / file) | names_in(SHARED.package / file)


def test_the_folders_that_it_names_are_there() -> None:
    named = re.findall(r"`((?:tests|docs|shared|packing|bench|tools)/[\w./-]*)`", TEXT)
    real = [name for name in named if name == name.lower() or name.endswith(".md")]
    assert len(real) > 5
    assert [name for name in real if not (ROOT / name).exists()] == []


def test_its_commands_run(tmp_path: Path) -> None:
    without = frozenset({"make setup", "make fmt", "make test ARGS='tests/gh_releases -q'"})
    with a_world(tmp_path) as world:
        checkout(world)
        assert follow(world, TEXT, without=without) == []
        assert [world.run(f"make -n {one.removeprefix('make ')}").code for one in without] == [
            0
        ] * 3
