from pathlib import Path

import pytest

from tests.support import faults
from tests.support.commands import argv
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.terminal import shown_on_a_terminal

ESCAPE = "\x1b"


@pytest.fixture
def command(github: GitHub, dest: Path) -> list[str]:
    return argv("release_mirror", "octo/tool", "--dest", dest, "--api-url", github.api_url)


def test_a_terminal_shows_a_bar_while_it_lasts_and_the_summary_after_it(
    github: GitHub, repo: Repository, command: list[str]
) -> None:
    repo.add_release("v1").add_asset("tool", bytes(1_000_000))
    github.fault("/", faults.slow_body(chunk=250_000, delay=0.1), origin="asset")
    code, shown = shown_on_a_terminal(command)
    assert code == 0
    assert "0 of 1 file" in shown
    assert "1.0 MB" in shown
    summary = shown.splitlines()[-1]
    assert "octo/tool: 1 downloaded, 0 skipped, 0 failed, 1.0 MB in " in summary


def test_no_color_leaves_the_bar_plain(
    github: GitHub, repo: Repository, command: list[str]
) -> None:
    repo.add_release("v1").add_asset("tool", bytes(1_000_000))
    github.fault("/", faults.slow_body(chunk=500_000, delay=0.1), origin="asset")
    code, shown = shown_on_a_terminal(command, NO_COLOR="1")
    assert code == 0
    assert f"{ESCAPE}[38" not in shown
    assert f"{ESCAPE}[32" not in shown


def test_a_name_with_escapes_cannot_steer_the_terminal(
    repo: Repository, command: list[str]
) -> None:
    repo.add_release("v1").add_asset(f"{ESCAPE}]0;owned\x07", b"x", state="open")
    code, shown = shown_on_a_terminal(command)
    assert code == 0
    assert f"{ESCAPE}]0;" not in shown
    assert r"v1/\x1b]0;owned\x07: skipped" in shown
