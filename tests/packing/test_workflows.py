"""What the linters of workflows do not say: what a workflow claims is what the members claim."""

import re
from functools import cache
from typing import Any

import pytest
import yaml

from tests.support.layout import MEMBERS, ROOT, SHARED, TOOLS

PLACES = sorted(ROOT.glob(".github/workflows/*.yml")) + sorted(ROOT.glob("actions/*/action.yml"))
USES = re.compile(r"^\s*(?:- )?uses: (\S+)(.*)$", re.MULTILINE)
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


@cache
def workflow(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())
    return document


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    names = [path.stem for path in PLACES if path.parent.name == "workflows"]
    return [(name, job, one) for name in names for job, one in workflow(name)["jobs"].items()]


def test_every_action_is_pinned_by_its_hash_and_says_which_version_that_is() -> None:
    versions: dict[str, set[str]] = {}
    for path in PLACES:
        for action, comment in USES.findall(path.read_text()):
            if action.startswith("$/"):
                assert (ROOT / action.removeprefix("$/") / "action.yml").is_file()
                continue
            assert PINNED.fullmatch(action), f"{path}: {action}"
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{path}: {action}{comment}"
            versions.setdefault(action.partition("@")[0], set()).add(action + comment)
    assert "actions/checkout" in versions
    assert [one for one in versions.values() if len(one) > 1] == []


def test_no_checkout_leaves_its_token_behind() -> None:
    steps = [step for _, _, job in jobs() for step in job["steps"]]
    checkouts = [step for step in steps if "actions/checkout@" in step.get("uses", "")]
    assert checkouts
    assert [step["with"]["persist-credentials"] for step in checkouts] == [False] * len(checkouts)


def test_the_pythons_that_are_tested_are_those_from_the_oldest_that_is_promised() -> None:
    tested = workflow("ci")["jobs"]["test"]["strategy"]["matrix"]["python"]
    oldest = SHARED.project["requires-python"].removeprefix(">=")
    assert tested[0] == oldest
    assert tested == [f"3.{minor}" for minor in range(int(oldest[2:]), int(tested[-1][2:]) + 1)]
    for member in MEMBERS:
        claimed = [
            line.rpartition(" ")[2]
            for line in member.project.get("classifiers", [])
            if re.search(r":: 3\.\d+$", line)
        ]
        assert claimed in ([], tested), member.name


def test_every_tool_has_its_image_and_all_together_one() -> None:
    built = workflow("release")["jobs"]["images"]["strategy"]["matrix"]["image"]
    assert sorted(built) == sorted(["toolroll", *(tool.name for tool in TOOLS)])


def test_the_portable_tools_are_tested_where_they_are_portable_to() -> None:
    job = workflow("ci")["jobs"]["portable"]
    tools = job["env"]["TOOLS"].split()
    assert set(tools) <= {tool.name for tool in TOOLS}
    assert all((ROOT / "tests" / name.replace("-", "_")).is_dir() for name in tools)
    assert {name.split("-")[0] for name in job["strategy"]["matrix"]["os"]} == {"macos", "windows"}


@pytest.mark.parametrize(("name", "job", "settings"), jobs(), ids=lambda one: str(one)[:10])
def test_every_job_ends_some_time_and_takes_few_rights(
    name: str, job: str, settings: dict[str, Any]
) -> None:
    assert workflow(name)["permissions"] == {}
    assert 0 < settings["timeout-minutes"] <= 30
    writes = {right for right, kind in settings.get("permissions", {}).items() if kind == "write"}
    allowed = {
        ("release", "attest"): {"id-token", "attestations"},
        ("release", "github"): {"contents"},
        ("release", "index"): {"id-token"},
        ("release", "images"): {"packages"},
    }
    assert writes == allowed.get((name, job), set())


def test_a_rehearsal_of_a_release_publishes_nothing() -> None:
    """Whatever publishes is for a pushed tag, or needs a job that is."""
    release = workflow("release")["jobs"]
    assert release["attest"]["if"] == "github.event_name == 'push'"
    assert {release[job]["needs"] for job in ("github", "index")} == {"attest"}
    login, push = (
        next(one for one in release["images"]["steps"] if word in one.get("run", ""))
        for word in ("docker login", ".ci/image")
    )
    assert login["if"] == "github.event_name == 'push'"
    assert push["env"]["PUSH"] == "${{ github.event_name == 'push' }}"
