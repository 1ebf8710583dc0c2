"""Plan files: what a dry run showed is what goes, and nothing else."""

import json
import os
from pathlib import Path

import pytest

from tests.image_pruner.conftest import Prune
from tests.support.docker import Engine
from tests.support.images import Made, layer
from tests.support.limits import disk_of

BASE = layer("base", 50_000)
OLD = "2020-01-01T00:00:00Z"
HEAD = '{"format": "image-pruner plan", "version": 1, "daemon": "x", "predicted_freed_bytes": 1'


def app(number: int, *tags: str) -> Made:
    return Made(tags or (f"app:{number}",), (BASE, layer("top", number)), OLD)


@pytest.fixture
def plan(engine: Engine, prune: Prune, here: Path) -> Path:
    """A plan to delete three images, app:1 to app:3, and their base."""
    engine.load(Made(("base:1",), (BASE,), OLD), *(app(number) for number in (1, 2, 3)))
    done = prune("--older-than", "1d", "--plan", "plan.json")
    assert done.code == 0, done.stderr
    assert "would delete 4 of 4" in done.stderr
    assert "--yes --plan plan.json does it" in done.stderr
    return here / "plan.json"


def test_a_plan_is_carried_out_and_nothing_else(engine: Engine, prune: Prune, plan: Path) -> None:
    engine.load(app(4))
    done = prune("--yes", "--plan", plan, "--json")
    assert done.code == 0, done.stderr
    assert len(done.json["deleted"]) == 3
    said = {one["tags"][0]: one["reason"] for one in done.json["images"]}
    assert said["app:4"] == "not in the plan"
    assert said["base:1"] == "base of app:4"
    assert said["app:1"].startswith("planned: unused")
    assert engine.tags() == {"base:1", "app:4"}
    again = prune("--yes", "--plan", plan)
    assert (again.code, "nothing to delete" in again.stderr) == (0, True)


def test_a_planned_image_that_has_changed_is_kept(engine: Engine, prune: Prune, plan: Path) -> None:
    engine.client.tag("app:1", "precious", "1")
    engine.client.remove_image("app:1")
    engine.container("app:2", "web")
    engine.client.remove_image("app:3")
    done = prune("--yes", "--plan", plan, "--json")
    said = {one["tags"][0]: one["reason"] for one in done.json["images"]}
    assert (done.code, done.json["deleted"]) == (0, [])
    assert said["precious:1"] == "also named precious:1 by now"
    assert said["app:2"] == "used by container web (created)"
    assert said["base:1"] in {"base of app:2", "base of precious:1"}


def test_a_planned_image_that_lost_a_name_goes(engine: Engine, prune: Prune, here: Path) -> None:
    engine.load(app(1, "app:1", "app:one"))
    prune("--older-than", "1d", "--plan", here / "p")
    engine.client.remove_image("app:one")
    assert "deleted 1 of 1" in prune("--yes", "--plan", here / "p").stderr


def test_a_plan_says_what_and_why(engine: Engine, plan: Path) -> None:
    document = json.loads(plan.read_text())
    assert document["daemon"] == engine.client.info()["ID"]
    assert document["predicted_freed_bytes"] == 50_000 + 1 + 2 + 3
    assert {name for entry in document["delete"] for name in entry["names"]} == engine.tags()
    assert set(document["delete"][0]) == {"id", "names", "size_bytes", "freed_bytes", "reason"}


def test_the_plan_of_another_daemon_is_refused(engine: Engine, prune: Prune, plan: Path) -> None:
    document = json.loads(plan.read_text())
    plan.write_text(json.dumps({**document, "daemon": "another"}))
    done = prune("--yes", "--plan", plan)
    assert done.code == 2
    assert "was made for another daemon" in done.stderr
    assert len(engine.ids()) == 4


def test_a_plan_takes_the_place_of_a_plan_only(engine: Engine, prune: Prune, plan: Path) -> None:
    assert prune("--plan", plan).code == 0
    assert json.loads(plan.read_text())["delete"] == []
    plan.write_text("precious")
    done = prune("--plan", plan)
    assert done.code == 2
    assert "is there, and no plan" in done.stderr
    assert plan.read_text() == "precious"
    assert engine.ids()


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{}",
        "[]",
        "null",
        "{",
        '{"format": "image-pruner plan", "version": 2, "daemon": "x", "delete": []}',
        '{"format": "image-pruner plan", "version": 1}',
        f'{HEAD}, "delete": [{{"id": "../x", "names": [], "reason": ""}}]}}',
        f'{HEAD}, "delete": [7]}}',
        "[" * 100_000,
    ],
)
def test_what_is_no_plan_is_refused(prune: Prune, here: Path, damage: str) -> None:
    (here / "plan").write_text(damage)
    done = prune("--yes", "--plan", "plan")
    assert done.code == 65
    assert done.stderr.startswith("image-pruner: --plan plan: ")
    assert done.stderr.count("\n") == 1


def test_what_has_no_end_is_no_plan(prune: Prune) -> None:
    done = prune("--yes", "--plan", "/dev/zero")
    assert (done.code, "too large to be a plan" in done.stderr) == (65, True)


def test_a_plan_that_cannot_be_read_is_told(prune: Prune, here: Path) -> None:
    done = prune("--yes", "--plan", here)
    assert (done.code, done.stderr) == (2, f"image-pruner: --plan {here}: Is a directory\n")
    assert prune("--yes", "--plan", here / "none").code == 2


@pytest.mark.parametrize(
    "option",
    [
        ("--older-than", "1"),
        ("--filter", "app"),
        ("--label", "a"),
        ("--dangling",),
        ("--keep-last", "1"),
        ("--exclude", "*"),
        ("--age-basis", "created"),
        ("--max-delete", "1"),
    ],
)
def test_with_a_plan_no_option_selects(prune: Prune, option: tuple[str, ...]) -> None:
    done = prune("--yes", "--plan", "x", *option)
    assert done.code == 2
    assert option[0] in done.stderr


def test_a_plan_takes_the_place_of_an_empty_file(engine: Engine, prune: Prune, plan: Path) -> None:
    plan.write_bytes(b"")
    assert prune("--plan", plan).code == 0
    assert json.loads(plan.read_text())["delete"] == []
    assert engine.ids()


@pytest.mark.parametrize("precious", ["#!/bin/sh\n# mails the image-pruner plan\n", "\n"])
def test_a_file_that_only_speaks_of_a_plan_is_left_alone(
    engine: Engine, prune: Prune, plan: Path, precious: str
) -> None:
    plan.write_text(precious)
    assert prune("--plan", plan).code == 2
    assert plan.read_text() == precious
    assert engine.ids()


@pytest.mark.parametrize("place", ["pipe", "/dev/null", "."])
def test_a_plan_is_written_to_a_file_only(
    engine: Engine, prune: Prune, here: Path, place: str
) -> None:
    os.mkfifo(here / "pipe")
    done = prune("--plan", place)
    assert (done.code, done.stdout) == (2, "")
    assert "is there, and no plan" in done.stderr
    assert engine.ids() == set()


def test_a_plan_in_no_folder_is_told(engine: Engine, prune: Prune, here: Path) -> None:
    done = prune("--plan", here / "none" / "plan")
    assert (done.code, done.stdout) == (2, "")
    assert f"there is no folder {here}/none" in done.stderr
    assert engine.ids() == set()


def test_what_is_gone_when_a_plan_is_carried_out_is_named(
    engine: Engine, prune: Prune, plan: Path
) -> None:
    assert prune("--yes", "--plan", plan).code == 0
    done = prune("--yes", "--plan", plan)
    assert done.code == 0
    assert "gone already, 4 images of the plan: " in done.stderr
    assert not engine.ids()


def test_a_plan_on_a_full_disk_is_told_and_the_older_one_stays(prune: Prune, plan: Path) -> None:
    older = plan.read_text()
    with disk_of(100):
        done = prune("--older-than", "1d", "--plan", plan)
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr == f"image-pruner: --plan {plan}: File too large\n"
    assert plan.read_text() == older
    assert [*plan.parent.iterdir()] == [plan]
