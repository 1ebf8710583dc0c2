from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from release_mirror.cli import main
from release_mirror.status import Standing, stale
from tests.release_mirror.conftest import Mirror, Ran
from tests.support import faults
from tests.support.commands import call
from tests.support.github import GitHub
from tests.support.github_data import Repository

Status = Callable[..., Ran]


@pytest.fixture
def status(dest: Path, capsys: pytest.CaptureFixture[str]) -> Status:
    """Runs release-mirror status with more arguments."""

    def run(*arguments: object, json: bool = True) -> Ran:
        options = ["status", "--dest", dest, *arguments, *(["--json"] if json else [])]
        return call(Ran, main, capsys, *options)

    return run


def test_it_tells_what_is_mirrored_how_large_and_how_fresh(
    github: GitHub, repo: Repository, mirror: Mirror, status: Status
) -> None:
    first = repo.add_release("v1")
    first.add_asset("tool", b"one")
    second = repo.add_release("v2", published_at=first.published_at)
    second.add_asset("tool", b"three", digest=False)
    github.add_repository("octo/other").add_release("v9").add_asset("other", b"x")
    mirror("octo/other")
    ran = status()
    assert (ran.code, ran.json["files"], ran.json["bytes"]) == (0, 3, 9)
    other, tool = ran.json["repositories"]
    assert (other["repository"], other["newest_tag"]) == ("octo/other", "v9")
    assert (tool["releases"], tool["files"]) == (2, 2)
    assert (tool["newest_tag"], tool["unchecked"], tool["failed"]) == ("v2", 1, 0)
    assert tool["complete_at"] == tool["finished_at"]
    rows = [line.split("\t") for line in status(json=False).stdout.splitlines()]
    assert rows[1][:6] == ["octo/tool", "2", "2", "8", "0", "v2"]


def test_a_run_with_a_failure_is_not_complete(
    github: GitHub, repo: Repository, mirror: Mirror, status: Status
) -> None:
    asset = repo.add_release("v1").add_asset("tool", b"x")
    github.fault(f"/{asset.id}", faults.status(404), origin="asset")
    assert mirror().code == 1
    [tool] = status().json["repositories"]
    assert (tool["failed"], tool["complete_at"], tool["files"]) == (1, None, 0)
    assert tool["finished_at"] is not None
    late = status("--max-age", "1d")
    assert (late.code, late.json["repositories"][0]["stale"]) == (1, True)
    assert late.stderr == "release-mirror: octo/tool: the last complete run never was\n"
    assert mirror().code == 0
    assert status("--max-age", "1d").code == 0


def test_what_is_gone_upstream_counts(repo: Repository, mirror: Mirror, status: Status) -> None:
    asset = repo.add_release("v1").add_asset("tool", b"x")
    mirror()
    asset.delete()
    mirror()
    [tool] = status().json["repositories"]
    assert (tool["files"], tool["gone_files"]) == (1, 1)


def test_a_folder_that_is_no_mirror_is_refused(status: Status, dest: Path) -> None:
    ran = status()
    assert (ran.code, ran.stdout) == (2, "")
    assert f"{dest}: is no mirror" in ran.stderr


@pytest.mark.parametrize(("age_h", "expected"), [(1, False), (23, False), (25, True), (None, True)])
def test_staleness_is_about_the_last_complete_run(*, age_h: int | None, expected: bool) -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    at = None if age_h is None else (now - timedelta(hours=age_h)).isoformat()
    one = Standing(
        repository="o/r",
        releases=1,
        files=1,
        bytes=1,
        gone_files=0,
        newest_tag=None,
        newest_published_at=None,
        unchecked=0,
        gone_at=None,
        finished_at=at,
        failed=0,
        complete_at=at,
    )
    assert bool(stale([one], max_age_s=24 * 3600, now=now)) == expected
