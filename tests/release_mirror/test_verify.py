"""Checking a mirror, repairing it, and making its manifest anew."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from release_mirror.cli import main
from tests.release_mirror.conftest import Mirror, Ran, files_in
from tests.support import faults
from tests.support.commands import call
from tests.support.github import GitHub
from tests.support.github_data import Release, Repository

Verify = Callable[..., Ran]


@pytest.fixture
def verify(github: GitHub, dest: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Runs release-mirror verify with more arguments."""

    def run(*arguments: object, json: bool = True) -> Ran:
        options = ["verify", "--dest", dest, "--api-url", github.api_url, *arguments]
        return call(Ran, main, capsys, *options, *(["--json"] if json else []))

    return run


@pytest.fixture
def release(repo: Repository, mirror: Mirror) -> Release:
    """A release of three assets that is mirrored."""
    release = repo.add_release("v1")
    for name in ("one", "two", "three"):
        release.add_asset(name, f"content of {name}".encode())
    assert mirror().code == 0
    return release


def findings(ran: Ran) -> dict[str, str]:
    """What is the matter with which path."""
    return {one["path"]: one["kind"] for one in ran.json["findings"]}


def make_pipe(path: Path) -> None:
    """Put a named pipe in a file's place."""
    path.unlink()
    os.mkfifo(path)


def damage(path: Path) -> None:
    """Change a file so that neither its size nor its date tells."""
    status, content = path.stat(), path.read_bytes()
    path.write_bytes(bytes([content[0] ^ 0xFF]) + content[1:])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_sound_mirror_is_checked_without_network(
    github: GitHub, release: Release, verify: Verify
) -> None:
    assert release.tag == "v1"
    github.forget_requests()
    ran = verify()
    assert (ran.code, ran.json["checked"], ran.json["findings"]) == (0, 4, [])
    assert github.requests == []
    text = verify(json=False).stdout
    assert text.startswith("checked 4 files, ")
    assert text.endswith("0 missing, 0 changed, 0 orphaned, 0 unrecorded\n")


def test_each_kind_of_trouble_is_named(
    release: Release, verify: Verify, mirror: Mirror, dest: Path
) -> None:
    folder = dest / "octo/tool/v1"
    release.named("three").delete()  # type: ignore[union-attr] # it is there
    mirror()
    (folder / "one").unlink()
    damage(folder / "two")
    (folder / "extra").write_text("x")
    (dest / "octo/tool/link").symlink_to("v1")
    ran = verify()
    assert ran.code == 1
    assert findings(ran) == {
        "octo/tool/v1/one": "missing",
        "octo/tool/v1/two": "changed",
        "octo/tool/v1/three": "orphaned",
        "octo/tool/v1/extra": "unrecorded",
        "octo/tool/link": "unrecorded",
    }
    text = verify(json=False).stdout
    assert "missing     octo/tool/v1/one  (is not there)\n" in text
    assert "changed     octo/tool/v1/two  (sha256 is " in text
    assert "1 missing, 1 changed, 1 orphaned, 2 unrecorded" in text


@pytest.mark.parametrize(("arguments", "code"), [([], 0), (["--strict"], 1)])
def test_a_file_that_is_not_recorded_fails_only_a_strict_check(
    release: Release, verify: Verify, dest: Path, arguments: list[str], code: int
) -> None:
    assert release.tag == "v1"
    (dest / "README.html").write_text("a person's")
    ran = verify(*arguments)
    assert (ran.code, findings(ran)) == (code, {"README.html": "unrecorded"})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.write_bytes(b"x"), "has 1 bytes, not 14"),
        (lambda path: (path.unlink(), path.mkdir()), "is no regular file"),
        (make_pipe, "is no regular file"),
        (lambda path: (path.unlink(), path.symlink_to("two")), "is no regular file"),
    ],
)
def test_a_file_that_is_another_thing_is_changed(
    release: Release, verify: Verify, dest: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    assert release.tag == "v1"
    spoil(dest / "octo/tool/v1/one")
    ran = verify()
    assert ran.code == 1
    [finding] = ran.json["findings"]
    assert (finding["kind"], reason in finding["reason"]) == ("changed", True), finding


def test_a_folder_behind_a_link_is_not_believed(
    release: Release, verify: Verify, dest: Path, tmp_path: Path
) -> None:
    assert release.tag == "v1"
    shutil.move(dest / "octo/tool/v1", tmp_path / "v1")
    (dest / "octo/tool/v1").symlink_to(tmp_path / "v1")
    ran = verify()
    assert (ran.code, ran.json["changed"]) == (1, 4)


def test_repair_fetches_what_is_broken_and_nothing_else(
    github: GitHub, release: Release, verify: Verify, dest: Path
) -> None:
    folder = dest / "octo/tool/v1"
    (folder / "one").unlink()
    damage(folder / "two")
    (folder / "SHA256SUMS").write_text("nonsense")
    github.forget_requests()
    ran = verify("--repair")
    assert (ran.code, ran.json["repaired"], ran.json["findings"]) == (0, 3, []), ran.stderr
    assert len(github.requests_to("asset")) == 2
    assert (folder / "one").read_bytes() == b"content of one"
    assert (folder / "two").read_bytes() == b"content of two"
    assert verify().code == 0
    subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    assert release.tag == "v1"


def test_repair_needs_no_network_where_all_is_well(
    github: GitHub, release: Release, verify: Verify
) -> None:
    assert release.tag == "v1"
    github.forget_requests()
    assert verify("--repair").code == 0
    assert github.requests == []


def test_repair_says_what_it_cannot_heal(
    github: GitHub, release: Release, verify: Verify, dest: Path
) -> None:
    one, two = release.named("one"), release.named("two")
    assert one
    assert two
    for name in ("one", "two"):
        (dest / "octo/tool/v1" / name).unlink()
    two.delete()
    github.fault(f"/{one.id}", faults.status(404), origin="asset")
    ran = verify("--repair")
    assert (ran.code, ran.json["repaired"]) == (1, 0)
    assert findings(ran) == {"octo/tool/v1/one": "missing", "octo/tool/v1/two": "missing"}
    assert "octo/tool: v1/one: HTTP status 404" in ran.stderr


def test_a_repair_is_no_complete_run(
    release: Release, verify: Verify, mirror: Mirror, dest: Path
) -> None:
    release.repository.add_release("v2").add_asset("four", b"4")
    (dest / "octo/tool/v1/one").unlink()
    assert verify("--repair").code == 0
    assert "octo/tool/v2/four" not in files_in(dest)
    assert mirror().counts == (1, 3, 0)


@pytest.mark.parametrize("spoil", ["corrupt", "missing", "foreign"])
def test_the_manifest_can_be_made_anew_from_the_files(
    github: GitHub, release: Release, verify: Verify, mirror: Mirror, dest: Path, spoil: str
) -> None:
    manifest = dest / "manifest.sqlite"
    before = files_in(dest)
    if spoil == "missing":
        manifest.unlink()
    else:
        manifest.write_bytes(b"SQLite format 3\\0" * 50 if spoil == "corrupt" else b"theirs" * 100)
        ran = mirror()
        assert ran.code == 65
        assert f"release-mirror verify --rebuild --dest {dest}" in ran.stderr
    (dest / "octo/tool/v1/extra").write_text("x")
    github.forget_requests()
    ran = verify("--rebuild")
    assert (ran.code, findings(ran)) == (0, {"octo/tool/v1/extra": "unrecorded"}), ran.stderr
    assert github.requests_to("asset") == []
    (dest / "octo/tool/v1/extra").unlink()
    assert mirror().counts == (0, 3, 0)
    assert github.requests_to("asset") == []
    assert files_in(dest) - before == {path.name for path in dest.glob("*.old")}
    assert len(list(dest.glob("*.old"))) == (spoil != "missing")
    assert release.tag == "v1"


def test_a_rebuild_that_cannot_ask_leaves_the_manifest_as_it_was(
    github: GitHub, release: Release, verify: Verify, dest: Path
) -> None:
    assert release.tag == "v1"
    before = (dest / "manifest.sqlite").read_bytes()
    github.fault("/repos", faults.status(404))
    ran = verify("--rebuild")
    assert (ran.code, ran.stdout) == (1, "")
    assert "the manifest is left as it was" in ran.stderr
    assert (dest / "manifest.sqlite").read_bytes() == before
    assert not list(dest.glob(".manifest*"))


def test_each_rebuild_keeps_what_was_there_also_within_a_second(
    release: Release, verify: Verify, dest: Path
) -> None:
    assert release.tag == "v1"
    for _ in range(3):
        assert verify("--rebuild").code == 0
    assert len(list(dest.glob("*.old"))) == 3


def test_only_some_repositories_can_be_checked(
    github: GitHub, release: Release, verify: Verify, mirror: Mirror, dest: Path
) -> None:
    assert release.tag == "v1"
    github.add_repository("octo/other").add_release("v1").add_asset("tool", b"x")
    mirror(repository="octo/other")
    (dest / "octo/other/v1/tool").unlink()
    (dest / "octo/other/v1/extra").write_text("x")
    assert verify("octo/tool").code == 0
    assert findings(verify("OCTO/other")) == {
        "octo/other/v1/tool": "missing",
        "octo/other/v1/extra": "unrecorded",
    }
    ran = verify("octo/none")
    assert (ran.code, ran.stderr) == (1, "release-mirror: octo/none: is not mirrored here\n")


def test_a_folder_that_is_no_mirror_is_refused(verify: Verify, dest: Path) -> None:
    dest.mkdir()
    for arguments in ([], ["--repair"]):
        ran = verify(*arguments)
        assert (ran.code, ran.stderr.count("\n")) == (2, 1)
        assert f"{dest}: is no mirror: it has no manifest.sqlite" in ran.stderr


def test_a_check_works_where_nothing_can_be_written(
    release: Release, verify: Verify, dest: Path
) -> None:
    assert release.tag == "v1"
    before = sorted((path, path.stat().st_mtime_ns) for path in dest.rglob("*"))
    assert verify("--jobs", 1).code == 0
    assert sorted((path, path.stat().st_mtime_ns) for path in dest.rglob("*")) == before
