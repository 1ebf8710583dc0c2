import hashlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from release_mirror.schema import SCHEMA
from tests.release_mirror.conftest import Mirror, files_in
from tests.support import faults
from tests.support.commands import argv
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.github_data import Repository
from toolroll_shared.sqlite import open_database


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (faults.wrong_bytes(), "sha256 is "),
        (faults.cut_body(after=3), "closed before the body was complete"),
        (faults.wrong_length(-2), "5 bytes, not the 7"),
        (faults.wrong_length(+2), "closed before the body was complete"),
        (faults.gzip_body(), "bytes"),
        (faults.cut_before_headers(), "closed too early"),
        (faults.status(500), "HTTP status 500"),
        (faults.bad_gateway_html(), "HTTP status 502"),
        (faults.expired_signature(), "HTTP status 403"),
        (faults.redirect("file:///etc/passwd"), "redirect away from http"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
def test_a_bad_download_is_named_and_leaves_nothing(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path, fault: Fault, reason: str
) -> None:
    release = repo.add_release("v1")
    bad = release.add_asset("bad", b"content")
    release.add_asset("good", b"fine")
    github.fault(f"/{bad.id}", fault, origin="asset")

    ran = mirror("--retries", 0, "--concurrency", 1)

    assert (ran.code, ran.counts) == (1, (1, 0, 1))
    assert reason in ran.reason
    assert (
        ran.json["failures"][0].items()
        >= {
            "repository": "octo/tool",
            "tag": "v1",
            "asset": "bad",
        }.items()
    )
    assert "release-mirror: octo/tool: v1/bad: " in ran.stderr
    assert files_in(dest) == {"octo/tool/v1/good"}
    assert mirror().counts == (1, 1, 0), "the next run heals it"


@pytest.mark.parametrize(
    "fault",
    [faults.cut_body(after=3), faults.cut_before_headers(), faults.status(503)],
    ids=lambda fault: fault.name,
)
def test_a_passing_failure_is_tried_again_and_said(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path, fault: Fault
) -> None:
    repo.add_release("v1").add_asset("tool", b"content")
    github.fault("/", fault, origin="asset")
    ran = mirror()
    assert ran.counts == (1, 0, 0)
    assert "octo/tool: v1/tool: " in ran.stderr
    assert "trying again in" in ran.stderr
    assert (dest / "octo/tool/v1/tool").read_bytes() == b"content"


def test_an_expired_signed_url_is_asked_for_anew(
    github: GitHub, repo: Repository, mirror: Mirror
) -> None:
    repo.add_release("v1").add_asset("tool", b"content")
    github.fault("/", faults.status(500), origin="asset")
    mirror()
    assert len(github.requests_to("api", "/releases/download/")) == 2


def test_a_silent_asset_host_ends_by_the_timeout(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path
) -> None:
    repo.add_release("v1").add_asset("tool", b"content")
    github.fault("/", faults.stall_body(after=3), origin="asset")
    ran = mirror("--timeout", "0.2s", "--retries", 0)
    assert (ran.code, ran.reason) == (1, "the server is silent for too long")
    assert files_in(dest) == set()


def test_wrong_bytes_of_the_right_length_pass_only_without_a_digest(
    github: GitHub, repo: Repository, mirror: Mirror
) -> None:
    repo.add_release("v1").add_asset("tool", b"content", digest=False)
    github.fault("/", faults.wrong_bytes(), origin="asset")
    assert mirror().counts == (1, 0, 0)  # trust on first use: the manifest says "size"


def test_throttling_beyond_max_wait_ends_with_75_and_says_so(
    github: GitHub, repo: Repository, mirror: Mirror
) -> None:
    repo.add_release("v1").add_asset("tool", b"content")
    github.fault("/releases", faults.throttled(429, retry_after=120))
    ran = mirror("--max-wait", "60s")
    assert (ran.code, ran.json["failures"][0]["throttled"]) == (75, True)
    assert "waiting 120 s more would pass the 60 s of --max-wait" in ran.stderr


def test_a_failure_on_a_later_page_keeps_what_was_learnt_and_downloads_nothing(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path
) -> None:
    for number in range(101):
        repo.add_release(f"v{number}").add_asset("tool", b"x")
    github.fault("*page=2*", faults.status(500))
    assert mirror("--retries", 0).code == 69
    assert github.requests_to("asset") == []
    with closing(sqlite3.connect(dest / "manifest.sqlite")) as connection:
        assert connection.execute("SELECT count(*) FROM releases").fetchone() == (100,)


@pytest.mark.parametrize(("name", "code"), [("octo/none", 1), ("octo", 2), ("../x", 2)])
def test_a_repository_that_is_none_is_said_in_one_line(
    mirror: Mirror, name: str, code: int
) -> None:
    ran = mirror(repository=name)
    assert (ran.code, ran.stderr.count("\n")) == (code, 1)
    assert name in ran.stderr


@pytest.mark.parametrize("below", ["", "/sub/folder"])
def test_a_dest_that_cannot_be_a_folder_is_an_error(
    repo: Repository, mirror: Mirror, dest: Path, below: str
) -> None:
    repo.add_release("v1").add_asset("tool", b"x")
    dest.write_text("a file")
    ran = mirror("--dest", f"{dest}{below}")
    assert (ran.code, ran.stderr.count("\n")) == (1, 1)
    assert f"{dest}{below}: cannot be written: " in ran.stderr


def not_a_database(path: Path) -> None:
    path.write_text("just some text, long enough to be no header of any database\n" * 20)


def another_programs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")


def a_newer_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {0x54524D46}")
        connection.execute("PRAGMA user_version = 999")


def empty(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (not_a_database, "is no SQLite database"),
        (another_programs, "belongs to another program"),
        (a_newer_schema, "has schema version 999, newer than"),
        (empty, "is empty, no release-mirror manifest"),
    ],
)
@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_a_manifest_that_is_not_ours_is_refused_untouched(
    repo: Repository, mirror: Mirror, dest: Path, make: object, reason: str, arguments: list[str]
) -> None:
    repo.add_release("v1").add_asset("tool", b"x")
    dest.mkdir()
    assert callable(make)
    make(dest / "manifest.sqlite")
    before = (dest / "manifest.sqlite").read_bytes()
    ran = mirror(*arguments)
    assert (ran.code, ran.stderr.count("\n")) == (65, 1)
    assert f"{dest / 'manifest.sqlite'}: {reason}" in ran.stderr
    assert (dest / "manifest.sqlite").read_bytes() == before
    assert files_in(dest) == set()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk takes root and the right to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("arguments", [[], ["--include", "fits"]])
def test_what_would_not_fit_is_said_before_the_first_byte(
    github: GitHub, repo: Repository, mirror: Mirror, small_disk: Path, arguments: list[str]
) -> None:
    release = repo.add_release("v1")
    release.add_asset("fits", b"small")
    release.add_asset("too-big", bytes(2_000_000))
    planned = mirror("--dest", small_disk, "--dry-run", *arguments, json=False)
    assert planned.code == 0
    ran = mirror("--dest", small_disk, *arguments)
    if arguments:
        assert ran.counts == (1, 0, 0)
        return
    assert "2.0 MB; only " in planned.stdout
    assert (ran.code, ran.stdout) == (1, "")
    assert f"{small_disk}: 2.0 MB are to be downloaded, and " in ran.stderr
    assert github.requests_to("asset") == []


def test_a_disk_that_fills_up_ends_the_run_and_what_is_whole_stays(
    github: GitHub, repo: Repository, small_disk: Path
) -> None:
    release = repo.add_release("v1")
    release.add_asset("first", b"small")
    big = release.add_asset("big", bytes(400_000))
    for number in range(30):
        release.add_asset(f"late-{number}", bytes(1000))
    fault = github.fault(f"/{big.id}", faults.slow_body(chunk=50_000, delay=0.1), origin="asset")
    command = argv("release_mirror", "octo/tool", "--dest", small_disk, "--json", "--concurrency")
    command += ["1", "--api-url", github.api_url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert fault.reached.wait(30)
        with (small_disk / "hog").open("wb", buffering=0) as hog, suppress(OSError):
            while True:
                hog.write(bytes(4096))
        stdout, stderr = process.communicate(timeout=60)
    summary = json.loads(stdout)
    assert process.returncode == 1, stderr
    assert summary["downloaded"] >= 1
    assert summary["downloaded"] + summary["failed"] >= 32
    assert "No space left on device" in stderr
    assert stderr.count("\n") < 10, "what was not tried is in the summary only"
    assert files_in(small_disk) - {"hog"} <= {"octo/tool/v1/first"}


def test_a_read_only_dest_is_an_error(repo: Repository, mirror: Mirror, small_disk: Path) -> None:
    repo.add_release("v1").add_asset("tool", b"x")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    ran = mirror("--dest", small_disk)
    assert (ran.code, ran.stderr.count("\n")) == (1, 1)
    assert "Read-only file system" in ran.stderr


def test_a_manifest_of_an_older_version_is_brought_up_to_date_but_not_by_a_dry_run(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    asset = repo.add_release("v1").add_asset("tool", b"x")
    mirror()
    path = dest / "manifest.sqlite"
    path.unlink()
    with closing(open_database(path, replace(SCHEMA, migrations=SCHEMA.migrations[:3]))) as old:
        old.execute("INSERT INTO repositories (id, full_name, private) VALUES (1, 'octo/tool', 0)")
        old.execute(
            "INSERT INTO releases (id, repository_id, tag_name, draft, prerelease, created_at, "
            "html_url) VALUES (?, 1, 'v1', 0, 0, '2024', '')",
            (asset.release.id,),
        )
        old.execute(
            "INSERT INTO assets (id, release_id, name, size, content_type, state, download_count, "
            "created_at, updated_at, url, browser_download_url) "
            "VALUES (?, ?, 'tool', 1, '', 'uploaded', 0, '', '', '', '')",
            (asset.id, asset.release.id),
        )
        status = (dest / "octo/tool/v1/tool").stat()
        old.execute(
            "INSERT INTO files VALUES ('octo/tool/v1/tool', ?, 1, ?, ?, 'digest', '2024')",
            (asset.id, hashlib.sha256(b"x").hexdigest(), status.st_mtime_ns),
        )
    before = path.read_bytes()
    planned = mirror("--dry-run")
    assert (planned.code, path.read_bytes()) == (0, before), planned.stderr
    assert [one["action"] for one in planned.json["plan"]] == ["keep"]
    assert mirror().counts == (0, 1, 0)
    assert path.read_bytes() != before
