"""The JSON that a served mirror answers, in GitHub's words."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.release_mirror.conftest import Mirror
from tests.release_mirror.serving import Served, serving, serving_here
from tests.support.github_data import Repository
from tests.support.test_openapi import problems

LIST = "/repos/octo/tool/releases"


@pytest.fixture
def served(repo: Repository, mirror: Mirror, dest: Path) -> Iterator[Served]:
    """Five releases, one with many assets, one without any."""
    for number in range(1, 4):
        repo.add_release(f"v{number}").add_asset("tool", bytes([number]))
    repo.add_release("rc", prerelease=True).add_asset("tool", b"rc")
    many = repo.add_release("a/slash", name="With a slash")
    for number in range(35):
        many.add_asset(f"{number}.bin", b"x" * number, download_count=number)
    repo.add_release("bare")
    assert mirror("--prereleases").code == 0
    with serving_here(dest) as server:
        yield server


def tags(value: list[dict[str, Any]]) -> list[str]:
    return [release["tag_name"] for release in value]


def test_releases_are_listed_newest_first_those_without_a_file_left_out(served: Served) -> None:
    assert tags(served.ask(LIST).json) == ["a/slash", "rc", "v3", "v2", "v1"]


def test_answers_are_what_github_describes(served: Served) -> None:
    releases = served.ask(LIST).json
    asset = releases[0]["assets"][0]["id"]
    path = "/repos/{owner}/{repo}"
    for described, asked, status in (
        (path, "/repos/octo/tool", 200),
        (f"{path}/releases", LIST, 200),
        (f"{path}/releases/latest", f"{LIST}/latest", 200),
        (f"{path}/releases/{{release_id}}", f"{LIST}/{releases[0]['id']}", 200),
        (f"{path}/releases/tags/{{tag}}", f"{LIST}/tags/v1", 200),
        (f"{path}/releases/{{release_id}}/assets", f"{LIST}/{releases[0]['id']}/assets", 200),
        (f"{path}/releases/assets/{{asset_id}}", f"{LIST}/assets/{asset}", 200),
        (f"{path}/releases", "/repos/octo/nothing/releases", 404),
    ):
        got = served.ask(asked)
        assert (got.status, problems(described, str(status), got.json)) == (status, [])


def test_pages_are_linked_as_github_links_them(served: Served) -> None:
    got = served.ask(f"{LIST}?per_page=2&page=2&evil=%22%3E")
    assert tags(got.json) == ["v3", "v2"]
    base = f"{served.url}{LIST}?per_page=2&page="
    assert re.findall(r'<([^>]*)>; rel="(\w+)"', got.headers["Link"]) == [
        (f"{base}1", "prev"),
        (f"{base}3", "next"),
        (f"{base}3", "last"),
        (f"{base}1", "first"),
    ]
    assert "Link" not in served.ask(LIST).headers
    assert served.ask(f"{LIST}?per_page=2&page=9").json == []


@pytest.mark.parametrize("query", ["per_page=0", "page=-1", "per_page=x&page=", "page=1e3"])
def test_a_page_that_is_no_number_is_the_first(served: Served, query: str) -> None:
    assert len(served.ask(f"{LIST}?{query}").json) == 5


def test_assets_have_pages_of_30_and_100(served: Served) -> None:
    [release] = [one for one in served.ask(LIST).json if one["tag_name"] == "a/slash"]
    assert len(release["assets"]) == 35
    path = f"{LIST}/{release['id']}/assets"
    first, second = served.ask(path), served.ask(f"{path}?page=2")
    assert (len(first.json), len(second.json)) == (30, 5)
    assert first.json + second.json == release["assets"]
    assert served.ask(f"{path}?per_page=1000").json == release["assets"]


@pytest.mark.parametrize("path", ["tags/a/slash", "tags/a%2Fslash", "tags/a%2fslash"])
def test_a_tag_may_hold_a_slash(served: Served, path: str) -> None:
    assert served.ask(f"{LIST}/{path}").json["name"] == "With a slash"
    download = path.replace("tags/", "/octo/tool/releases/download/") + "/3.bin"
    assert served.ask(download).body == b"xxx"


def test_owner_and_name_have_any_case_and_tags_have_theirs(served: Served) -> None:
    assert served.ask("/repos/OCTO/Tool").json["full_name"] == "octo/tool"
    assert served.ask("/repos/OCTO/Tool/releases/tags/V1").status == 404


def test_the_latest_is_what_github_shows_as_such(
    served: Served, repo: Repository, mirror: Mirror
) -> None:
    # `bare` is the latest there, and has no file here
    assert served.ask(f"{LIST}/latest").json["tag_name"] == "a/slash"
    for release in list(repo.releases.values()):
        if release.tag in {"bare", "a/slash"}:
            release.edit(prerelease=True)
    mirror("--prereleases")
    assert served.ask(f"{LIST}/latest").json["tag_name"] == "v3"
    assert served.ask("/octo/tool/releases/latest/download/tool").body == b"\x03"


def test_what_is_gone_upstream_stays(served: Served, repo: Repository, mirror: Mirror) -> None:
    oldest = min(repo.releases.values(), key=lambda one: one.id)
    oldest.delete()
    mirror("--prereleases")
    assert "v1" in tags(served.ask(LIST).json)
    assert served.ask("/octo/tool/releases/download/v1/tool").body == b"\x01"


def test_both_of_a_replaced_asset_are_there_under_names_of_their_own(
    served: Served, repo: Repository, mirror: Mirror
) -> None:
    [release] = [one for one in repo.releases.values() if one.tag == "v2"]
    [asset] = release.assets.values()
    old = asset.id
    asset.replace(b"newer")
    mirror("--prereleases", "--on-replaced", "keep-both")
    shown = served.ask(f"{LIST}/tags/v2").json["assets"]
    assert {one["id"]: one["name"] for one in shown} == {old: "tool", asset.id: f"tool~{asset.id}"}
    for one in shown:
        place = one["browser_download_url"].removeprefix(served.url)
        assert len(served.ask(place).body) == one["size"]


def test_an_asset_is_json_or_its_bytes(served: Served) -> None:
    [asset] = served.ask(f"{LIST}/tags/v3").json["assets"]
    path = asset["url"].removeprefix(served.url)
    assert served.ask(path, Accept="application/vnd.github+json").json == asset
    assert served.ask(path, Accept="application/octet-stream").body == b"\x03"


def test_an_unchanged_answer_is_304_until_it_changes(
    served: Served, repo: Repository, mirror: Mirror
) -> None:
    etag = served.ask(LIST).headers["ETag"]
    assert re.fullmatch('"[0-9a-f]{64}"', etag)
    known = f'"other", W/{etag}'
    got = served.ask(LIST, If_None_Match=known)
    assert (got.status, got.body, got.headers["ETag"]) == (304, b"", etag)
    repo.add_release("v9").add_asset("tool", b"9")
    mirror("--prereleases")
    assert served.ask(LIST, If_None_Match=known).status == 200


def test_addresses_are_those_that_the_client_used(served: Served) -> None:
    def first(path: str, host: str) -> dict[str, Any]:
        found: dict[str, Any] = served.ask(path, Host=host).json[0]["assets"][0]
        return found

    asset = first(f"/api/v3{LIST}", "mirror.example:81")
    assert asset["url"].startswith("http://mirror.example:81/api/v3/repos/octo/tool/releases/")
    assert asset["browser_download_url"].startswith("http://mirror.example:81/octo/tool/releases/")
    assert first(LIST, "[::1]:8080")["url"].startswith("http://[::1]:8080/repos/")


@pytest.mark.usefixtures("served")
def test_behind_a_proxy_addresses_are_its(dest: Path) -> None:
    with serving(dest, "--public-url", "https://mirror.example/gh/") as server:
        [release, *_] = server.ask(LIST, Host="in!valid").json
        assert release["url"].startswith("https://mirror.example/gh/repos/octo/tool/releases/")
        link = server.ask(f"{LIST}?per_page=1").headers["Link"]
        assert link.startswith("<https://mirror.example/gh/repos/octo/tool/releases?per_page=1&")


def test_head_has_the_headers_of_get(served: Served) -> None:
    for path in (LIST, "/octo/tool/releases/download/v1/tool", "/healthz", "/nowhere"):
        got, head = served.ask(path), served.ask(path, "HEAD")
        assert head.body == b""
        for name in ("ETag", "Content-Length", "Content-Type"):
            assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_written(served: Served, method: str) -> None:
    got = served.ask(LIST, method)
    assert (got.status, got.headers["Allow"]) == (405, "GET, HEAD")


def test_archives_are_there_where_they_are_mirrored(served: Served, dest: Path) -> None:
    assert served.ask(f"{LIST}/tags/v1").json["tarball_url"] is None
    assert served.ask("/repos/octo/tool/tarball/v1").status == 404
    put_archive(dest, "v1", b"tar")
    assert "/tarball/refs/tags/v1" in served.ask(f"{LIST}/tags/v1").json["tarball_url"]
    for path in (
        "/repos/octo/tool/tarball/v1",
        "/repos/octo/tool/tarball/refs/tags/v1",
        "/octo/tool/archive/refs/tags/v1.tar.gz",
    ):
        assert (served.ask(path).body, served.ask(path).headers["Content-Type"]) == (
            b"tar",
            "application/gzip",
        )
    assert served.ask("/octo/tool/archive/refs/tags/v1.zip").status == 404


def put_archive(dest: Path, tag: str, content: bytes) -> None:
    """Record an archive, as a run with --source-archives does."""
    path = dest / "octo/tool" / tag / f"tool-{tag}.tar.gz"
    path.write_bytes(content)
    values = (
        path.relative_to(dest).as_posix(),
        tag,
        len(content),
        "0" * 64,
        path.stat().st_mtime_ns,
    )
    with closing(sqlite3.connect(dest / "manifest.sqlite")) as connection, connection:
        connection.execute(
            "INSERT INTO files (path, release_id, kind, size, sha256, mtime_ns, verified_by, "
            "stored_at) SELECT ?, id, 'tarball', ?3, ?4, ?5, 'nothing', '' FROM releases "
            "WHERE tag_name = ?2",
            values,
        )


def test_the_front_page_says_what_this_is(served: Served) -> None:
    assert served.ask("/").json["repositories"] == {"octo/tool": f"{served.url}{LIST}"}
    assert served.ask("/healthz").json == {"ok": True, "repositories": 1}


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/repos",
        "/repos/octo",
        "/repos/octo/other/releases",
        "/repos/octo/tool/issues",
        "/repos/octo/tool/releases/tags",
        "/repos/octo/tool/releases/0",
        "/repos/octo/tool/releases/9223372036854775808",
        "/repos/octo/tool/releases/assets/1",
        "/octo/tool/releases/download/v1",
        "/octo/tool/releases/download/v1/none",
        "/octo/tool/releases/download/none/tool",
        "/manifest.sqlite",
        "/octo/tool/v1/tool",
        "//",
    ],
)
def test_anything_else_is_not_found(served: Served, path: str) -> None:
    got = served.ask(path)
    assert (got.status, got.json["message"]) == (404, "Not Found")
