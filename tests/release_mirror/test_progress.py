"""What people see of a run while it lasts, and machines do not."""

import pytest

from release_mirror.progress import Lines
from tests.release_mirror.conftest import Mirror
from tests.support import faults
from tests.support.commands import argv
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.terminal import shown_on_a_terminal

SIZE = 5_000_000


def test_lines_tell_how_far_it_is_every_so_often() -> None:
    said: list[str] = []
    now = 0.0
    lines = Lines(said.append, every=10.0, clock=lambda: now)
    lines.begin(2, 3_000_000)
    for second in range(1, 31):
        now = float(second)
        lines.advance("a", None, 100_000)
        if second == 15:
            lines.end("a")
    assert said == [
        "0 of 2 files, 1.0 MB of 3.0 MB, 100.0 kB/s",
        "1 of 2 files, 2.0 MB of 3.0 MB, 100.0 kB/s",
        "1 of 2 files, 3.0 MB of 3.0 MB, 100.0 kB/s",
    ]


@pytest.mark.parametrize("arguments", [[], ["--progress", "none"], ["--progress", "lines"]])
def test_a_run_that_is_over_soon_says_nothing_on_stderr(
    repo: Repository, mirror: Mirror, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setenv("CI", "true")
    repo.add_release("v1").add_asset("tool", bytes(SIZE))
    ran = mirror(*arguments)
    assert (ran.code, ran.stderr) == (0, "")


@pytest.mark.parametrize(("arguments", "shown"), [([], True), (["--progress", "none"], False)])
def test_a_terminal_has_a_bar_for_each_large_file(
    *, github: GitHub, repo: Repository, dest: object, arguments: list[str], shown: bool
) -> None:
    release = repo.add_release("v1")
    large = release.add_asset("large", bytes(SIZE))
    release.add_asset("small", b"x")
    slow = faults.slow_body(chunk=1_000_000, delay=0.1)
    github.fault(f"/{large.id}", slow, origin="asset")
    command = argv("release_mirror", "octo/tool", "--dest", dest, "--api-url", github.api_url)
    code, screen = shown_on_a_terminal([*command, *arguments])
    assert code == 0
    assert ("v1/large" in screen, "of 2 files" in screen) == (shown, shown)
    assert "v1/small" not in screen


def test_verify_shows_how_far_it_is_on_a_terminal(
    repo: Repository, mirror: Mirror, dest: object
) -> None:
    repo.add_release("v1").add_asset("large", bytes(SIZE))
    mirror()
    code, screen = shown_on_a_terminal(argv("release_mirror", "verify", "--dest", dest))
    assert code == 0
    assert "2 files" in screen
