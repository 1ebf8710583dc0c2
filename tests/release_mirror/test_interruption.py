import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.release_mirror.conftest import Mirror, files_in
from tests.support import faults
from tests.support.commands import argv
from tests.support.github import GitHub
from tests.support.github_data import Asset, Repository

PATIENCE_S = 30  # for a process to end or a fault to be met; never reached when all is well


@pytest.fixture(autouse=True)
def stuck(repo: Repository) -> Asset:
    """One of three assets."""
    release = repo.add_release("v1")
    assets = [release.add_asset(name, name.encode() * 100_000) for name in ("one", "stuck", "two")]
    return assets[1]


@contextmanager
def stuck_mirror(github: GitHub, dest: Path, stuck: Asset) -> Iterator["subprocess.Popen[str]"]:
    """A run in a process of its own that hangs in the middle of one download."""
    fault = github.fault(f"/{stuck.id}", faults.stall_body(after=150_000), origin="asset")
    command = argv("release_mirror", "octo/tool", "--dest", dest, "--api-url", github.api_url)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert fault.reached.wait(PATIENCE_S)
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_an_interrupted_run_cleans_up_and_the_next_one_goes_on(
    github: GitHub, dest: Path, stuck: Asset, mirror: Mirror, number: int, code: int, word: str
) -> None:
    with stuck_mirror(github, dest, stuck) as process:
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert stdout.startswith("octo/tool: ")
    assert "what is in place or has arrived stays; run it again to go on" in stderr
    assert stderr.endswith(f"release-mirror: {word}\n")
    assert files_in(dest) <= {"octo/tool/v1/one", "octo/tool/v1/two"}
    ran = mirror()
    assert ran.json["downloaded"] + ran.json["skipped"] == 3
    assert files_in(dest) == {f"octo/tool/v1/{name}" for name in ("one", "stuck", "two")}


def test_a_killed_run_leaves_no_wrong_file_and_the_next_one_tidies_up(
    github: GitHub, dest: Path, stuck: Asset, mirror: Mirror
) -> None:
    with stuck_mirror(github, dest, stuck) as process:
        process.kill()
    assert "octo/tool/v1/stuck" not in files_in(dest)
    assert mirror().code == 0
    assert files_in(dest) == {f"octo/tool/v1/{name}" for name in ("one", "stuck", "two")}


def test_a_second_run_on_the_same_dest_refuses_and_names_the_first(
    github: GitHub, dest: Path, stuck: Asset, mirror: Mirror
) -> None:
    with stuck_mirror(github, dest, stuck) as process:
        ran = mirror()
        assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (75, "", 1)
        assert f"another release-mirror (process {process.pid}) is working in it" in ran.stderr
        assert mirror("--dry-run").code == 0, "looking is allowed"
    assert mirror().code == 0, "the lock died with its process"


def test_a_file_that_was_renamed_but_not_recorded_is_not_downloaded_again(
    github: GitHub, dest: Path, mirror: Mirror
) -> None:
    mirror()
    (dest / "manifest.sqlite").unlink()
    github.forget_requests()
    assert mirror().counts == (0, 3, 0)
    assert github.requests_to("asset") == []
