"""The composite actions: their very steps, run as a runner runs them, on servers on loopback."""

import json
import os
import signal
import sqlite3
from pathlib import Path

import pytest

from tests.support.actions import Runner, installed_for_all, load
from tests.support.faults import stall_body, throttled
from tests.support.github import GitHub
from tests.support.github_data import Repository

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "--help",
    "-rf",
    "a b\tc",
    "* ? [x] ~ ${IFS} \\",
    "${{ github.token }}",
]


@pytest.fixture
def runner(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, github: GitHub) -> Runner:
    """A job whose GitHub is the stand-in."""
    installed = installed_for_all(tmp_path_factory.getbasetemp())
    return Runner.made(tmp_path, installed, GITHUB_API_URL=github.api_url)


@pytest.fixture
def release(repo: Repository) -> Repository:
    """octo/tool with one release of two files."""
    made = repo.add_release("v1.0")
    made.add_asset("tool-linux.tar.gz", b"linux" * 100)
    made.add_asset("tool-windows.zip", b"windows")
    return repo


@pytest.mark.usefixtures("release")
def test_a_step_mirrors_a_project_and_says_so(runner: Runner, github: GitHub) -> None:
    ran = runner.run("release-mirror", repository="octo/tool")
    assert (ran.code, ran.outputs["exit-code"]) == (0, "0"), ran.log
    counted = [ran.outputs[name] for name in ("downloaded", "skipped", "failed", "bytes")]
    assert counted == ["2", "0", "0", "507"]
    assert (runner.workspace / "mirror/octo/tool/v1.0/tool-windows.zip").read_bytes() == b"windows"
    manifest = sqlite3.connect(runner.workspace / ran.outputs["manifest"])
    assert manifest.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert json.loads(Path(ran.outputs["summary"]).read_bytes())["downloaded"] == 2
    assert "| downloaded | skipped |" in ran.page
    assert github.requests_to("api")[0].headers["authorization"].endswith("t0ken-s3cret")
    assert "t0ken" not in ran.log + ran.page


@pytest.mark.usefixtures("release")
def test_a_second_step_installs_and_downloads_nothing(runner: Runner, github: GitHub) -> None:
    assert runner.run("release-mirror", repository="octo/tool").code == 0
    environments = {one: one.stat().st_ctime_ns for one in runner.temporary.glob("toolroll/*/*")}
    github.forget_requests()
    ran = runner.run("release-mirror", repository="octo/tool")
    assert [ran.outputs[name] for name in ("downloaded", "skipped")] == ["0", "2"], ran.log
    assert github.requests_to("asset") == []
    now = {one: one.stat().st_ctime_ns for one in runner.temporary.glob("toolroll/*/*")}
    assert now == environments


def test_inputs_choose_what_is_mirrored(runner: Runner, release: Repository) -> None:
    release.add_release("v2.0").add_asset("tool-linux.tar.gz", b"2")
    release.add_release("nightly").add_asset("tool-linux.tar.gz", b"3")
    ran = runner.run(
        "release-mirror",
        repository="\n  octo/tool  \r\n\n",
        dest="a folder",
        since="2000-01-01",
        tag="v*\nw*",
        include="*.tar.gz\n*.zip",
        exclude="*windows*",
        keep_last="1",
        args="--concurrency=1\n--limit-rate=10M",
    )
    assert ran.code == 0, ran.log
    assert ran.outputs["manifest"] == "a folder/manifest.sqlite"
    found = {one.parent.name for one in runner.workspace.rglob("*.tar.gz")}
    assert (found, ran.outputs["downloaded"]) == ({"v2.0"}, "1")


@pytest.mark.usefixtures("release")
def test_no_input_of_release_mirror_is_more_than_a_value(runner: Runner) -> None:
    dest, lines = " ".join(HOSTILE), "\n".join(HOSTILE)
    inputs = {"tag": f"{lines}\n*", "include": f"{lines}\n*", "exclude": lines}
    ran = runner.run("release-mirror", repository="octo/tool", dest=dest, **inputs)
    assert (ran.code, ran.outputs["downloaded"]) == (0, "2"), ran.log
    assert [one.name for one in runner.workspace.iterdir()] == [dest]
    assert not list(runner.workspace.rglob("pwned"))


@pytest.mark.parametrize("text", ["\n".join(HOSTILE), "--help", ""])
def test_what_is_no_repository_is_refused_and_nothing_else(runner: Runner, text: str) -> None:
    ran = runner.run("release-mirror", repository=text)
    assert (ran.code, ran.outputs["exit-code"], ran.outputs["downloaded"]) == (2, "2", "")
    assert "\nrelease-mirror: " in ran.log
    assert not list(runner.workspace.iterdir())


def test_a_value_of_two_lines_is_two_values_and_no_output_of_its_own(runner: Runner) -> None:
    ran = runner.run("release-mirror", repository="octo/tool", dest="a\nfailed=7\nexit-code<<X")
    assert ran.outputs["manifest"] == "a\nfailed=7\nexit-code<<X/manifest.sqlite"
    assert ran.outputs["exit-code"] == str(ran.code) != "0"


def test_what_upstream_calls_a_file_is_no_command_to_the_runner_and_no_markup(
    runner: Runner, release: Repository, github: GitHub
) -> None:
    asset = release.add_release("v2").add_asset("::error::x [y](javascript:z) |<b>.zip", b"1")
    asset.digest = f"sha256:{'0' * 64}"
    ran = runner.run("release-mirror", repository="octo/tool", args="--retries=0")
    assert (ran.code, ran.outputs["failed"]) == (1, "1"), ran.log
    opening, *said, closing = ran.log.splitlines()
    fence = opening.removeprefix("::stop-commands::")
    assert (len(fence), closing) == (32, f"::{fence}::")
    assert any("::error::x" in line for line in said)
    assert "&#58;&#58;error" in ran.page
    assert not {"<b>", "[y]", "(javascript:"} & set(ran.page.split())
    assert "<b>" not in ran.page
    assert github.requests_to("asset")


@pytest.mark.usefixtures("repo")
def test_a_throttled_run_fails_with_75_or_is_a_warning_if_that_is_allowed(
    runner: Runner, github: GitHub
) -> None:
    for allowed, code in (("false", 75), ("true", 0)):
        github.fault("/releases", throttled(retry_after=3600))
        inputs = {"repository": "octo/tool", "allow_throttled": allowed}
        ran = runner.run("release-mirror", **inputs, args="--max-wait=1s")
        assert (ran.code, ran.outputs["exit-code"]) == (code, "75"), ran.log
        assert ("\n::warning::" in ran.log) == (allowed == "true")


def test_a_cancelled_step_lets_the_tool_clean_up_and_still_reports(
    runner: Runner, github: GitHub, release: Repository
) -> None:
    assert runner.run("release-mirror", repository="octo/tool").code == 0
    release.add_release("v2").add_asset("large.bin", b"x" * 1000)
    stalled = github.fault("", stall_body(after=10), origin="asset")
    step = load("release-mirror")["runs"]["steps"][1]
    values = runner.inputs("release-mirror", {"repository": "octo/tool"})
    (folder,) = runner.temporary.glob("toolroll/release-mirror-*")
    values["steps.install.outputs.bin"] = f"{folder}/bin"
    with runner.start("release-mirror", step, values) as process:
        try:
            assert stalled.reached.wait(30)
            process.send_signal(signal.SIGINT)
            log, _ = process.communicate(timeout=30)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    ran = runner.finished("run", process.returncode, log)
    assert (ran.code, ran.outputs["exit-code"]) == (143, "143"), log
    assert not list(runner.workspace.rglob("large.bin"))
