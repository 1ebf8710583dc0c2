"""The walk: gh-releases and artifact-index."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observe.walking import Step, Steps, take
from tests.support.commands import run
from tests.support.faults import Fault, stall_headers, status, throttled
from tests.support.github import GitHub
from tests.support.waiting import until

STEPS: Steps = {
    "releases are listed": Step(
        line="gh-releases octo/tool --json --log-json log", actions="request"
    ),
    "there is no such repository": Step(
        line="gh-releases octo/none", code=1, outcome="failed", actions="request", failed="request"
    ),
    "nobody listens": Step(
        line="gh-releases octo/tool --retries 0 --api-url http://127.0.0.1:1",
        code=69,
        outcome="unreachable",
        actions="request",
        failed="request",
    ),
    "gh-releases is called badly": Step(line="gh-releases octo", code=2, outcome="usage"),
    "a repository is synced": Step(
        line="artifact-index sync octo/tool --db new", actions="request sync"
    ),
    "one of two is not there": Step(
        line="artifact-index octo/tool octo/none --db new",
        code=1,
        outcome="failed",
        actions="request sync",
        failed="request sync",
    ),
    "sync is called badly": Step(line="artifact-index sync --db db", code=2, outcome="usage"),
    "there is nothing to sync": Step(
        line="artifact-index sync --all --db nowhere", code=2, outcome="usage"
    ),
    "the database is not ours": Step(
        line="artifact-index octo/tool --db junk", code=65, outcome="corrupt"
    ),
    **{
        f"{action} works": Step(line=f"artifact-index {line} --db db", actions=action)
        for action, line in [
            ("export", "export --csv out.csv"),
            ("status", "status --json"),
            ("changes", "changes --ndjson"),
            ("verify", "verify"),
        ]
    },
    **{
        f"{action} has no database": Step(
            line=f"artifact-index {line} --db nowhere",
            code=2,
            outcome="usage",
            actions=action,
            failed=action,
        )
        for action, line in [
            ("export", "export --ndjson -"),
            ("status", "status"),
            ("changes", "changes"),
            ("verify", "verify"),
        ]
    },
    "it verifies what is not ours": Step(
        line="artifact-index verify --db junk",
        code=65,
        outcome="corrupt",
        actions="verify",
        failed="verify",
    ),
    "export is called badly": Step(line="artifact-index export", code=2, outcome="usage"),
    "there is no such command": Step(line="artifact-index nonsense", code=2, outcome="usage"),
}

FAULTS: dict[str, tuple[Fault, Step]] = {
    "a failure that passes": (
        status(502),
        Step(line="gh-releases octo/tool --json", actions="request", failed="request"),
    ),
    "a limit": (
        throttled(retry_after=60),
        Step(
            line="gh-releases octo/tool --max-wait 0",
            code=75,
            outcome="try_later",
            actions="request",
            failed="request",
        ),
    ),
    "a limit in the middle": (
        throttled(retry_after=60),
        Step(
            line="artifact-index octo/tool octo/other --max-wait 0 --db new",
            code=75,
            outcome="try_later",
            actions="request sync",
            failed="request sync",
        ),
    ),
}

TERMINATED: Steps = {
    tool: Step(line=line, code=143, outcome="terminated", actions=actions, failed=actions)
    for tool, line, actions in [
        ("gh-releases", "gh-releases octo/tool", "request"),
        ("artifact-index", "artifact-index octo/tool --db new", "request sync"),
    ]
}


STILL_GONE = Step(line="artifact-index --all --db new", actions="request sync", failed="request")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of one repository."""
    path = tmp_path_factory.mktemp("made") / "db"
    with GitHub() as github:
        github.add_repository("octo/tool").add_release("v1").add_asset("tool", b"bytes")
        done = run("artifact_index", "octo/tool", "--db", path, GITHUB_API_URL=github.api_url)
    assert done.code == 0, done.stderr
    return path


@pytest.fixture
def folder(database: Path, tmp_path: Path) -> Path:
    shutil.copy(database, tmp_path / "db")
    (tmp_path / "junk").write_bytes(b"junk" * 1000)
    return tmp_path


@pytest.fixture
def served() -> Iterator[GitHub]:
    """A stand-in with a repository that has a release, and one that has none."""
    with GitHub() as github:
        github.add_repository("octo/tool").add_release("v1").add_asset("tool", b"bytes")
        github.add_repository("octo/other")
        yield github


def where(github: GitHub) -> dict[str, str]:
    return {"GITHUB_API_URL": github.api_url}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_each_request_each_repository_and_the_run_are_recorded(
    served: GitHub, folder: Path, step: Step
) -> None:
    take(step, folder, where(served))


@pytest.mark.parametrize(("fault", "step"), FAULTS.values(), ids=FAULTS)
def test_what_github_fails_to_answer_is_recorded(
    served: GitHub, folder: Path, fault: Fault, step: Step
) -> None:
    served.fault("/octo/tool", fault)
    take(step, folder, where(served))


@pytest.mark.parametrize("step", TERMINATED.values(), ids=TERMINATED)
def test_a_request_that_is_terminated_is_recorded(served: GitHub, folder: Path, step: Step) -> None:
    served.fault("/octo/tool", stall_headers())

    def asked(_pid: int) -> None:
        until(lambda: bool(served.requests))

    take(step, folder, where(served), until=asked)


def test_a_repository_that_is_still_gone_is_no_failure(served: GitHub, folder: Path) -> None:
    def sync(*arguments: str) -> int:
        words = (*arguments, "--db", folder / "new")
        return run("artifact_index", *words, GITHUB_API_URL=served.api_url).code

    assert sync("octo/tool") == 0
    served.fault("/octo/tool", status(404), times=2)
    assert sync("--all") == 1
    take(STILL_GONE, folder, where(served))
    assert '"outcome": "gone"' in (folder / "log").read_text()
