"""What cron mails, what happens meanwhile, and what stays from command to command."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents.reading import follow
from tests.documents.world import World, a_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A reader's machine."""
    with a_world(tmp_path) as made:
        yield made


def _block(kind: str, *lines: str) -> str:
    return "\n".join([f"```{kind}", *lines, "```", ""])


@pytest.mark.parametrize(
    "document",
    [
        _block("cron", "* * * * *  false"),
        _block("cron", "* * * * *  date +%F"),
        _block("cron", "* * * * *  echo news") + _block("mail", "olds"),
        _block("mail", "no cron before it"),
        _block("yaml", "- run: exit $CODE", "  env: {CODE: 3}"),
    ],
)
def test_what_is_not_as_the_document_says_fails(world: World, document: str) -> None:
    with pytest.raises(AssertionError, match=r"^line [14]: "):
        follow(world, document)


def test_what_cron_mails_is_known_until_the_document_shows_it(world: World) -> None:
    cron = _block("cron", "* * * * *  echo news; echo trouble >&2")
    follow(world, cron)
    assert world.mail == ["news\ntrouble\n"]
    follow(world, _block("mail", "news", "trouble"))
    assert world.mail == []


def test_what_happens_meanwhile_happens_at_its_place(world: World) -> None:
    look = _block("console", "$ cat weather", "{}")
    document = look.format("dry") + "<!-- meanwhile: it rains -->\n" + look.format("wet")
    world.put("weather", "dry\n")
    assert follow(world, document, meanwhile={"it rains": lambda: world.put("weather", "wet\n")})


def test_what_is_to_happen_and_has_no_place_fails(world: World) -> None:
    with pytest.raises(AssertionError, match=re.escape("it rains")):
        follow(world, _block("sh", "true"), meanwhile={"it rains": lambda: None})


def test_variables_outlive_a_command_that_goes_on_for_ever(world: World) -> None:
    world.put("app.log", "one\n")
    for _ in range(5):  # Ctrl+C may come at any point
        assert follow(
            world,
            _block(
                "sh",
                "export WEATHER=fine",
                "logtools tail -f app.log",
                "cut -f 1 app.log",
                "[ $WEATHER = fine ]",
            ),
        )


def test_a_workflows_step_has_the_variables_of_its_job(world: World) -> None:
    workflow = _block(
        "yaml",
        "jobs:",
        "  one:",
        "    env: {A: 1, B: 1}",
        "    steps:",
        "      - run: '[ $A$B = 12 ]'",
        "        env: {B: 2}",
    )
    assert follow(world, workflow)
