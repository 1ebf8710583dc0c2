"""The walk: release-mirror."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.observe.walking import Step, Steps, take
from tests.support.commands import run
from tests.support.faults import Fault, stall_body, status, wrong_bytes
from tests.support.github import GitHub
from tests.support.waiting import until

SYNC = "release-mirror octo/tool --dest"

STEPS: Steps = {
    "a repository is mirrored": Step(
        line=f"{SYNC} new --log-json log", actions="request asset mirror"
    ),
    "there is nothing new": Step(line=f"{SYNC} made", actions="request mirror"),
    "a plan is shown": Step(line=f"{SYNC} new --dry-run", actions="request plan"),
    "there is no plan": Step(
        line="release-mirror octo/none --dest new --dry-run",
        code=1,
        outcome="failed",
        actions="request mirror plan",
        failed="request mirror plan",
    ),
    "one of two is not there": Step(
        line="release-mirror octo/tool octo/none --dest new",
        code=1,
        outcome="failed",
        actions="request asset mirror",
        failed="request mirror",
    ),
    "nobody listens": Step(
        line=f"{SYNC} new --retries 0 --api-url http://127.0.0.1:1",
        code=69,
        outcome="unreachable",
        actions="request mirror",
        failed="request mirror",
    ),
    "the mirror is not ours": Step(line=f"{SYNC} junk", code=65, outcome="corrupt"),
    "sync is called badly": Step(line="release-mirror octo/tool", code=2, outcome="usage"),
    "all is well": Step(line="release-mirror verify --dest made", actions="verify"),
    "a file is missing": Step(
        line="release-mirror verify --dest torn",
        code=1,
        outcome="failed",
        actions="finding verify",
        failed="finding verify",
    ),
    "a file is fetched again": Step(
        line="release-mirror verify --repair --dest torn",
        actions="request asset mirror verify",
    ),
    "a manifest is made anew": Step(
        line="release-mirror verify --rebuild --dest made", actions="request asset mirror verify"
    ),
    "there is nothing to verify": Step(
        line="release-mirror verify --dest nowhere",
        code=2,
        outcome="usage",
        actions="verify",
        failed="verify",
    ),
    "it stands well": Step(line="release-mirror status --dest made", actions="status"),
    "it is old": Step(
        line="release-mirror status --max-age 0s --dest made",
        code=1,
        outcome="no",
        actions="status",
    ),
    "there is nothing to tell": Step(
        line="release-mirror status --dest nowhere",
        code=2,
        outcome="usage",
        actions="status",
        failed="status",
    ),
    "what would go is shown": Step(
        line="release-mirror prune --tag v1 --dest made", actions="prune"
    ),
    "a file is removed": Step(
        line="release-mirror prune --tag v1 --yes --dest made", actions="prune remove"
    ),
    "a file that changed stays": Step(
        line="release-mirror prune --tag v1 --yes --dest changed",
        code=1,
        outcome="failed",
        actions="prune remove",
        failed="prune remove",
    ),
    "there is nothing to prune": Step(
        line="release-mirror prune --tag v1 --dest nowhere",
        code=2,
        outcome="usage",
        actions="prune",
        failed="prune",
    ),
    "prune is called badly": Step(line="release-mirror prune --dest made", code=2, outcome="usage"),
    "there is nothing to serve": Step(
        line="release-mirror serve --dest nowhere", code=2, outcome="usage"
    ),
    "serve is called badly": Step(
        line="release-mirror serve --dest made --listen x", code=2, outcome="usage"
    ),
}

FAULTS: dict[str, tuple[Fault, Step]] = {
    name: (
        fault,
        Step(
            line=f"{SYNC} new --retries 0",
            code=code,
            outcome=outcome,
            actions="request asset mirror",
            failed="asset mirror",
        ),
    )
    for name, fault, code, outcome in [
        ("other bytes", wrong_bytes(), 1, "failed"),
        ("a refusal", status(403), 1, "failed"),
    ]
}

TERMINATED: Steps = {
    name: Step(line=line, code=143, outcome="terminated", actions=actions, failed=failed)
    for name, line, actions, failed in [
        ("sync", f"{SYNC} new", "request asset mirror", "asset mirror"),
        (
            "verify",
            "release-mirror verify --repair --dest torn",
            "request asset mirror finding verify",
            "asset mirror finding verify",
        ),
    ]
}

SERVED = Step(
    line="release-mirror serve --listen 127.0.0.1:0 --dest made",
    code=143,
    outcome="terminated",
    actions="request",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mirror of one file."""
    path = tmp_path_factory.mktemp("made") / "mirror"
    with GitHub() as github:
        fill(github)
        done = run("release_mirror", "octo/tool", "--dest", path, GITHUB_API_URL=github.api_url)
    assert done.code == 0, done.stderr
    return path


def fill(github: GitHub) -> None:
    """Let it have one repository, with one file."""
    github.add_repository("octo/tool").add_release("v1").add_asset("tool", b"bytes")


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Mirrors: one that is whole, one without its file, one with another, and none."""
    for name in ("made", "torn", "changed"):
        shutil.copytree(made, tmp_path / name, copy_function=shutil.copy2)
    (tmp_path / "torn/octo/tool/v1/tool").unlink()
    (tmp_path / "changed/octo/tool/v1/tool").write_bytes(b"other bytes")
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk/manifest.sqlite").write_bytes(b"junk" * 1000)
    return tmp_path


@pytest.fixture
def served() -> Iterator[GitHub]:
    with GitHub() as github:
        fill(github)
        yield github


def where(github: GitHub) -> dict[str, str]:
    return {"GITHUB_API_URL": github.api_url}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_each_request_file_and_repository_and_the_run_are_recorded(
    served: GitHub, folder: Path, step: Step
) -> None:
    take(step, folder, where(served))


@pytest.mark.parametrize(("fault", "step"), FAULTS.values(), ids=FAULTS)
def test_a_file_that_does_not_come_is_recorded(
    served: GitHub, folder: Path, fault: Fault, step: Step
) -> None:
    served.fault("asset", fault)
    take(step, folder, where(served))


@pytest.mark.parametrize("step", TERMINATED.values(), ids=TERMINATED)
def test_a_download_that_is_terminated_is_recorded(
    served: GitHub, folder: Path, step: Step
) -> None:
    served.fault("asset", stall_body(after=2))

    def asked(_pid: int) -> None:
        until(lambda: bool(served.requests_to("asset")))

    take(step, folder, where(served), until=asked)


def test_a_server_records_each_request_and_its_end(folder: Path) -> None:
    def asked(_pid: int) -> None:
        url = url_in(folder / "stdout")
        with urlopen(f"{url}/octo/tool/releases/download/v1/tool", timeout=30) as answer:
            assert answer.read() == b"bytes"

    take(SERVED, folder, until=asked)


def url_in(path: Path) -> str:
    """Return what a server says once it listens."""
    until(lambda: path.read_text().endswith("\n"))
    return path.read_text().strip()
