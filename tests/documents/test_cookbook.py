"""The recipes of the cookbook, each followed to its end in a world of its own."""

import re
from pathlib import Path

import pytest

from tests.documents.preparations.cookbook import PREPARATIONS, Preparation
from tests.documents.reading import follow
from tests.documents.world import a_world
from tests.support.layout import ROOT

RECIPES = re.split(r"^## \d+\. ", (ROOT / "docs/cookbook.md").read_text(), flags=re.MULTILINE)[1:]


CASES = [
    pytest.param(recipe, prepare, id=prepare.__name__)
    for recipe, prepare in zip(RECIPES, PREPARATIONS, strict=True)
]


@pytest.mark.parametrize(("recipe", "prepare"), CASES)
def test_a_recipe_does_what_it_says(recipe: str, prepare: Preparation, tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        assert follow(world, recipe, meanwhile=prepare(world))
        assert not any(world.mail), "cron mails what the recipe does not show"


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.partition("\n")[0])
def test_a_recipe_says_what_to_watch_and_what_to_do_when_it_fails(recipe: str) -> None:
    assert re.findall(r"^\*\*(Watch|When it fails)\.\*\*", recipe, re.MULTILINE) == [
        "Watch",
        "When it fails",
    ]


def test_there_are_ten_recipes_in_their_order() -> None:
    text = (ROOT / "docs/cookbook.md").read_text()
    numbers = re.findall(r"^## (\d+)\. ", text, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, 11)]
