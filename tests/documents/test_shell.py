"""Commands of a document that go on for ever, in front and in the background."""

from pathlib import Path

import pytest

from tests.documents.reading import follow
from tests.documents.world import a_world

SERVER = """#!/bin/sh
sleep 0.2; touch up
while echo here; do sleep 0.05; done
"""


def test_what_serves_in_the_background_is_up_for_the_next_command(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.program("thing", SERVER)
        said = follow(world, "```sh\nthing serve &\ntest -e up && echo alone\n```\n")
    assert said[1].stdout == "alone\n"


def test_what_serves_in_front_gets_ctrl_c_once_it_has_spoken(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        world.program("thing", SERVER)
        [said] = follow(world, "```sh\nthing serve\n```\n")
    assert said.stdout.startswith("here\n")


@pytest.mark.parametrize("mode", ["", " &"])
def test_what_should_serve_and_ends_in_silence_is_not_waited_for(tmp_path: Path, mode: str) -> None:
    with a_world(tmp_path) as world:
        world.program("thing", "exit 3")
        assert world.run(f"thing serve{mode}").code == (0 if mode else 3)


def test_an_example_may_be_a_function_and_has_to_import_what_there_is(tmp_path: Path) -> None:
    with a_world(tmp_path) as world:
        follow(world, "```python\ndef double(x: int) -> int:\n    return x * 2\n```\n")
        with pytest.raises(AssertionError, match="nonsense"):
            follow(world, "```python\nfrom gh_releases import nonsense\n```\n")
