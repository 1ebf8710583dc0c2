"""Removing by a policy: shown first, and never what the mirror did not write."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from release_mirror.cli import main
from tests.release_mirror.conftest import Mirror, Ran, files_in
from tests.support.commands import call
from tests.support.github import GitHub
from tests.support.github_data import Repository

Prune = Callable[..., Ran]


@pytest.fixture
def prune(dest: Path, capsys: pytest.CaptureFixture[str]) -> Prune:
    """Runs release-mirror prune with more arguments."""

    def run(*arguments: object, json: bool = True) -> Ran:
        options = ["prune", "--dest", dest, *arguments, *(["--json"] if json else [])]
        return call(Ran, main, capsys, *options)

    return run


@pytest.fixture
def mirrored(repo: Repository, mirror: Mirror) -> Repository:
    """Four releases of two assets, all mirrored."""
    for number, tag in enumerate(["v1", "v2-rc", "v2", "v3"], 1):
        release = repo.add_release(
            tag, published_at=f"2024-0{number}-01T00:00:00Z", prerelease=tag == "v2-rc"
        )
        for name in ("tool.deb", "tool.exe"):
            release.add_asset(name, f"{tag} {name}".encode())
    assert mirror("--prereleases").counts == (8, 0, 0)
    return repo


def both(*tags: str) -> set[str]:
    return {f"octo/tool/{tag}/{name}" for tag in tags for name in ("tool.deb", "tool.exe")}


@pytest.mark.parametrize(
    ("arguments", "removed"),
    [
        (["--keep-last", 1], both("v1", "v2-rc", "v2")),
        (["--keep-last", 9], set()),
        (["--before", "2024-02-01"], both("v1")),
        (["--before", "2024-02-01T00:00:01Z"], both("v1", "v2-rc")),
        (["--prereleases"], both("v2-rc")),
        (["--tag", "v2*"], both("v2-rc", "v2")),
        (["--tag", "v2*", "--keep-last", 2], both("v2-rc")),
        (["--include", "*.exe", "--tag", "v1"], {"octo/tool/v1/tool.exe"}),
        (["--gone"], set()),
    ],
)
def test_only_what_fits_all_conditions_is_removed(
    mirrored: Repository, prune: Prune, dest: Path, arguments: list[object], removed: set[str]
) -> None:
    assert mirrored.releases
    before = files_in(dest)
    shown = prune(*arguments)
    assert (shown.code, shown.json["would_remove"]) == (0, len(removed))
    assert {one["path"] for one in shown.json["files"]} == removed
    assert files_in(dest) == before, "without --yes nothing happens"
    done = prune(*arguments, "--yes")
    assert (done.code, done.json["removed"]) == (0, len(removed))
    assert files_in(dest) == before - removed
    assert prune(*arguments, "--yes").json["removed"] == 0


def test_what_is_shown_says_how_to_do_it(mirrored: Repository, prune: Prune) -> None:
    assert mirrored.releases
    ran = prune("--tag", "v1", json=False)
    assert ran.stdout.splitlines() == [
        "would remove       11 B  octo/tool/v1/tool.deb",
        "would remove       11 B  octo/tool/v1/tool.exe",
        "would remove 2 files, 22 B (--yes does it)",
    ]
    assert prune("--tag", "v1", "--yes", json=False).stdout.endswith("removed 2 files, 22 B\n")


def test_a_policy_is_needed(mirrored: Repository, prune: Prune) -> None:
    assert mirrored.releases
    ran = prune("--yes")
    assert (ran.code, ran.stderr.count("\n")) == (2, 1)
    assert "which files? Name a condition" in ran.stderr


def test_folders_that_are_empty_and_sums_of_nothing_go_too(
    mirrored: Repository, prune: Prune, dest: Path
) -> None:
    assert mirrored.releases
    prune("--tag", "v1", "--yes")
    prune("--tag", "v2", "--include", "*.exe", "--yes")
    assert not (dest / "octo/tool/v1").exists()
    sums = (dest / "octo/tool/v2/SHA256SUMS").read_text()
    assert "tool.deb" in sums
    assert "tool.exe" not in sums
    prune("--keep-last", 9, "--yes")
    prune("--tag", "*", "--yes")
    assert [path.name for path in dest.iterdir() if not path.is_file()] == []


def test_what_is_gone_upstream_is_removed_only_when_asked(
    mirrored: Repository, mirror: Mirror, prune: Prune, dest: Path
) -> None:
    release = mirrored.tagged("v1")
    assert release
    release.delete()
    mirror("--prereleases")
    assert both("v1") <= files_in(dest)
    assert prune("--gone", "--yes").json["removed"] == 2
    assert not both("v1") & files_in(dest)


def test_a_file_that_the_mirror_did_not_write_is_never_removed(
    mirrored: Repository, prune: Prune, dest: Path, tmp_path: Path
) -> None:
    assert mirrored.releases
    folder = dest / "octo/tool/v1"
    (folder / "notes.txt").write_text("a person's")
    (folder / "tool.deb").write_text("a person's")
    ran = prune("--tag", "v1", "--yes")
    assert (ran.code, ran.json["removed"]) == (1, 1)
    assert "octo/tool/v1/tool.deb: not removed: it is not what the mirror wrote" in ran.stderr
    assert sorted(path.name for path in folder.iterdir()) == [
        "SHA256SUMS",
        "notes.txt",
        "tool.deb",
    ]
    (tmp_path / "outside").mkdir()
    precious = tmp_path / "outside" / "tool.deb"
    precious.write_bytes((dest / "octo/tool/v3/tool.deb").read_bytes())
    (dest / "octo/tool/v3").rename(tmp_path / "v3")
    (dest / "octo/tool/v3").symlink_to(tmp_path / "outside")
    assert prune("--tag", "v3", "--yes").code == 1
    assert precious.exists()


def test_a_file_with_another_date_but_the_same_bytes_is_ours(
    mirrored: Repository, prune: Prune, dest: Path
) -> None:
    assert mirrored.releases
    os.utime(dest / "octo/tool/v1/tool.deb", ns=(1, 1))
    assert prune("--tag", "v1", "--yes").json["removed"] == 2


def test_what_was_pruned_is_fetched_again_if_it_is_wanted_again(
    mirrored: Repository, mirror: Mirror, prune: Prune, dest: Path
) -> None:
    assert mirrored.releases
    prune("--keep-last", 1, "--yes")
    assert mirror("--keep-last", 1).counts == (0, 2, 0)
    planned = mirror("--tag", "v1", "--dry-run").json["plan"]
    assert "and wanted again" in planned[0]["reason"]
    assert mirror("--tag", "v1").counts == (2, 0, 0)
    assert both("v1", "v3") == files_in(dest)


def test_digestless_files_must_come_back_as_they_were(
    repo: Repository, mirror: Mirror, prune: Prune, dest: Path
) -> None:
    repo.add_release("v1").add_asset("tool", b"x", digest=False)
    mirror()
    prune("--tag", "v1", "--yes")
    with closing(sqlite3.connect(dest / "manifest.sqlite")) as connection, connection:
        connection.execute("UPDATE files SET sha256 = ?", ("0" * 64,))
    ran = mirror()
    assert ran.code == 1
    assert "sha256 is" in ran.reason


def test_the_rules_of_a_file_say_what_is_wanted(
    github: GitHub, mirrored: Repository, mirror: Mirror, prune: Prune, dest: Path, tmp_path: Path
) -> None:
    assert mirrored.releases
    github.add_repository("octo/other").add_release("v1").add_asset("other", b"x")
    mirror(repository="octo/other")
    config = tmp_path / "mirror.toml"
    config.write_text("[[repository]]\nname = 'octo/tool'\nkeep-last = 1\nexclude = ['*.exe']\n")
    ran = prune("--config", config, "octo/tool", "--yes")
    assert (ran.code, ran.json["removed"]) == (0, 7)
    assert files_in(dest) == {"octo/tool/v3/tool.deb", "octo/other/v1/other"}
    assert prune("--config", config, "--yes").json["removed"] == 1, "it names no octo/other"


def test_what_a_file_of_rules_finds_too_large_is_not_fetched_again(
    repo: Repository, mirror: Mirror, prune: Prune, tmp_path: Path
) -> None:
    release = repo.add_release("v1")
    for size in (1, 5000):
        release.add_asset(f"of {size}", bytes(size))
    mirror()
    config = tmp_path / "mirror.toml"
    config.write_text("[[repository]]\nname = 'octo/tool'\nmax-size = '1k'\n")
    assert prune("--config", config, "--yes").json["removed"] == 1
    assert mirror("--max-size", "1k").counts == (0, 2, 0)


def test_rules_for_an_earlier_name_remove_nothing(
    repo: Repository, mirror: Mirror, prune: Prune, dest: Path, tmp_path: Path
) -> None:
    repo.add_release("v1").add_asset("tool", b"x")
    repo.rename("octo/renamed")
    mirror()
    config = tmp_path / "mirror.toml"
    config.write_text("[[repository]]\nname = 'octo/tool'\n")
    ran = prune("--config", config, "--yes", json=False)
    assert (ran.code, ran.stdout) == (2, "")
    assert "name octo/tool, which is not mirrored here, and not octo/renamed" in ran.stderr
    assert files_in(dest) == {"octo/renamed/v1/tool"}


def test_what_has_only_its_earlier_name_here_is_not_gone(
    repo: Repository, mirror: Mirror, prune: Prune, dest: Path
) -> None:
    release = repo.add_release("v1")
    first, second = release.add_asset("first", b"1"), release.add_asset("second", b"2")
    third = release.add_asset("third", b"3")
    mirror()
    first.delete()
    second.rename("first")
    third.rename("lost")
    assert mirror().json["replaced"] == 1, "it is not stored under the name of the first"
    (dest / "octo/tool/v1/lost").unlink()
    assert prune("--gone", "--yes").json["removed"] == 1
    assert files_in(dest) == {"octo/tool/v1/second", "octo/tool/v1/third"}


def test_rules_that_want_the_latest_remove_nothing_while_nobody_knows_it(
    mirrored: Repository, prune: Prune, dest: Path, tmp_path: Path
) -> None:
    assert mirrored.releases
    with closing(sqlite3.connect(dest / "manifest.sqlite")) as connection, connection:
        connection.execute("DELETE FROM runs")  # as in a manifest of an earlier version
    config = tmp_path / "mirror.toml"
    config.write_text("[[repository]]\nname = 'octo/tool'\nlatest = true\n")
    ran = prune("--config", config, "--yes", json=False)
    assert (ran.code, ran.stdout) == (2, "")
    assert "octo/tool: which release is its latest is not known: sync first" in ran.stderr
    assert files_in(dest) == both("v1", "v2-rc", "v2", "v3")
