"""Which repositories, releases and assets a run is about, from the command line and a file."""

from pathlib import Path

import pytest

from release_mirror.cli import main
from tests.release_mirror.conftest import Mirror, Ran, files_in
from tests.support import faults
from tests.support.commands import call
from tests.support.github import GitHub
from tests.support.github_data import Repository

TOKEN = "t0ken-s3cret"  # the fixture's


@pytest.fixture
def several(repo: Repository) -> Repository:
    """A repository with some releases of some assets."""
    for tag, fields in {
        "v1.0": {},
        "v2.0-rc1": {"prerelease": True},
        "v2.0": {},
        "v1.1": {},
    }.items():
        release = repo.add_release(tag, **fields)  # type: ignore[arg-type] # it is a bool
        for name in ("tool.deb", "tool.deb.sig", "tool.exe"):
            release.add_asset(name, f"{tag} {name}".encode())
    repo.add_release("draft", draft=True).add_asset("tool.deb", b"x")
    return repo


@pytest.mark.parametrize(
    ("arguments", "tags", "names"),
    [
        ([], "v1.0 v1.1 v2.0", "tool.deb tool.deb.sig tool.exe"),
        (["--prereleases"], "v1.0 v1.1 v2.0 v2.0-rc1", "tool.deb tool.deb.sig tool.exe"),
        (["--tag", "v1.*", "--include", "*.deb"], "v1.0 v1.1", "tool.deb"),
        (["--tag", "v1.0", "--tag", "v2.0", "--include", "*.exe"], "v1.0 v2.0", "tool.exe"),
        (["--keep-last", "1"], "v1.1", "tool.deb tool.deb.sig tool.exe"),
        (["--latest", "--exclude", "*.sig", "--exclude", "*.exe"], "v1.1", "tool.deb"),
        (["--max-size", "13", "--tag", "v1.0"], "v1.0", "tool.deb tool.exe"),
    ],
)  # fmt: skip
def test_options_choose_releases_and_assets(
    several: Repository, mirror: Mirror, dest: Path, arguments: list[str], tags: str, names: str
) -> None:
    assert several.releases
    ran = mirror(*arguments)
    assert (ran.code, ran.json["failed"]) == (0, 0), ran.stderr
    assert files_in(dest) == {
        f"octo/tool/{tag}/{name}" for tag in tags.split() for name in names.split()
    }


def test_a_choice_that_fits_nothing_is_said(several: Repository, mirror: Mirror) -> None:
    assert several.releases
    ran = mirror("--tag", "v9")
    assert (ran.code, ran.counts) == (0, (0, 0, 0))
    assert ran.stderr == "release-mirror: octo/tool: nothing there is wanted\n"


def test_a_narrower_choice_later_removes_nothing(
    several: Repository, mirror: Mirror, dest: Path
) -> None:
    assert several.releases
    mirror()
    before = files_in(dest)
    assert mirror("--keep-last", 1).counts == (0, 3, 0)
    assert files_in(dest) == before


@pytest.mark.parametrize("token", [None, TOKEN])
def test_source_archives_are_mirrored_once_and_trusted_for_nothing(
    github: GitHub,
    repo: Repository,
    mirror: Mirror,
    dest: Path,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
) -> None:
    if token is not None:
        monkeypatch.setenv("GH_TOKEN", token)
    repo.add_release("v1").add_asset("tool", b"x")
    ran = mirror("--source-archives")
    assert ran.counts == (3, 0, 0), ran.stderr
    assert files_in(dest) == {f"octo/tool/v1/{name}" for name in ARCHIVES | {"tool"}}
    github.forget_requests()
    assert mirror("--source-archives").counts == (0, 3, 0)
    assert github.requests_to("asset") == []
    archive = dest / "octo/tool/v1/tool-v1.zip"
    archive.write_bytes(b"damaged")
    github.fault("*zip*", faults.wrong_bytes(), origin="asset")
    assert mirror("--source-archives").counts == (1, 2, 0), "other bytes are no alarm here"
    assert mirror("--source-archives").counts == (0, 3, 0)


ARCHIVES = {"tool-v1.tar.gz", "tool-v1.zip"}


def test_several_repositories_are_mirrored_and_summed_up(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path
) -> None:
    repo.add_release("v1").add_asset("tool", b"x")
    github.add_repository("octo/other").add_release("v1").add_asset("other", b"yy")
    ran = mirror("octo/other", "https://github.com/octo/TOOL/releases")
    assert (ran.code, ran.counts) == (0, (2, 0, 0)), ran.stderr
    assert [one["repository"] for one in ran.json["repositories"]] == ["octo/tool", "octo/other"]
    assert files_in(dest) == {"octo/tool/v1/tool", "octo/other/v1/other"}
    text = mirror("octo/other", json=False).stdout
    assert text.splitlines()[0] == "octo/tool: 0 downloaded, 1 skipped, 0 failed, 0 B"
    assert text.splitlines()[2].startswith("all 2: 0 downloaded, 2 skipped, 0 failed, 0 B in ")


def test_a_repository_that_fails_stops_no_other(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path
) -> None:
    repo.add_release("v1").add_asset("tool", b"x")
    github.fault("/repos/octo/gone", faults.status(404))
    ran = mirror("octo/gone")
    assert (ran.code, ran.counts) == (1, (1, 0, 1))
    assert "octo/gone: not found" in ran.reason
    assert files_in(dest) == {"octo/tool/v1/tool"}


CONFIG = """
dest = "here"
on-replaced = "replace"
concurrency = 3
per-host = 2
limit-rate = "10M"

[defaults]
exclude = ["*.sig"]
keep-last = 1

[[repository]]
name = "octo/tool"
since = 2000-01-01
tags = ["v1.*"]

[[repository]]
name = "octo/other"
keep-last = 2
include = ["other*"]
max-size = "1Ki"
"""


@pytest.fixture
def from_file(
    github: GitHub, several: Repository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Mirror:
    """Runs release-mirror --config with a text and more arguments."""
    assert several.releases
    other = github.add_repository("octo/other")
    for tag in ("v1", "v2", "v3"):
        other.add_release(tag).add_asset("other", tag.encode())

    def run(text: str, *arguments: object) -> Ran:
        path = tmp_path / "etc" / "mirror.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        options = ["--config", path, "--api-url", github.api_url, "--json", *arguments]
        return call(Ran, main, capsys, *options)

    return run


def test_a_file_has_rules_for_each_repository(from_file: Mirror, tmp_path: Path) -> None:
    ran = from_file(CONFIG)
    assert ran.code == 0, ran.stderr
    assert files_in(tmp_path / "etc/here") == {
        "octo/tool/v1.1/tool.deb",
        "octo/tool/v1.1/tool.exe",
        "octo/other/v2/other",
        "octo/other/v3/other",
    }


def test_the_command_line_counts_more_than_the_file(from_file: Mirror, tmp_path: Path) -> None:
    assert from_file(CONFIG, "--dest", tmp_path / "there", "--concurrency", 1).code == 0
    assert files_in(tmp_path / "there")
    assert not (tmp_path / "etc/here").exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names no [[repository]]"),
        ("[[repository]]\nname = 'octo'", "'octo' is not [HOST/]OWNER/REPO"),
        ("[[repository]]\nname = 'octo/tool'\nkeeplast = 1", "unknown field `keeplast`"),
        ("[[repository]]\nname = 'octo/tool'\nkeep-last = 0", "keep-last is 0, not at least 1"),
        ("[[repository]]\nname = 'octo/tool'\nsince = 'soon'", "'soon' is not an ISO 8601 date"),
        ("[[repository]]\nname = 'octo/tool'\nmax-size = 'big'", "'big' is not a size"),
        (
            "[[repository]]\nname = 'octo/tool'\ntags = 'v1'",
            "got `str` - at `$.repository[0].tags`",
        ),
        ("[[repository]]\ntags = ['v1']", "missing required field `name`"),
        ("concurrency = 0\n[[repository]]\nname = 'octo/tool'", "concurrency is 0"),
        ("concurrency = 101\n[[repository]]\nname = 'o/r'", "concurrency is 101, more than 100"),
        ("dest = ''\n[[repository]]\nname = 'octo/tool'", "dest is empty"),
        ("on-replaced = 'x'\n[[repository]]\nname = 'octo/tool'", "Invalid enum value 'x'"),
        ("[[repository]]\nname = 'o/r'\n[[repository]]\nname = 'O/R'", "names a repository twice"),
        ("[[repository", "Expected ']]'"),
    ],
)
def test_a_file_that_is_not_understood_is_refused(
    from_file: Mirror, tmp_path: Path, text: str, reason: str
) -> None:
    ran = from_file(text, "--dest", tmp_path / "there")
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1), ran.stderr
    assert f"{tmp_path}/etc/mirror.toml: " in ran.stderr
    assert reason in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "which repositories?"),
        (["octo/tool"], "where to? Name it with --dest"),
        (["octo/tool", "--config", "x", "--dest", "y"], "which repositories?"),
        (["--config", "/nowhere/x", "--dest", "y"], "/nowhere/x: No such file"),
        (["--config", "x", "--dest", "y", "--latest"], "the rules are those of x"),
        (["verfy", "--dest", "y"], "'verfy' is neither OWNER/REPO nor a command (sync, "),
        (["--dest", "y", "verify"], "the command comes first: release-mirror verify"),
        (["octo/tool", "--dest", "y", "--limit-rate", "fast"], "'fast' is not a size"),
        (["octo/tool", "--dest", "y", "--limit-rate", "0"], "'0' would let nothing through"),
        (["verify", "octo", "--dest", "y"], "'octo' is not [HOST/]OWNER/REPO"),
        (["octo/tool", "--dest", "y", "--on-replaced", "maybe"], "invalid choice: 'maybe'"),
        (["a.example/o/r", "b.example/o/r", "--dest", "y"], "on several servers"),
    ],
)
def test_a_slip_on_the_command_line_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    ran = call(Ran, main, capsys, *arguments)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert reason in ran.stderr


def test_one_repository_under_two_names_is_mirrored_once(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    repo.add_release("v1").add_asset("tool", b"x")
    repo.rename("octo/renamed")
    ran = mirror("octo/renamed")
    assert (ran.code, ran.counts) == (1, (1, 0, 1))
    assert ran.reason == "octo/renamed: is octo/renamed, which is among the others, too"
    assert files_in(dest) == {"octo/renamed/v1/tool"}


def test_rules_that_leave_something_out_are_quiet_about_it(
    several: Repository, mirror: Mirror
) -> None:
    assert several.releases
    ran = mirror("--max-size", 1, "--since", "2000-01-01")
    assert (ran.code, ran.counts, ran.stderr) == (0, (0, 9, 0), "")
    assert mirror("--since", "2999-01-01").stderr == ""
