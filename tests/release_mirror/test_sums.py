"""Our own SHA256SUMS in each release's folder, for the real sha256sum."""

import subprocess
from pathlib import Path

import pytest

from tests.release_mirror.conftest import Mirror, files_in
from tests.support import faults
from tests.support.github import GitHub
from tests.support.github_data import Repository

FOLDER = "octo/tool/v1"
TOKEN = "t0ken-s3cret"  # the fixture's


def check(folder: Path, name: str = "SHA256SUMS") -> list[str]:
    """The files that sha256sum finds to be right; it fails for any other."""
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", name],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return [line.removesuffix(": OK") for line in done.stdout.splitlines()]


def test_sha256sum_finds_every_file_right_whatever_its_name(
    repo: Repository, mirror: Mirror, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)  # the API's addresses hold no names to trip over
    release = repo.add_release("v1")
    names = [
        "tool.zip",
        "Tool.ZIP",
        "a b",
        "n" * 300,
        "back\\slash",
        "new\nline",
        "\u00e4",
        ".hidden",
    ]
    for name in names:
        release.add_asset(name, name.encode())
    assert mirror().counts == (len(names), 0, 0)
    assert len(check(dest / FOLDER)) == len(names)
    assert len({path.lower() for path in files_in(dest)}) == len(names), "on any system"
    assert mirror().counts == (0, len(names), 0)


def test_it_is_written_only_when_it_has_to_be(repo: Repository, mirror: Mirror, dest: Path) -> None:
    repo.add_release("v1").add_asset("one", b"1")
    other = repo.add_release("v2")
    other.add_asset("one", b"1")
    mirror()
    before = {path: path.stat().st_mtime_ns for path in dest.rglob("SHA256SUMS")}
    mirror()
    other.add_asset("two", b"2")
    mirror()
    changed = [path for path in before if path.stat().st_mtime_ns != before[path]]
    assert changed == [dest / "octo/tool/v2/SHA256SUMS"]
    assert check(dest / "octo/tool/v2") == ["one", "two"]


@pytest.mark.parametrize("spoilt", [None, b"", b"nonsense"])
def test_it_is_made_anew_when_it_is_lost_or_spoilt(
    repo: Repository, mirror: Mirror, dest: Path, spoilt: bytes | None
) -> None:
    repo.add_release("v1").add_asset("one", b"1")
    mirror()
    (dest / FOLDER / "SHA256SUMS").unlink()
    if spoilt is not None:
        (dest / FOLDER / "SHA256SUMS").write_bytes(spoilt)
    assert mirror().code == 0
    assert check(dest / FOLDER) == ["one"]


def test_somebodys_own_file_of_that_name_is_left_alone_and_named(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    repo.add_release("v1").add_asset("one", b"1")
    (dest / FOLDER).mkdir(parents=True)
    (dest / FOLDER / "SHA256SUMS").write_text("a person's")
    ran = mirror()
    assert (ran.code, ran.json["downloaded"]) == (1, 1)
    assert "another file is in its place" in ran.reason
    assert "octo/tool: v1/SHA256SUMS: another file is in its place" in ran.stderr
    assert (dest / FOLDER / "SHA256SUMS").read_text() == "a person's"


def test_a_release_that_gets_a_sha256sums_of_its_own_has_both(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    release = repo.add_release("v1")
    release.add_asset("one", b"1")
    mirror()
    published = f"{(dest / FOLDER / 'SHA256SUMS').read_text().split()[0]} *one\n"
    release.add_asset("SHA256SUMS", published.encode())
    assert mirror().counts == (1, 1, 0)
    assert mirror().counts == (0, 2, 0)
    assert (dest / FOLDER / "SHA256SUMS").read_text() == published
    assert check(dest / FOLDER, "SHA256SUMS.mirror") == ["SHA256SUMS", "one"]


def test_a_file_that_failed_is_not_in_it(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path
) -> None:
    release = repo.add_release("v1")
    release.add_asset("right", b"1")
    wrong = release.add_asset("wrong", b"2")
    github.fault(f"/{wrong.id}", faults.wrong_bytes(), origin="asset")
    assert mirror().code == 1
    assert check(dest / FOLDER) == ["right"]
