"""The action for multi-fetch: its very steps, run as a runner runs them."""

import hashlib
import json
import sys
from pathlib import Path

import pytest

from tests.packing.test_actions import HOSTILE
from tests.support.actions import Runner, installed_for_all, load
from tests.support.faults import status
from tests.support.github import GitHub


@pytest.fixture
def runner(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A job in an empty workspace."""
    return Runner.made(tmp_path, installed_for_all(tmp_path_factory.getbasetemp()))


@pytest.fixture
def urls(github: GitHub) -> list[str]:
    """Two files on loopback."""
    release = github.add_repository("octo/tool").add_release("v1")
    for name in ("a.txt", "b.txt"):
        release.add_asset(name, name.encode())
    return [f"{github.api_url}/octo/tool/releases/download/v1/{one}.txt" for one in "ab"]


def test_a_step_fetches_a_list_and_says_so(runner: Runner, urls: list[str]) -> None:
    ran = runner.run("multi-fetch", urls="\n".join(["# two files", "", *urls]))
    assert ran.code == 0, ran.log
    counted = [ran.outputs[name] for name in ("lines", "ok", "failed", "cancelled", "bytes")]
    assert counted == ["2", "2", "0", "0", "10"]
    records = [json.loads(one) for one in Path(ran.outputs["records"]).read_text().splitlines()]
    for record in records:
        saved = (runner.workspace / record["path"]).read_bytes()
        assert record["sha256"] == hashlib.sha256(saved).hexdigest()
    assert {one["url"] for one in records} == set(urls)
    assert list(runner.workspace.iterdir()) == [runner.workspace / "downloads"]


def test_a_list_in_a_file_is_taken_and_one_failure_fails_the_step_unless_it_may(
    runner: Runner, urls: list[str], github: GitHub
) -> None:
    (runner.workspace / "-list.txt").write_text("\n".join(urls))
    for fail_on, code in (("http", 1), ("never", 0)):
        github.fault("a.txt", status(404))
        ran = runner.run("multi-fetch", file="-list.txt", output_dir="", fail_on=fail_on)
        assert (ran.code, ran.outputs["exit-code"]) == (code, str(code)), ran.log
        assert [ran.outputs[name] for name in ("ok", "failed")] == ["1", "1"]
    assert [one.name for one in runner.workspace.iterdir()] == ["-list.txt"]


def test_no_input_of_multi_fetch_is_more_than_a_value(runner: Runner, urls: list[str]) -> None:
    folder, lines = " ".join(HOSTILE), "\n".join([*HOSTILE, *urls])
    ran = runner.run("multi-fetch", urls=lines, output_dir=folder)
    assert (ran.code, ran.outputs["ok"]) == (1, "2"), ran.log
    assert ran.outputs["failed"] == str(len(HOSTILE))
    assert [one.name for one in runner.workspace.iterdir()] == [folder]
    for text in ("--help", "$(touch pwned)"):
        ran = runner.run("multi-fetch", file=text)
        assert (ran.code, ran.outputs["lines"]) == (2, ""), ran.log
        assert "multi-fetch: " in ran.log
    assert not list(runner.workspace.rglob("pwned"))


def test_a_word_that_is_neither_true_nor_false_is_refused(runner: Runner, urls: list[str]) -> None:
    ran = runner.run("multi-fetch", urls=urls[0], sha256="yes")
    assert (ran.code, ran.log) == (2, "::error::sha256 has to be true or false\n")


def test_a_list_and_a_file_at_once_are_refused(runner: Runner, urls: list[str]) -> None:
    ran = runner.run("multi-fetch", urls=urls[0], file="list.txt")
    assert (ran.code, ran.log) == (2, "::error::multi-fetch: give urls or file, not both\n")


def test_a_python_that_is_too_old_or_none_is_said_at_once(runner: Runner, tmp_path: Path) -> None:
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    for name in (str(old), "no-such-python"):
        ran = runner.run("multi-fetch", urls="x", python=name)
        assert (ran.code, ran.log.partition(":")[0], ran.outputs["ok"]) == (2, "", "")
        assert "toolroll needs Python 3.11 or newer" in ran.log


def test_the_python_that_is_named_is_the_one_that_runs(runner: Runner, urls: list[str]) -> None:
    ran = runner.run("multi-fetch", urls=urls[0], python=sys.executable)
    assert ran.code == 0, ran.log
    configured = [one.read_text() for one in runner.temporary.glob("toolroll/*/pyvenv.cfg")]
    assert any(f"version = {sys.version.split()[0]}" in text for text in configured)


@pytest.mark.parametrize("action", ["release-mirror", "multi-fetch"])
def test_an_action_hands_every_input_to_a_step_and_every_output_on(action: str) -> None:
    document = load(action)
    handed = [value for step in document["runs"]["steps"] for value in step["env"].values()]
    inputs = {f"${{{{ inputs.{name} }}}}" for name in document["inputs"]}
    assert inputs <= set(handed)
    for name, one in document["outputs"].items():
        assert one["value"] == f"${{{{ steps.run.outputs.{name} }}}}"
