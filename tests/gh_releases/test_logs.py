import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.gh_releases.conftest import Run
from tests.support import faults
from tests.support.commands import environment, run
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.journals import actions_in, records_in

FIELDS = {"ts", "level", "tool", "action", "target", "duration_ms", "ok", "request_id"}


@pytest.fixture(autouse=True)
def two_pages(repo: Repository) -> None:
    for number in range(101):
        repo.add_release(f"v{number}")


def test_a_log_has_a_record_of_each_request(
    gh_releases: Run, github: GitHub, repo: Repository, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    assert gh_releases("--json", "--log-json", log).code == 0
    first, second = actions_in(log.read_text())
    for record in (first, second):
        assert record.keys() >= FIELDS
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", record["ts"])
        assert record["duration_ms"] > 0
        kept = {key: record[key] for key in ("level", "tool", "action", "ok", "status")}
        assert kept == {
            "level": "info",
            "tool": "gh-releases",
            "action": "request",
            "ok": True,
            "status": 200,
        }
    assert first["target"] == f"{github.api_url}/repos/{repo.full_name}/releases?..."
    assert second["target"] == f"{github.api_url}/repositories/{repo.id}/releases?..."
    assert first["request_id"] == second["request_id"]


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (faults.status(500), {"ok": False, "level": "error", "status": 500}),
        (faults.cut_before_headers(), {"ok": False, "level": "error", "error": "Transient"}),
        (faults.redirect("http://127.0.0.1:1/"), {"ok": False, "error": "Refused"}),
    ],
    ids=lambda value: value.name if isinstance(value, faults.Fault) else "",
)
def test_a_failed_request_is_recorded_as_such(
    gh_releases: Run, github: GitHub, tmp_path: Path, fault: faults.Fault, seen: dict[str, object]
) -> None:
    github.fault("/releases", fault)
    log = tmp_path / "log"
    assert gh_releases("--retries", 0, "--log-json", log).code != 0
    [record] = actions_in(log.read_text())
    assert record.items() >= seen.items()


def test_a_log_is_appended_to_and_each_run_has_its_own_id(
    gh_releases: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    gh_releases("--json", "--log-json", log)
    monkeypatch.setenv("TOOLROLL_LOG", str(log))
    gh_releases("--json")
    monkeypatch.setenv("TOOLROLL_REQUEST_ID", "the-parents")
    gh_releases("--json")
    ids = [record["request_id"] for record in records_in(log.read_text())]
    assert (len(ids), len(set(ids)), ids[-3:]) == (9, 3, ["the-parents"] * 3)


def test_a_log_to_stderr_is_one_record_a_line(github: GitHub) -> None:
    ran = run("gh_releases", "octo/tool", "--api-url", github.api_url, "--log-json", "-")
    actions = [(one["action"], one["ok"]) for one in records_in(ran.stderr)]
    assert actions == [*[("request", True)] * 3, ("run", True)]
    assert ran.stdout.count("\n") == 101


def test_a_log_that_cannot_be_opened_is_said_once_and_the_work_goes_on(
    gh_releases: Run, tmp_path: Path
) -> None:
    log = tmp_path / "no" / "log"
    ran = gh_releases("--log-json", log)
    assert (ran.code, len(ran.tags)) == (0, 101)
    reason = f"the log {log} cannot be written: No such file or directory"
    assert ran.stderr == f"gh-releases: {reason}; going on without\n"


def test_a_log_that_cannot_be_written_is_said_once_and_the_work_goes_on(gh_releases: Run) -> None:
    ran = gh_releases("--log-json", "/dev/full")
    assert (ran.code, len(ran.tags)) == (0, 101)
    assert ran.stderr == (
        "gh-releases: the log cannot be written: No space left on device; going on without\n"
    )


def test_a_log_to_a_stderr_that_is_not_there_stops_no_work(github: GitHub) -> None:
    command = '"$0" -m gh_releases octo/tool --api-url "$1" --log-json - 2>&-'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, github.api_url],
        env=environment({}),
        stdout=subprocess.PIPE,
        check=False,
    )
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 101)


@pytest.mark.parametrize(("arguments", "loaded"), [([], False), (["--log-json", "-"], True)])
def test_structlog_is_loaded_only_for_a_log(
    github: GitHub, arguments: list[str], *, loaded: bool
) -> None:
    code = (
        "import sys; from gh_releases.cli import main; main(sys.argv[1:]); "
        "sys.exit(10 + ('structlog' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "octo/tool", "--api-url", github.api_url, *arguments],
        env=environment({}),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 10 + loaded, done.stderr
