"""What a hostile upstream may say and send: each is named, and leaves nothing wrong."""

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from tests.release_mirror.conftest import Mirror, files_in
from tests.support import faults
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.github_data import Release, Repository
from tests.support.github_http import Request, Response
from tests.support.github_server import Wire

TAG = "octo/tool/v1"
CONTENT = b"content" * 100
TOKEN = "t0ken-s3cret"


@pytest.fixture
def release(repo: Repository) -> Release:
    return repo.add_release("v1")


def answer_with(change: Callable[[Response], Response]) -> Fault:
    return Fault("changed", answer=lambda _request, response: change(response))


def listing(change: Callable[[list[dict[str, object]]], object]) -> Fault:
    """Another list of releases than there is."""

    def answer(_request: Request, response: Response) -> Response:
        releases = json.loads(response.content)
        change(releases)
        other = replace(response, body=json.dumps(releases).encode())
        return other.with_headers({"etag": 'W/"odd"'})  # or it would be taken for the true one

    return Fault("listing", answer=answer)


def endless(_wire: Wire, response: Response, reached: Event) -> None:
    reached.set()
    _wire.write(replace(response, length=2**62).head())
    while True:  # until the client has had enough
        _wire.write(bytes(65536))


def chunked_endless(_wire: Wire, response: Response, reached: Event) -> None:
    reached.set()
    head = response.head().replace(b"content-length", b"x-length")
    _wire.write(head.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n"))
    while True:
        _wire.write(b"10000\r\n" + bytes(65536) + b"\r\n")


LIES = {
    "longer than announced": faults.wrong_length(-5),
    "shorter than announced": faults.wrong_length(5),
    "endless": Fault("endless", send=endless),
    "endless in chunks": Fault("chunked", send=chunked_endless),
    "zipped": faults.gzip_body(),
    "zipped to the very size": answer_with(
        lambda r: replace(r, body=gzip.compress(b"")[:20].ljust(len(CONTENT), b"\0")).with_headers(
            {"content-encoding": "gzip"}
        )
    ),
    "a part that nobody asked for": answer_with(
        lambda r: replace(r, status=206).with_headers(
            {"content-range": f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"}
        )
    ),
    "no content": answer_with(lambda r: replace(r, status=204, body=b"")),
    "a redirect in a circle": faults.redirect(""),
    "a redirect to a file": faults.redirect("file:///etc/passwd"),
    "a redirect to ftp": faults.redirect("ftp://127.0.0.1/x"),
    "a redirect to gopher": faults.redirect("gopher://127.0.0.1:1/_x"),
    "a redirect to nowhere": faults.redirect("http://[::"),
    "not there": faults.status(404),
    "gone": faults.status(410),
    "a legal reason": faults.status(451),
}


@pytest.mark.parametrize("name", LIES)
def test_a_lie_about_an_asset_is_its_failure_and_leaves_nothing(
    github: GitHub, release: Release, mirror: Mirror, dest: Path, name: str
) -> None:
    bad = release.add_asset("bad", CONTENT)
    release.add_asset("good", CONTENT)
    github.fault(f"/{bad.id}", LIES[name], origin="asset")
    ran = mirror("--retries", 0)
    assert (ran.code, ran.counts) == (1, (1, 0, 1)), ran.stderr
    assert "internal error" not in ran.stderr
    assert files_in(dest) == {f"{TAG}/good"}
    assert mirror().counts == (1, 1, 0)


def test_redirects_in_a_circle_end(github: GitHub, release: Release, mirror: Mirror) -> None:
    release.add_asset("tool", CONTENT)
    circle = faults.redirect("/octo/tool/releases/download/v1/tool")
    github.fault("/releases/download", circle, times=6)
    ran = mirror("--retries", 0)
    assert (ran.code, ran.reason) == (1, "more than 5 redirects")


NAMES = {
    "newline": "a\nb",
    "carriage return": "a\r\nb",
    "NUL": "a\0b",
    "escape": "\x1b[2J",
    "bidi": "\u202egnp.exe",
    "very long": "n" * 10_000,
    "very long with an ending": "\u00e9" * 5000 + ".tar.gz",
    "a temporary file": ".toolroll-x.part",
    "our checksums": "SHA256SUMS",
    "our other checksums": "SHA256SUMS.mirror",
    "the manifest": "manifest.sqlite",
    "the lock": ".release-mirror.lock",
    "dots": "..",
    "a path": "../../../../evil",
    "a Windows path": "..\\..\\evil",
    "nothing": "",
    "a space": " ",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_an_asset_of_any_name_is_one_file_in_its_folder(
    release: Release, mirror: Mirror, dest: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)  # by its id: not every name has an address
    release.add_asset(name, CONTENT)
    release.add_asset("SHA256SUMS" if name != "SHA256SUMS" else "tool", b"\n")
    ran = mirror()
    assert ran.counts == (2, 0, 0), ran.stderr
    assert len([p for p in (dest / TAG).iterdir() if p.is_file()]) == 3
    assert not list(dest.parent.rglob("evil"))
    assert mirror().counts == (0, 2, 0)
    again = mirror(json=False)
    assert "\x1b" not in again.stdout + again.stderr


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_tag_of_any_name_is_one_folder(
    repo: Repository, mirror: Mirror, dest: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    repo.add_release(name).add_asset("tool", CONTENT)
    assert mirror().counts == (1, 0, 0)
    [folder] = (dest / "octo/tool").iterdir()
    assert {path.name for path in folder.iterdir()} == {"tool", "SHA256SUMS"}
    assert mirror().counts == (0, 1, 0)


def edit_asset(**fields: object) -> Callable[[list[dict[str, object]]], object]:
    def change(releases: list[dict[str, object]]) -> None:
        assets = releases[0]["assets"]
        assert isinstance(assets, list)
        assets[0].update(fields)

    return change


def twice_in_a_page(releases: list[dict[str, object]]) -> None:
    assets = releases[0]["assets"]
    assert isinstance(assets, list)
    assets.append(dict(assets[0]))


def another_asset_of_its_name(releases: list[dict[str, object]]) -> None:
    twice_in_a_page(releases)
    assets = releases[0]["assets"]
    assert isinstance(assets, list)
    assets[-1]["id"] = 7


def one_asset_in_two_releases(releases: list[dict[str, object]]) -> None:
    releases.append({**releases[0], "id": 5, "tag_name": "v0"})


def one_release_twice(releases: list[dict[str, object]]) -> None:
    releases.append(dict(releases[0]))


ODDITIES = {
    "size 2^63-1": (edit_asset(size=2**63 - 1), {1}),
    "size 2^63": (edit_asset(size=2**63), {69}),
    "size -1": (edit_asset(size=-1), {69}),
    "size 0": (edit_asset(size=0), {1}),
    "id 0": (edit_asset(id=0), {0}),
    "id 2^63-1": (edit_asset(id=2**63 - 1), {0}),
    "no digest at all": (edit_asset(digest="sha512:00"), {0}),
    "an odd digest": (edit_asset(digest="sha256:xyz"), {0}),
    "a surrogate": (edit_asset(name="\ud800"), {0, 1, 69}),
    "an odd state": (edit_asset(state="starter"), {0}),
    "a URL that is none": (edit_asset(browser_download_url="http://[x"), {1}),
    "a URL of a file": (edit_asset(browser_download_url="file:///etc/passwd"), {1}),
    "a URL of 100,000 characters": (
        edit_asset(browser_download_url="http://h/" + "x" * 100_000),
        {1},
    ),
    "twice in a page": (twice_in_a_page, {0, 1, 69}),
    "another of its name": (another_asset_of_its_name, {0, 1, 69}),
    "one in two releases": (one_asset_in_two_releases, {0, 1, 69}),
    "one release twice": (one_release_twice, {0, 1, 69}),
}


@pytest.mark.parametrize("name", ODDITIES)
def test_an_odd_listing_is_no_bug_and_leaves_nothing_wrong(
    github: GitHub, release: Release, mirror: Mirror, dest: Path, name: str
) -> None:
    release.add_asset("tool", CONTENT)
    change, codes = ODDITIES[name]
    github.fault("*/releases[?]*", listing(change))
    ran = mirror("--retries", 0)
    assert ran.code in codes, ran.stderr
    assert "internal error" not in ran.stderr
    assert all((dest / path).read_bytes() == CONTENT for path in files_in(dest))
    assert mirror("--retries", 0).code in {0, 1}
    assert (dest / TAG / "tool").read_bytes() == CONTENT


def test_a_release_that_vanishes_after_the_listing_is_a_failure_and_then_no_more(
    github: GitHub, release: Release, mirror: Mirror
) -> None:
    release.add_asset("tool", CONTENT)

    def vanish(request: Request) -> Request:
        release.delete()
        return request

    github.fault("/releases/download", Fault("vanish", see=vanish))
    ran = mirror()
    assert (ran.code, ran.reason) == (1, "HTTP status 404")
    assert mirror().counts == (0, 0, 0)


def test_an_upload_that_is_finished_later_is_mirrored_then(
    release: Release, mirror: Mirror
) -> None:
    asset = release.add_asset("tool", CONTENT, state="open")
    assert mirror().counts == (0, 1, 0)
    asset.edit(state="uploaded")
    assert mirror().counts == (1, 0, 0)


SUMS = {
    "huge": b"0" * 5_000_000,
    "many lines": b"\n" * 4_000_000,
    "binary": bytes(range(256)) * 1000,
    "digests of nothing": b"".join(b"%064x  %d\n" % (n, n) for n in range(40_000)),
}


@pytest.mark.parametrize("name", SUMS)
def test_published_checksums_that_say_nothing_do_no_harm(
    release: Release, mirror: Mirror, name: str
) -> None:
    release.add_asset("tool", CONTENT)
    release.add_asset("SHA256SUMS", SUMS[name])
    assert mirror().counts == (2, 0, 0)


def test_published_checksums_that_contradict_the_digest_are_a_failure(
    release: Release, mirror: Mirror, dest: Path
) -> None:
    release.add_asset("tool", CONTENT)
    release.add_asset("SHA256SUMS", b"%064x  tool\n" % 7)
    ran = mirror()
    assert (ran.code, ran.counts) == (1, (1, 0, 1))
    assert files_in(dest) == {f"{TAG}/SHA256SUMS.mirror"}, "and theirs"
    assert hashlib.sha256(CONTENT).hexdigest() in ran.reason


@pytest.mark.parametrize("token", [True, False])
def test_a_repository_that_is_renamed_in_mid_run_is_mirrored(
    github: GitHub,
    repo: Repository,
    release: Release,
    mirror: Mirror,
    *,
    token: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if token:
        monkeypatch.setenv("GH_TOKEN", TOKEN)
    for number in range(3):
        release.add_asset(f"{number}", CONTENT)

    def rename(request: Request) -> Request:
        repo.rename("octo/new")
        return request

    github.fault(
        "/releases/assets/" if token else "/releases/download/", Fault("rename", see=rename)
    )
    assert mirror("--concurrency", 1).counts == (3, 0, 0)


def test_a_quota_that_ends_in_mid_run_ends_it_with_75_and_few_requests(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    with GitHub(token=TOKEN, quota=20) as github:
        release = github.add_repository("octo/tool").add_release("v1")
        for number in range(100):
            release.add_asset(f"{number}", CONTENT)
        ran = mirror("--max-wait", "1s", "--concurrency", 16, "--api-url", github.api_url)
        assert ran.code == 75, ran.stderr
        assert 0 < ran.counts[0] < 20
        assert len(github.requests_to("api")) <= 20 + 2 * 16, (
            "those at hand, and those that were next"
        )
    assert all(failure["throttled"] for failure in ran.json["failures"])
    assert len(ran.json["failures"]) == 100 - ran.counts[0]


def test_a_quota_that_is_back_within_max_wait_is_waited_for(
    github: GitHub, release: Release, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    for number in range(20):
        release.add_asset(f"{number}", CONTENT)
    github.fault("/releases/assets/", faults.throttled(403, retry_after=1), times=4)
    ran = mirror("--concurrency", 4)
    assert ran.counts == (20, 0, 0), ran.stderr
    assert len(github.requests_to("api", "/releases/assets/")) <= 24
