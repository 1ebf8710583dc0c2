"""The walk: image-pruner."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image_pruner.standin import IMAGE, Standin, standing_in
from tests.observe.walking import Step, Steps, take
from tests.support.waiting import until

STEPS: Steps = {
    "a plan is shown": Step(line="image-pruner", actions="plan"),
    "an image is deleted": Step(
        line="image-pruner --yes --json --log-json log", actions="plan delete measure"
    ),
    "nobody listens": Step(
        line="image-pruner --host unix:///nowhere", code=69, outcome="unreachable"
    ),
    "it is called badly": Step(line="image-pruner --nonsense", code=2, outcome="usage"),
    "there is no such context": Step(
        line="image-pruner --context nowhere", code=2, outcome="usage"
    ),
}

REFUSED = Step(
    line="image-pruner --yes", code=1, outcome="failed", actions="plan delete", failed="delete"
)
NONSENSE = Step(line="image-pruner", code=69, outcome="unreachable", actions="plan", failed="plan")
TERMINATED = Step(
    line="image-pruner", code=143, outcome="terminated", actions="plan", failed="plan"
)
ENDED: Steps = {"refused": REFUSED, "nonsense": NONSENSE, "terminated": TERMINATED}


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[Standin]:
    with standing_in(tmp_path / "socket") as standin:
        yield standin


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_plan_each_image_and_the_run_are_recorded(
    standin: Standin, tmp_path: Path, step: Step
) -> None:
    settings = {} if "--context" in step.line else {"DOCKER_HOST": standin.host}
    take(step, tmp_path, settings)


def test_an_image_that_a_daemon_does_not_delete_is_recorded(
    standin: Standin, tmp_path: Path
) -> None:
    standin.answers[f"/images/{IMAGE}"] = 500, b'{"message": "no"}'
    take(REFUSED, tmp_path, {"DOCKER_HOST": standin.host})


def test_a_daemon_that_makes_no_sense_is_recorded(standin: Standin, tmp_path: Path) -> None:
    standin.answers["/images/json"] = 200, b"<html>"
    take(NONSENSE, tmp_path, {"DOCKER_HOST": standin.host})


def test_a_plan_that_is_terminated_is_recorded(standin: Standin, tmp_path: Path) -> None:
    over = threading.Event()

    def silent() -> None:
        over.wait(60)

    def asked(_pid: int) -> None:
        until(lambda: any("/images/json" in path for _, path in standin.asked))

    standin.answers["/images/json"] = silent
    try:
        take(TERMINATED, tmp_path, {"DOCKER_HOST": standin.host}, until=asked)
    finally:
        over.set()
