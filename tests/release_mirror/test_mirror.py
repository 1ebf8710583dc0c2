import base64
import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.release_mirror.conftest import Mirror, files_in
from tests.support import faults
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.journals import actions_in

TOKEN = "t0ken-s3cret"  # the fixture's


def one_asset(repo: Repository, content: bytes = b"content", *, digest: bool = True) -> None:
    repo.add_release("v1").add_asset("tool.zip", content, digest=digest)


def test_every_asset_lands_at_its_place(repo: Repository, mirror: Mirror, dest: Path) -> None:
    repo.add_release("v1").add_asset("a.zip", b"one")
    release = repo.add_release("v2")
    release.add_asset("a.zip", b"three")
    release.add_asset("empty", b"")

    ran = mirror()

    assert (ran.code, ran.stderr) == (0, "")
    assert files_in(dest) == {
        "octo/tool/v1/a.zip",
        "octo/tool/v2/a.zip",
        "octo/tool/v2/empty",
    }
    assert (dest / "octo/tool/v2/a.zip").read_bytes() == b"three"
    summary = ran.json
    assert isinstance(summary.pop("duration_ms"), int)
    counts = dict.fromkeys(("skipped", "failed", "replaced", "gone"), 0)
    counts |= {"downloaded": 3, "bytes": 8}
    assert summary == {
        "repositories": [{"repository": "octo/tool", **counts}],
        **counts,
        "interrupted": False,
        "error": None,
        "failures": [],
    }


def test_more_assets_than_a_page_of_releases_holds(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    for number in range(130):
        repo.add_release(f"v{number}").add_asset("tool", str(number).encode())
    assert mirror("--concurrency", 20).counts == (130, 0, 0)
    assert (dest / "octo/tool/v129/tool").read_bytes() == b"129"


def test_a_second_run_makes_no_asset_request(
    github: GitHub, repo: Repository, mirror: Mirror
) -> None:
    one_asset(repo)
    mirror()
    github.forget_requests()
    assert mirror().counts == (0, 1, 0)
    assert github.requests_to("asset") == github.requests_to("api", "/download") == []


def test_a_second_run_asks_the_api_only_whether_something_is_new(
    github: GitHub, repo: Repository, mirror: Mirror
) -> None:
    for number in range(120):
        repo.add_release(f"v{number}").add_asset("tool", b"x")
    mirror()
    github.forget_requests()
    assert mirror().counts == (0, 120, 0)
    assert {one.status for one in github.requests} == {304}
    assert len(github.requests) == 4, "the repository, two pages, and which is the latest"


def test_a_new_release_is_all_that_a_later_run_downloads(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    one_asset(repo)
    mirror()
    repo.add_release("v2").add_asset("tool.zip", b"newer")
    assert mirror().counts == (1, 1, 0)
    assert (dest / "octo/tool/v2/tool.zip").read_bytes() == b"newer"


def test_the_human_summary_is_one_line(repo: Repository, mirror: Mirror) -> None:
    one_asset(repo, bytes(1500))
    ran = mirror(json=False)
    assert ran.stdout.startswith("octo/tool: 1 downloaded, 0 skipped, 0 failed, 1.5 kB in ")
    assert ran.stdout.count("\n") == 1


def test_since_is_about_the_date_of_publication(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    for tag, published in [("old", "2024-01-31T23:59:59Z"), ("new", "2024-02-01T00:00:00Z")]:
        repo.add_release(tag, created_at="2020-01-01T00:00:00Z", published_at=published).add_asset(
            "tool", b"x"
        )
    repo.add_release("draft", draft=True).add_asset("tool", b"x")
    mirror("--since", "2024-02-01")
    assert files_in(dest) == {"octo/tool/new/tool"}


def test_the_manifest_says_what_each_file_was_checked_against(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    release = repo.add_release("v1")
    release.add_asset("with", b"x", digest=True)
    release.add_asset("without", b"y", digest=False)
    mirror()
    with closing(sqlite3.connect(dest / "manifest.sqlite")) as connection:
        rows = connection.execute(
            "SELECT path, sha256, verified_by FROM files WHERE kind = 'asset' ORDER BY path"
        ).fetchall()
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert rows == [
        ("octo/tool/v1/with", hashlib.sha256(b"x").hexdigest(), "digest"),
        ("octo/tool/v1/without", hashlib.sha256(b"y").hexdigest(), "size"),
    ]


def test_a_whole_file_that_is_already_there_is_adopted(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path
) -> None:
    one_asset(repo)
    (dest / "octo/tool/v1").mkdir(parents=True)
    (dest / "octo/tool/v1/tool.zip").write_bytes(b"content")
    assert mirror().counts == (0, 1, 0)
    assert github.requests_to("asset") == []
    github.forget_requests()
    (dest / "octo/tool/v1/tool.zip").write_bytes(b"damaged")
    assert mirror().counts == (1, 0, 0), "it is known now, so damage is noticed"


def test_another_file_that_is_already_there_is_not_touched(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    one_asset(repo)
    (dest / "octo/tool/v1").mkdir(parents=True)
    (dest / "octo/tool/v1/tool.zip").write_bytes(b"somebody's own")
    ran = mirror()
    assert (ran.code, ran.counts) == (1, (0, 0, 1))
    assert "another file is in its place" in ran.reason
    assert (dest / "octo/tool/v1/tool.zip").read_bytes() == b"somebody's own"


@pytest.mark.parametrize("damage", [b"c0ntent", b"cont", b"", None])
def test_a_damaged_or_missing_file_is_fetched_again(
    repo: Repository, mirror: Mirror, dest: Path, damage: bytes | None
) -> None:
    one_asset(repo)
    mirror()
    path = dest / "octo/tool/v1/tool.zip"
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    assert mirror().counts == (1, 0, 0)
    assert path.read_bytes() == b"content"


def test_a_file_with_another_date_is_read_once_and_kept(
    github: GitHub, repo: Repository, mirror: Mirror, dest: Path
) -> None:
    one_asset(repo)
    mirror()
    os.utime(dest / "octo/tool/v1/tool.zip", ns=(1, 1))
    github.forget_requests()
    assert mirror().counts == (0, 1, 0)
    assert github.requests_to("asset") == []
    assert mirror("--dry-run").json["plan"][0]["reason"] == "unchanged"


def test_an_asset_replaced_upstream_is_an_alarm_and_the_old_file_stays(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    asset = repo.add_release("v1").add_asset("tool.zip", b"good")
    mirror()
    asset.replace(b"evil")
    ran = mirror()
    assert (ran.code, ran.counts) == (1, (0, 0, 1))
    assert "replaced upstream" in ran.reason
    assert (dest / "octo/tool/v1/tool.zip").read_bytes() == b"good"


def test_an_asset_uploaded_again_with_the_same_bytes_is_kept(
    repo: Repository, mirror: Mirror
) -> None:
    asset = repo.add_release("v1").add_asset("tool.zip", b"same")
    mirror()
    asset.replace(b"same")
    assert mirror().counts == (0, 1, 0)


def test_an_unfinished_upload_is_skipped_and_named(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    repo.add_release("v1").add_asset("tool.zip", b"x", state="open")
    ran = mirror()
    assert (ran.code, ran.counts) == (0, (0, 1, 0))
    assert "v1/tool.zip: skipped: its upload is not finished" in ran.stderr
    assert files_in(dest) == set()


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("v1", "../../../escaped"),
        ("../../../..", "escaped"),
        ("v1", "/etc/escaped"),
        ("release/1.0", "a/b"),
        ("v1", ".."),
        ("v1", "\x1b]0;title\x07"),
        ("v1", "n" * 300),
        ("t" * 300, "tool"),
        (".toolroll-1.part", ".toolroll-1.part"),
    ],
)
def test_no_tag_or_name_leads_out_of_dest(
    repo: Repository,
    mirror: Mirror,
    dest: Path,
    monkeypatch: pytest.MonkeyPatch,
    tag: str,
    name: str,
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)  # the API's addresses hold no names to trip over
    repo.add_release(tag).add_asset(name, b"x")
    ran = mirror()
    assert (ran.code, ran.counts) == (0, (1, 0, 0)), ran.stderr
    [path] = files_in(dest)
    assert path.startswith("octo/tool/")
    assert path.count("/") == 3
    assert [entry.name for entry in dest.parent.iterdir()] == ["mirror"]
    assert mirror().counts == (0, 1, 0)


def test_a_link_that_leads_out_of_dest_is_not_followed(
    repo: Repository, mirror: Mirror, dest: Path, tmp_path: Path
) -> None:
    one_asset(repo)
    outside = tmp_path / "outside"
    outside.mkdir()
    (dest / "octo/tool").mkdir(parents=True)
    (dest / "octo/tool/v1").symlink_to(outside)
    ran = mirror()
    assert ran.code == 1
    assert "no file of ours" in ran.reason
    assert list(outside.iterdir()) == []


def test_dest_may_itself_be_a_link(
    repo: Repository, mirror: Mirror, dest: Path, tmp_path: Path
) -> None:
    one_asset(repo)
    (tmp_path / "disk").mkdir()
    dest.symlink_to(tmp_path / "disk")
    assert mirror().counts == (1, 0, 0)
    assert (tmp_path / "disk/octo/tool/v1/tool.zip").read_bytes() == b"content"


def test_the_spelling_of_the_repository_makes_no_second_mirror(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    one_asset(repo)
    mirror()
    assert mirror(repository="OCTO/Tool").counts == (0, 1, 0)
    assert {path.name for path in dest.iterdir() if path.is_dir()} == {"octo"}


def test_a_private_repository_is_mirrored_with_a_token_that_stays_home(
    github: GitHub,
    mirror: Mirror,
    dest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    github.add_repository("octo/private", private=True).add_release("v1").add_asset("tool", b"x")
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    log = tmp_path / "log"
    ran = mirror("--log-json", log, repository="octo/private")
    assert ran.counts == (1, 0, 0), ran.stderr
    assert github.requests_to("asset")
    assert all("authorization" not in one.headers for one in github.requests_to("asset"))
    written = ran.stdout + ran.stderr + log.read_text() + str(list(dest.rglob("*")))
    written += (dest / "manifest.sqlite").read_bytes().decode("latin-1")
    for secret in (TOKEN, base64.b64encode(TOKEN.encode()).decode()):
        assert secret not in written


def test_without_a_token_downloads_cost_no_api_quota(
    github: GitHub, repo: Repository, mirror: Mirror
) -> None:
    one_asset(repo)
    mirror()
    assert github.requests_to("api", "/releases/assets/") == []


def test_a_list_that_is_redirected_to_another_origin_is_refused(
    repo: Repository, mirror: Mirror, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_asset(repo)
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    with GitHub(token=TOKEN) as other:
        evil = other.add_repository("octo/tool")
        evil.add_release("v1").add_asset("tool.zip", b"content")
        page = f"{other.api_url}/repos/octo/tool/releases"
        github.fault("/releases", faults.redirect(page))
        ran = mirror()
        assert ran.code == 77
        assert "another origin" in ran.stderr
        assert other.requests == []


def test_a_dry_run_prints_what_the_real_run_does_and_writes_nothing(
    repo: Repository, mirror: Mirror, dest: Path
) -> None:
    one_asset(repo, bytes(2000))
    repo.add_release("v2").add_asset("late", b"x", state="open")

    planned = mirror("--dry-run", json=False)

    assert planned.code == 0
    assert not dest.exists()
    assert planned.stdout.splitlines() == [
        "leave           1 B  octo/tool/v2/late  (its upload is not finished)",
        "fetch        2.0 kB  octo/tool/v1/tool.zip  (new)",
        "would download 1 file, 2.0 kB; keep 0, adopt 0, leave 1, replaced 0, gone 0, refuse 0",
    ]
    [late, tool] = mirror("--dry-run").json["plan"]
    assert (late["action"], tool["action"]) == ("leave", "fetch")
    assert tool == {
        "action": "fetch",
        "repository": "octo/tool",
        "tag": "v1",
        "asset": "tool.zip",
        "size": 2000,
        "downloads": True,
        "bytes": 2000,
        "path": "octo/tool/v1/tool.zip",
        "reason": "new",
    }
    mirror()
    before = sorted((path, path.stat().st_mtime_ns) for path in dest.rglob("*"))
    assert [one["action"] for one in mirror("--dry-run").json["plan"]] == ["leave", "keep"]
    assert "tool.zip" not in mirror("--dry-run", json=False).stdout, "kept files are only counted"
    assert sorted((path, path.stat().st_mtime_ns) for path in dest.rglob("*")) == before


def test_each_request_and_asset_is_a_record_in_the_log(
    repo: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    one_asset(repo)
    log = tmp_path / "log"
    mirror("--log-json", log)
    records = actions_in(log.read_text())
    assert [record["action"] for record in records] == ["request"] * 3 + ["asset", "mirror"]
    asset, run = records[-2:]
    assert (asset["target"], asset["bytes"]) == ("octo/tool: v1/tool.zip", 7)
    assert (asset["outcome"], run["target"], run["downloaded"]) == ("downloaded", "octo/tool", 1)
    assert len({record["request_id"] for record in records}) == 1
