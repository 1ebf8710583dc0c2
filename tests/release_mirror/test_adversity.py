"""What others may do to DEST, before a run and in the middle of one; and a system that runs out."""

import hashlib
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from release_mirror.parts import part_path
from tests.release_mirror.conftest import Mirror, files_in
from tests.support import faults
from tests.support.commands import argv, run
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.github_data import Asset, Release, Repository
from tests.support.github_http import Request
from tests.support.limits import disk_of, unprivileged

TAG = "octo/tool/v1"
LARGE = bytes(range(256)) * 6000  # 1.5 MB: worth keeping


def meanwhile(act: Callable[[], object]) -> Fault:
    """While a request is on its way, something else happens."""

    def see(request: Request) -> Request:
        act()
        return request

    return Fault("meanwhile", see=see)


@pytest.fixture
def release(repo: Repository) -> Release:
    return repo.add_release("v1")


@pytest.fixture
def large(release: Release) -> Asset:
    return release.add_asset("large", LARGE)


# Before a run.


def test_one_repository_under_two_names_is_mirrored_once(
    github: GitHub, repo: Repository, release: Release, mirror: Mirror, dest: Path
) -> None:
    release.add_asset("tool", b"content")
    repo.rename("octo/new")
    ran = mirror("octo/new")
    assert (ran.code, ran.counts[0]) == (1, 1), ran.stderr
    assert "is octo/new, which is among the others, too" in ran.stderr
    assert files_in(dest) == {"octo/new/v1/tool"}
    assert len(github.requests_to("asset")) == 1


NOTES = {
    "nothing": "",
    "a list": "[]",
    "too deep": "[" * 3000,
    "far too deep": "[" * 300_000,
    "infinite": '{"asset_id": ID, "validator": "\\"x\\"", "safe": 1e999}',
    "negative": '{"asset_id": ID, "validator": "\\"x\\"", "safe": -5}',
    "a text for a number": '{"asset_id": ID, "validator": "\\"x\\"", "safe": "5"}',
    "too many digits": '{"asset_id": ID, "validator": "\\"x\\"", "safe": %s}' % ("9" * 5000),
    "a header of its own": '{"asset_id": ID, "validator": "\\"x\\"\\r\\nFoo: bar", "safe": 500}',
    "not ASCII": '{"asset_id": ID, "validator": "\\u2603", "safe": 500}',
    "too long": '{"asset_id": ID, "validator": "%s", "safe": 500}' % ("x" * 200_000),
    "a number for a text": '{"asset_id": ID, "validator": 7, "safe": 500}',
}


@pytest.mark.parametrize("digest", [True, False])
@pytest.mark.parametrize("note", NOTES.values(), ids=NOTES)
def test_a_note_that_is_none_of_ours_is_of_no_use_and_no_harm(
    release: Release, mirror: Mirror, dest: Path, note: str, *, digest: bool
) -> None:
    asset = release.add_asset("large", LARGE, digest=digest)
    place = dest / TAG / "large"
    place.parent.mkdir(parents=True)
    part_path(place).write_bytes(b"?" * 1000)
    part_path(place).with_suffix(".note").write_text(note.replace("ID", str(asset.id)))
    assert mirror().counts == (1, 0, 0)
    assert place.read_bytes() == LARGE
    assert not list(place.parent.glob(".toolroll-*"))


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    path.symlink_to(path.parents[3] / "precious")


def a_socket(path: Path) -> None:
    short = Path(f"/proc/self/fd/{os.open(path.parent, os.O_RDONLY)}")  # a name of 108 bytes fits
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(short / path.name))
    os.close(int(short.name))


ODD = [a_pipe, a_folder, a_link, a_socket]


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("where", ["file", "part", "note", "note of a part"])
def test_something_odd_in_the_place_of_a_file_is_not_waited_for_or_followed(
    large: Asset, mirror: Mirror, dest: Path, make: Callable[[Path], None], where: str
) -> None:
    place = dest / TAG / large.name
    place.parent.mkdir(parents=True)
    (dest / "precious").write_text("precious")
    if where == "note of a part":
        part_path(place).write_bytes(LARGE[:1000])
    make(
        {"file": place, "part": part_path(place)}.get(where, part_path(place).with_suffix(".note"))
    )
    ran = mirror()
    impossible = where == "file" or (where, make) == ("part", a_folder)
    assert ran.counts == ((0, 0, 1) if impossible else (1, 0, 0))
    assert impossible or place.read_bytes() == LARGE
    assert (dest / "precious").read_text() == "precious"


@pytest.mark.parametrize("make", ODD)
def test_stored_checksums_that_are_no_file_any_more_say_nothing(
    release: Release, mirror: Mirror, dest: Path, make: Callable[[Path], None]
) -> None:
    sums = release.add_asset("SHA256SUMS", b"\n")
    mirror()
    (dest / TAG / sums.name).unlink()
    (dest / "precious").write_text("precious")
    make(dest / TAG / sums.name)
    release.add_asset("tool", b"content")
    assert mirror().counts == (1, 0, 1)


@pytest.mark.parametrize("make", ODD)
@pytest.mark.parametrize("command", [["verify"], ["prune", "--gone"], ["status"]])
def test_a_lock_that_is_no_file_is_not_waited_for(
    release: Release, mirror: Mirror, dest: Path, make: Callable[[Path], None], command: list[str]
) -> None:
    release.add_asset("tool", b"content")
    mirror()
    place = dest / ".release-mirror.lock"
    place.unlink()
    make(place)
    ran = run("release_mirror", *command, "--dest", dest, timeout=20)
    assert (ran.code, "internal error" in ran.stderr) == (0, False), ran.stderr
    assert mirror().code in {0, 1}


def test_checksums_that_come_late_count_for_what_is_here_already(
    github: GitHub, release: Release, mirror: Mirror
) -> None:
    tool = release.add_asset("tool", b"content", digest=False)
    github.fault(f"/{tool.id}", faults.wrong_bytes(), origin="asset")
    assert mirror().counts == (1, 0, 0)
    release.add_asset("SHA256SUMS", f"{hashlib.sha256(b'content').hexdigest()}  tool\n".encode())
    ran = mirror()
    assert (ran.code, ran.counts) == (1, (1, 0, 1))
    assert "the release's own checksums say" in ran.reason
    assert mirror().code == 1, "it stays said"


def test_an_asset_that_comes_after_our_checksums_and_has_their_name_gets_it(
    release: Release, mirror: Mirror, dest: Path
) -> None:
    release.add_asset("tool", b"content")
    mirror()
    release.add_asset("SHA256SUMS", b"theirs\n")
    assert mirror().counts == (1, 1, 0)
    assert (dest / TAG / "SHA256SUMS").read_bytes() == b"theirs\n"
    ours = (dest / TAG / "SHA256SUMS.mirror").read_text()
    assert [line.split("  ")[1] for line in ours.splitlines()] == ["SHA256SUMS", "tool"]
    (dest / "manifest.sqlite").unlink()
    assert mirror().counts == (0, 2, 0)


def test_what_is_adopted_is_held_against_the_releases_own_checksums(
    github: GitHub, release: Release, mirror: Mirror, dest: Path
) -> None:
    release.add_asset("right", b"right", digest=False)
    release.add_asset("wrong", b"wrong", digest=False)
    lines = [f"{hashlib.sha256(b'right').hexdigest()}  {name}\n" for name in ("right", "wrong")]
    release.add_asset("SHA256SUMS", "".join(lines).encode())
    (dest / TAG).mkdir(parents=True)
    for one in release.assets.values():
        assert isinstance(one.content, bytes)
        (dest / TAG / one.name).write_bytes(one.content)
    ran = mirror()
    assert (ran.code, ran.counts) == (1, (0, 2, 1))
    assert "the release's own checksums say" in ran.reason
    with closing(sqlite3.connect(dest / "manifest.sqlite")) as connection:
        rows = connection.execute("SELECT path, verified_by FROM files ORDER BY path").fetchall()
    assert (f"{TAG}/right", "published") in rows
    assert github.requests_to("asset") == []


def test_a_folder_that_cannot_be_read_is_the_failure_of_what_is_in_it(
    repo: Repository, release: Release, mirror: Mirror, dest: Path
) -> None:
    release.add_asset("tool", LARGE)
    repo.add_release("v2").add_asset("tool", b"content")
    mirror()
    for path in (dest, *dest.rglob("*")):
        path.chmod(0o777)
    (dest / TAG).chmod(0)
    allow(dest)
    with unprivileged():
        ran = mirror()
        assert (ran.code, ran.counts) == (1, (0, 1, 2)), "with its SHA256SUMS"
        assert "cannot be read: Permission denied" in ran.stderr
        assert mirror("--dry-run").code == 0
    (dest / TAG).chmod(0o777)
    assert mirror().counts == (0, 2, 0)


def allow(folder: Path) -> None:
    """Let everybody look into a folder, and those around it that are the test's."""
    for one in (folder, *folder.parents):
        if one.name.startswith(("pytest-", "popen-", "test_")):
            one.chmod(0o755)


# In the middle of a run.


@pytest.mark.parametrize("link", [TAG, "octo/tool", "octo"])
def test_a_folder_that_becomes_a_link_in_mid_run_leads_nothing_outside(
    github: GitHub, release: Release, mirror: Mirror, dest: Path, tmp_path: Path, link: str
) -> None:
    for number in range(4):
        release.add_asset(f"{number}", LARGE)
    outside = tmp_path / "outside"
    (outside / "tool/v1").mkdir(parents=True)
    (outside / "v1").mkdir()

    def become_a_link() -> None:
        (dest / link).rename(tmp_path / "moved")
        (dest / link).symlink_to(outside)

    github.fault("/", meanwhile(lambda: None), times=1, origin="asset")
    github.fault("/", meanwhile(become_a_link), times=1, origin="asset")
    ran = mirror("--concurrency", 1)
    assert (ran.code, ran.counts) == (1, (1, 0, 4)), "with their SHA256SUMS"
    assert "is behind a link now" in ran.stderr
    assert files_in(outside) == set()


def removed(path: Path) -> None:
    """Under another name, since the run may put files there faster than they are removed."""
    shutil.rmtree(path.rename(path.with_name("going")))


def moved(path: Path) -> None:
    path.rename(path.with_name("moved"))


def replaced(path: Path) -> None:
    moved(path)
    path.mkdir()


def without_manifest(path: Path) -> None:
    (path / "manifest.sqlite").unlink()


@pytest.mark.parametrize("change", [removed, moved, replaced, without_manifest])
def test_a_dest_that_changes_in_mid_run_leaves_nothing_wrong_and_heals(
    github: GitHub,
    release: Release,
    mirror: Mirror,
    dest: Path,
    change: Callable[[Path], None],
) -> None:
    assets = [release.add_asset(f"{number}", LARGE) for number in range(4)]
    github.fault("/", faults.slow_body(chunk=400_000, delay=0.02), times=1, origin="asset")
    github.fault("/", meanwhile(lambda: change(dest)), times=1, origin="asset")
    ran = mirror("--concurrency", 2)
    assert ran.code in {0, 1, 65}, ran.stderr
    assert "internal error" not in ran.stderr
    assert all((dest / path).read_bytes() == LARGE for path in files_in(dest))
    assert mirror().code == 0
    assert files_in(dest) == {f"{TAG}/{asset.name}" for asset in assets}
    with closing(sqlite3.connect(dest / "manifest.sqlite")) as connection:
        count = connection.execute("SELECT count(*) FROM files WHERE kind = 'asset'")
        assert count.fetchone() == (4,)


def test_of_three_runs_at_once_one_works(
    github: GitHub, release: Release, dest: Path, mirror: Mirror
) -> None:
    for number in range(20):
        release.add_asset(f"{number}", LARGE)
    github.fault("/", faults.slow_body(chunk=400_000, delay=0.3), times=20, origin="asset")
    command = argv("release_mirror", "octo/tool", "--dest", dest, "--api-url", github.api_url)
    runs = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in "123"
    ]
    output = [one.communicate(timeout=60)[0] for one in runs]
    assert sorted(one.returncode for one in runs) == [0, 75, 75], output
    assert len(github.requests_to("asset")) == 20
    assert mirror().counts == (0, 20, 0)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["verify"], 75),
        (["verify", "--repair"], 75),
        (["verify", "--rebuild"], 75),
        (["prune", "--tag", "*", "--yes"], 75),
        (["prune", "--tag", "*"], 75),
        (["status"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_while_a_run_works_only_looking_is_allowed(
    github: GitHub, release: Release, dest: Path, mirror: Mirror, command: list[str], code: int
) -> None:
    for number in range(3):
        release.add_asset(f"{number}", LARGE)
    ran = []
    github.fault(
        "/",
        meanwhile(lambda: ran.append(run("release_mirror", *command, "--dest", dest))),
        origin="asset",
    )
    assert mirror().counts == (3, 0, 0)
    assert ran[0].code == code, ran[0].stderr
    assert mirror().counts == (0, 3, 0)


# A system that runs out.


def test_a_limit_on_the_size_of_files_is_a_failure_of_those_beyond_it(
    release: Release, large: Asset, mirror: Mirror, dest: Path
) -> None:
    release.add_asset("small", b"content")
    with disk_of(1_000_000):
        ran = mirror()
    assert (ran.code, ran.counts) == (1, (1, 0, 1))
    assert "File too large" in ran.reason
    assert not (dest / TAG / "large").exists()
    assert mirror().counts == (1, 1, 0)
    assert large.size == len(LARGE)


@pytest.mark.parametrize("files", [8, 12, 16, 20, 24, 40])
def test_too_few_descriptors_are_an_error_and_no_bug(
    github: GitHub, release: Release, mirror: Mirror, dest: Path, files: int
) -> None:
    for number in range(40):
        release.add_asset(f"{number}", LARGE[number:] if number < 4 else bytes(number))
    command = argv("release_mirror", "octo/tool", "--dest", dest, "--api-url", github.api_url)
    ran = subprocess.run(
        [*command, "--retries", "0"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode in {0, 1, 69}, ran.stderr
    assert "internal error" not in ran.stderr
    assert "Traceback" not in ran.stderr
    assert mirror().counts[2] == 0
    assert len(files_in(dest)) == 40


STREAMS = {
    "stdout is closed": (">&-", {1}),
    "stderr is closed": ("2>&-", {0, 1}),
    "both are closed": (">&- 2>&-", {1}),
    "stdout is full": (">/dev/full", {1}),
    "stderr is full": ("2>/dev/full", {0, 1}),
    "the log is full": ("", {0, 1}),
    "all are full": (">/dev/full 2>/dev/full", {1}),
}


@pytest.mark.parametrize("name", STREAMS)
def test_the_work_is_done_whoever_listens(
    github: GitHub, release: Release, mirror: Mirror, dest: Path, name: str
) -> None:
    release.add_asset("tool", b"content")
    release.add_asset("open", b"?", state="open")  # something is said on stderr
    redirection, codes = STREAMS[name]
    log = ["--log-json", "/dev/full"] if name in {"the log is full", "all are full"} else []
    command = argv("release_mirror", "octo/tool", "--dest", dest, "--api-url", github.api_url, *log)
    shell = f'exec "$@" {redirection}'
    done = subprocess.run(
        ["sh", "-c", shell, "sh", *command], timeout=60, check=False, capture_output=True
    )
    assert done.returncode in codes, done.stderr
    assert b"Traceback" not in done.stderr
    assert mirror().counts == (0, 2, 0)


@pytest.mark.parametrize("size", [60, 70, 80, 100, 140, 200, 400, 1000, 2000])
def test_a_disk_may_be_full_at_any_stage(
    release: Release, mirror: Mirror, tmp_path: Path, size: int
) -> None:
    for number in range(30):
        release.add_asset(f"{number}", bytes(2000))
    release.add_asset("large", LARGE)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk takes root and the right to mount")
    try:
        ran = mirror("--dest", disk, "--concurrency", 1)
        assert "internal error" not in ran.stderr
        assert ran.code == (0 if size == 2000 else 1), ran.stderr
        subprocess.run(["mount", "-o", "remount,size=9m", str(disk)], check=True)
        assert mirror("--dest", disk).code == 0
        assert len(files_in(disk)) == 31
    finally:
        subprocess.run(["umount", str(disk)], check=True)
