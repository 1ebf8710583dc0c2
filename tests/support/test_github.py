import gzip
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest

from tests.support import faults
from tests.support.fault_script import parse
from tests.support.faults import Fault
from tests.support.github import GitHub, main
from tests.support.github_data import Asset, Release, Repository

ROOT = Path(__file__).parents[2]
TIMEOUT = 10  # seconds that a broken server may hold up a test
TOKEN = {"Authorization": "Bearer t0ken"}
BINARY = {"Accept": "application/octet-stream"}
RELEASES = "/repos/octo/tool/releases"


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def links(self) -> dict[str, str]:
        found = re.findall(r'<([^>]*)>; rel="(\w+)"', self.headers.get("link", ""))
        return {relation: url for url, relation in found}


def connect(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)


def get(url: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> Answer:
    connection = connect(url)
    try:
        path = url.split("/", 3)[3]
        connection.request(method, f"/{path}", headers={"User-Agent": "test", **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def download(url: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Follow the redirect of an asset's API URL to the asset host."""
    return get(get(url, BINARY).headers["location"], headers)


def api_url(asset: Asset) -> str:
    return f"{asset.release.repository.site.api_url}{RELEASES}/assets/{asset.id}"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub(token="t0ken") as github:
        yield github


@pytest.fixture
def repository(github: GitHub) -> Repository:
    return github.add_repository("octo/tool")


@pytest.fixture
def release(repository: Repository) -> Release:
    return repository.add_release("v1.0", name="One", body="First")


@pytest.fixture
def asset(release: Release) -> Asset:
    return release.add_asset("tool.bin", b"0123456789")


def tags(answer: Answer) -> list[str]:
    return [release["tag_name"] for release in answer.json()]


def test_releases_are_listed_newest_created_first_whatever_their_order_of_arrival(
    github: GitHub, repository: Repository
) -> None:
    for tag, day in (("b", 2), ("c", 3), ("a", 1)):
        repository.add_release(tag, created_at=f"2024-01-0{day}T00:00:00Z")
    assert tags(get(github.api_url + RELEASES)) == ["c", "b", "a"]


def test_links_lead_through_every_page_to_the_end(github: GitHub, repository: Repository) -> None:
    for number in range(7):
        repository.add_release(f"v{number}")
    answers = [get(f"{github.api_url}{RELEASES}?per_page=3")]
    while "next" in answers[-1].links:
        answers.append(get(answers[-1].links["next"]))
    assert [tags(answer) for answer in answers] == [["v6", "v5", "v4"], ["v3", "v2", "v1"], ["v0"]]
    assert [list(answer.links) for answer in answers] == [
        ["next", "last"],
        ["prev", "next", "last", "first"],
        ["prev", "first"],
    ]
    page = f"{github.api_url}/repositories/{repository.id}/releases?per_page=3&page=3"
    assert answers[0].links["last"] == page


@pytest.mark.parametrize(
    ("query", "size"),
    [("", 30), ("?per_page=5", 5), ("?per_page=500", 100), ("?per_page=x", 30), ("?page=9", 0)],
)
def test_a_page_has_30_results_unless_asked_and_never_more_than_100(
    github: GitHub, repository: Repository, query: str, size: int
) -> None:
    for number in range(110):
        repository.add_release(f"v{number}")
    assert len(get(github.api_url + RELEASES + query).json()) == size


def test_the_list_ends_with_422_behind_a_thousand_results_though_links_go_on(
    github: GitHub, repository: Repository
) -> None:
    for number in range(1001):
        repository.add_release(f"v{number}")
    last = get(f"{github.api_url}{RELEASES}?per_page=100&page=10")
    assert len(last.json()) == 100
    beyond = get(last.links["next"])
    assert beyond.status == 422
    assert beyond.json()["message"] == "Only the first 1000 results are available."


@pytest.mark.parametrize("path", ["latest", "tags/release/1.0", "tags/release%2F1.0", "ID"])
def test_one_release_is_found_by_id_and_tag_and_as_the_latest(
    github: GitHub, repository: Repository, path: str
) -> None:
    release = repository.add_release("release/1.0")
    repository.add_release("rc", prerelease=True)
    repository.add_release("draft", draft=True)
    found = get(f"{github.api_url}{RELEASES}/{path.replace('ID', str(release.id))}").json()
    assert found["id"] == release.id
    assert found["html_url"].endswith("/octo/tool/releases/tag/release%2F1.0")


def test_the_assets_of_a_release_are_listed_in_pages(github: GitHub, release: Release) -> None:
    for number in range(5):
        release.add_asset(f"{number}.txt", b"")
    first = get(f"{github.api_url}{RELEASES}/{release.id}/assets?per_page=3")
    second = get(first.links["next"])
    names = [asset["name"] for asset in first.json() + second.json()]
    assert names == [f"{number}.txt" for number in range(5)]


def test_an_asset_tells_its_size_and_digest_unless_it_is_old(
    github: GitHub, release: Release
) -> None:
    release.add_asset("new.txt", b"abc", download_count=3)
    release.add_asset("old.txt", b"abc", digest=False, state="open")
    release.add_asset("odd.txt", b"abc", digest="sha256:00", content_type="text/odd")
    new, old, odd = get(f"{github.api_url}{RELEASES}/{release.id}").json()["assets"]
    assert new["digest"] == (
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert (new["size"], new["download_count"], new["content_type"]) == (3, 3, "text/plain")
    assert (old["digest"], old["state"]) == (None, "open")
    assert (odd["digest"], odd["content_type"]) == ("sha256:00", "text/odd")


@pytest.mark.parametrize("headers", [{}, TOKEN])
def test_drafts_are_shown_only_to_the_token(
    github: GitHub, repository: Repository, headers: dict[str, str]
) -> None:
    draft = repository.add_release("draft", draft=True)
    asset = draft.add_asset("secret.txt", b"")
    paths = (f"/{draft.id}", f"/{draft.id}/assets", f"/assets/{asset.id}")
    statuses = {get(f"{github.api_url}{RELEASES}{path}", headers).status for path in paths}
    assert statuses == ({200} if headers else {404})
    listed = get(github.api_url + RELEASES, headers).json()
    assert [release["published_at"] for release in listed] == ([None] if headers else [])


def test_a_published_draft_is_shown_to_everyone(github: GitHub, repository: Repository) -> None:
    draft = repository.add_release("v1", draft=True)
    assert tags(get(github.api_url + RELEASES)) == []
    draft.edit(draft=False, published_at="2025-05-05T00:00:00Z")
    (release,) = get(github.api_url + RELEASES).json()
    assert release["published_at"] == "2025-05-05T00:00:00Z"


def test_owner_and_name_are_found_in_any_case(github: GitHub, repository: Repository) -> None:
    found = get(f"{github.api_url}/repos/OCTO/Tool").json()
    assert (found["id"], found["full_name"]) == (repository.id, "octo/tool")


def test_a_renamed_repository_redirects_to_its_number(
    github: GitHub, repository: Repository, asset: Asset
) -> None:
    repository.rename("octo/new")
    answer = get(f"{github.api_url}{RELEASES}?per_page=1")
    place = f"{github.api_url}/repositories/{repository.id}/releases?per_page=1"
    assert (answer.status, answer.headers["location"]) == (301, place)
    assert answer.json()["message"] == "Moved Permanently"
    (release,) = get(place).json()
    assert release["url"].startswith(f"{github.api_url}/repos/octo/new/")
    old = f"{github.api_url}/octo/tool/releases/download/v1.0/{asset.name}"
    assert get(old).headers["location"] == release["assets"][0]["browser_download_url"]


def test_a_private_repository_does_not_exist_without_the_token(github: GitHub) -> None:
    release = github.add_repository("octo/secret", private=True).add_release("v1")
    release.add_asset("a", b"")
    url = f"{github.api_url}/repos/octo/secret/releases"
    assert [get(url).status, get(url, TOKEN).status] == [404, 200]
    web = get(url, TOKEN).json()[0]["assets"][0]["browser_download_url"]
    assert get(web, TOKEN).status == 404


@pytest.mark.parametrize(
    "path",
    ["/repos/octo/none", "/repositories/1", f"{RELEASES}/1", f"{RELEASES}/latest", "/repos/octo"],
)
def test_what_is_not_there_is_a_404_in_json(
    github: GitHub, repository: Repository, path: str
) -> None:
    answer = get(github.api_url + path)
    assert (answer.status, answer.json()["message"]) == (404, "Not Found")
    assert answer.json()["status"] == "404"
    assert repository.releases == {}


def test_a_wrong_token_is_refused(github: GitHub, repository: Repository) -> None:
    answer = get(f"{github.api_url}/repos/{repository.full_name}", {"Authorization": "token x"})
    assert (answer.status, answer.json()["message"]) == (401, "Bad credentials")


def test_a_client_must_name_itself(github: GitHub, repository: Repository) -> None:
    connection = connect(github.api_url)
    connection.request("GET", f"/repos/{repository.full_name}")
    response = connection.getresponse()
    assert (response.status, b"User-Agent" in response.read()) == (403, True)
    connection.close()


def test_an_unknown_version_of_the_api_is_refused(github: GitHub, release: Release) -> None:
    answer = get(github.api_url + RELEASES, {"X-GitHub-Api-Version": "1999-01-01"})
    assert (answer.status, release.tag) == (400, "v1.0")


def test_an_unchanged_list_is_a_304_that_the_token_gets_for_free(
    github: GitHub, release: Release
) -> None:
    first = get(github.api_url + RELEASES, TOKEN)
    etag = first.headers["etag"]
    again = get(github.api_url + RELEASES, {**TOKEN, "If-None-Match": etag})
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", etag)
    remaining = "x-ratelimit-remaining"
    assert first.headers[remaining] == again.headers[remaining] == "4999"
    release.edit(body="changed")
    changed = get(github.api_url + RELEASES, {**TOKEN, "If-None-Match": etag})
    assert (changed.status, changed.headers[remaining]) == (200, "4998")


def test_an_anonymous_304_costs_quota_as_github_documents(github: GitHub, release: Release) -> None:
    url = f"{github.api_url}{RELEASES}/{release.id}"
    again = get(url, {"If-None-Match": get(url).headers["etag"]})
    assert (again.status, again.headers["x-ratelimit-used"]) == (304, "2")


def test_an_exhausted_quota_refuses_until_the_hour_is_over() -> None:
    now = 1_700_000_000.0
    with GitHub(quota=1, clock=lambda: now) as github:
        url = f"{github.api_url}/repos/{github.add_repository('octo/tool').full_name}"
        assert get(url).status == 200
        refused = get(url)
        assert refused.status == 403
        assert refused.json()["message"].startswith("API rate limit exceeded for 127.0.0.1.")
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert refused.headers["x-ratelimit-reset"] == "1700003600"
        assert refused.headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        now += 3600
        assert get(url).status == 200


@pytest.mark.parametrize("link", ["url", "browser_download_url"])
def test_a_download_is_redirected_to_a_signed_url_of_another_origin(
    github: GitHub, release: Release, link: str
) -> None:
    release.add_asset("ü #1.bin", b"content")
    (asset,) = get(github.api_url + RELEASES).json()[0]["assets"]
    redirect = get(asset[link], BINARY)
    assert redirect.status == 302
    location = redirect.headers["location"]
    assert location.startswith(github.asset_url + "/")
    assert github.asset_url != github.api_url
    assert {"sig", "se"} <= {pair.split("=")[0] for pair in urlsplit(location).query.split("&")}
    answer = get(location)
    assert (answer.status, answer.body) == (200, b"content")
    assert answer.headers["content-disposition"].endswith(quote("ü #1.bin", safe=""))


def test_the_api_can_answer_with_the_content_itself() -> None:
    with GitHub(direct_assets=True) as github:
        release = github.add_repository("octo/tool").add_release("v1")
        answer = get(api_url(release.add_asset("a", b"content")), BINARY | {"Range": "bytes=3-"})
        assert (answer.status, answer.body) == (206, b"tent")
        assert github.requests_to("asset") == []


def test_the_asset_host_refuses_and_records_an_authorization_header(
    github: GitHub, asset: Asset
) -> None:
    answer = download(api_url(asset), TOKEN)
    assert (answer.status, answer.headers["content-type"]) == (401, "application/xml")
    (request,) = github.requests_to("asset")
    assert (request.status, request.headers["AUTHORIZATION"]) == (401, "Bearer t0ken")
    assert "t0ken" not in repr(request)


@pytest.mark.parametrize(("change", "status"), [(("sig=", "sig=A"), 403), (("&se=", "&x="), 403)])
def test_a_signature_must_match(asset: Asset, change: tuple[str, str], status: int) -> None:
    location = get(api_url(asset), BINARY).headers["location"]
    answer = get(location.replace(*change))
    assert (answer.status, b"<Code>AuthenticationFailed</Code>" in answer.body) == (status, True)


def test_a_signature_expires() -> None:
    now = 1_700_000_000.0
    with GitHub(clock=lambda: now, signature_seconds=300) as github:
        release = github.add_repository("octo/tool").add_release("v1")
        location = get(api_url(release.add_asset("a", b"")), BINARY).headers["location"]
        assert get(location).status == 200
        now += 300
        assert get(location).status == 403


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(
    ("wanted", "status", "body", "place"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=7-99", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=4-2", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
    ],
)
def test_a_range_is_answered_as_http_says(
    release: Release,
    tmp_path: Path,
    on_disk: bool,  # noqa: FBT001
    wanted: str,
    status: int,
    body: bytes | None,
    place: str | None,
) -> None:
    file = tmp_path / "tool.bin"
    file.write_bytes(b"0123456789")
    asset = release.add_asset("a", file if on_disk else file.read_bytes())
    answer = download(api_url(asset), {"Range": wanted})
    assert (answer.status, answer.headers["content-range"]) == (status, place)
    assert body in {None, answer.body}


def test_if_range_gives_the_rest_only_of_the_same_content(asset: Asset) -> None:
    whole = download(api_url(asset))
    rest = {"Range": "bytes=8-"}
    for validator in ("etag", "last-modified"):
        same = download(api_url(asset), {**rest, "If-Range": whole.headers[validator]})
        assert (same.status, same.body) == (206, b"89")
    asset.replace(b"abcdefghij")
    other = download(api_url(asset), {**rest, "If-Range": whole.headers["etag"]})
    assert (other.status, other.body) == (200, b"abcdefghij")


def test_replaced_content_has_another_id_and_digest_under_the_same_name(
    github: GitHub, asset: Asset
) -> None:
    def shown() -> dict[str, Any]:
        (found,) = get(github.api_url + RELEASES).json()[0]["assets"]
        return dict(found)

    before, location = shown(), get(api_url(asset), BINARY).headers["location"]
    asset.replace(b"new")
    after = shown()
    assert before["name"] == after["name"]
    assert all(before[key] != after[key] for key in ("id", "url", "digest", "size"))
    assert [get(before["url"]).status, get(location).status] == [404, 404]


def test_what_is_deleted_is_gone(github: GitHub, release: Release, asset: Asset) -> None:
    url = api_url(asset)
    asset.delete()
    assert get(github.api_url + RELEASES).json()[0]["assets"] == []
    release.delete()
    assert [get(url).status, get(github.api_url + RELEASES).json()] == [404, []]


def test_an_unfinished_upload_is_listed_and_cannot_be_downloaded(asset: Asset) -> None:
    asset.edit(state="open")
    listed = get(api_url(asset)).json()
    statuses = [get(api_url(asset), BINARY).status, get(listed["browser_download_url"]).status]
    assert (listed["state"], statuses) == ("open", [404, 404])


def test_head_has_the_headers_and_no_body(github: GitHub, asset: Asset) -> None:
    url = github.api_url + RELEASES
    head = get(url, method="HEAD")
    assert (head.body, head.headers["content-length"]) == (b"", str(len(get(url).body)))
    location = get(api_url(asset), BINARY).headers["location"]
    assert get(location, method="HEAD").headers["content-length"] == "10"


def test_requests_are_recorded_in_order_and_connections_are_kept(
    github: GitHub, release: Release
) -> None:
    connection = connect(github.api_url)
    for path in (f"{RELEASES}?page=1", f"{RELEASES}/0"):
        connection.request("GET", path, headers={"User-Agent": "me"})
        connection.getresponse().read()
    connection.close()
    seen = [(one.origin, one.method, one.path, one.status) for one in github.requests]
    assert seen == [
        ("api", "GET", f"{RELEASES}?page=1", 200),
        ("api", "GET", f"{RELEASES}/0", 404),
    ]
    assert len({one.peer for one in github.requests}) == 1
    assert [one.headers["user-agent"] for one in github.requests_to("api", "*/0")] == ["me"]
    github.forget_requests()
    assert (github.requests, release.tag) == ([], "v1.0")


def test_many_clients_are_served_at_once_and_none_is_lost(github: GitHub, asset: Asset) -> None:
    threads = [Thread(target=download, args=(api_url(asset),)) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT)
    assert [one.status for one in github.requests_to("asset")] == [200] * 32
    assert [one.status for one in github.requests_to("api")] == [302] * 32


def test_nonsense_is_a_bad_request(github: GitHub) -> None:
    connection = connect(github.api_url)
    connection.putrequest("GET", "/", skip_host=True)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    assert connection.getresponse().status == 400
    connection.close()


@pytest.mark.parametrize(
    ("fault", "status", "message"),
    [
        (faults.status(500), 500, "Internal Server Error"),
        (faults.throttled(), 403, "API rate limit exceeded for 127.0.0.1."),
        (faults.throttled(429, retry_after=7), 429, "API rate limit exceeded for 127.0.0.1."),
        (faults.throttled(secondary=True), 403, "You have exceeded a secondary rate limit."),
    ],
)
def test_a_scripted_status_has_githubs_words_and_headers(
    github: GitHub, release: Release, fault: Fault, status: int, message: str
) -> None:
    github.fault("/releases", fault)
    answer = get(github.api_url + RELEASES)
    assert (answer.status, answer.json()["status"]) == (status, str(status))
    assert answer.json()["message"].startswith(message)
    assert answer.headers["x-ratelimit-limit"] == "5000"
    assert tags(get(github.api_url + RELEASES)) == [release.tag]


@pytest.mark.parametrize(
    ("fault", "headers"),
    [
        (faults.throttled(), [None, "0"]),
        (faults.throttled(retry_after=7), ["7", "0"]),
        (faults.throttled(secondary=True, retry_after="a date"), ["a date", "4999"]),
        (faults.throttled(secondary=True), [None, "4999"]),
        (faults.throttled(remaining=5), [None, "5"]),
    ],
)
def test_a_rate_limit_says_when_to_come_back(
    github: GitHub, release: Release, fault: Fault, headers: list[str | None]
) -> None:
    github.fault("/releases", fault)
    answer = get(f"{github.api_url}{RELEASES}/{release.id}")
    assert [answer.headers[name] for name in ("retry-after", "x-ratelimit-remaining")] == headers


def test_a_rate_limit_can_name_its_reset(github: GitHub, release: Release) -> None:
    github.fault("/releases", faults.throttled(reset=12345))
    answer = get(f"{github.api_url}{RELEASES}/{release.id}")
    assert answer.headers["x-ratelimit-reset"] == "12345"


def test_a_gateway_answers_html(github: GitHub, release: Release) -> None:
    github.fault("/releases", faults.bad_gateway_html())
    answer = get(f"{github.api_url}{RELEASES}/{release.id}")
    assert (answer.status, answer.headers["content-type"]) == (502, "text/html")


def test_a_redirect_can_lead_anywhere(github: GitHub, release: Release) -> None:
    github.fault("/releases", faults.redirect("http://elsewhere.example/", 307))
    answer = get(f"{github.api_url}{RELEASES}/{release.id}")
    assert (answer.status, answer.headers["location"]) == (307, "http://elsewhere.example/")


@pytest.mark.parametrize("fault", [faults.truncated_json(), faults.not_json()])
def test_a_200_need_not_hold_json(github: GitHub, release: Release, fault: Fault) -> None:
    github.fault("/releases", fault)
    answer = get(f"{github.api_url}{RELEASES}/{release.id}")
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_connection_can_end_before_the_answer(github: GitHub, release: Release) -> None:
    github.fault("/releases", faults.cut_before_headers())
    with pytest.raises(http.client.RemoteDisconnected):
        get(f"{github.api_url}{RELEASES}/{release.id}")
    assert github.requests[0].status == faults.NO_ANSWER


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(
    ("fault", "partial"),
    [(faults.cut_body(after=3), b"012"), (faults.wrong_length(delta=4), b"0123456789")],
)
def test_a_body_can_be_shorter_than_announced(
    github: GitHub,
    release: Release,
    tmp_path: Path,
    on_disk: bool,  # noqa: FBT001
    fault: Fault,
    partial: bytes,
) -> None:
    file = tmp_path / "tool.bin"
    file.write_bytes(b"0123456789")
    asset = release.add_asset("a", file if on_disk else file.read_bytes())
    github.fault("*", fault, origin="asset")
    with pytest.raises(http.client.IncompleteRead) as caught:
        download(api_url(asset))
    assert caught.value.partial == partial


def test_a_body_can_be_longer_than_announced(github: GitHub, asset: Asset) -> None:
    github.fault("*", faults.wrong_length(delta=-4), origin="asset")
    assert download(api_url(asset)).body == b"012345"


def test_content_can_be_wrong_at_the_right_length(github: GitHub, asset: Asset) -> None:
    github.fault("*", faults.wrong_bytes(), origin="asset")
    body = download(api_url(asset)).body
    assert (len(body), body == b"0123456789") == (10, False)


def test_a_range_can_be_ignored_or_wrong(github: GitHub, asset: Asset) -> None:
    github.fault("*", faults.ignore_range(), origin="asset")
    github.fault("*", faults.wrong_range(shift=-1), origin="asset")
    ignored, wrong = (download(api_url(asset), {"Range": "bytes=5-"}) for _ in range(2))
    assert (ignored.status, ignored.body) == (200, b"0123456789")
    assert (wrong.body, wrong.headers["content-range"]) == (b"56789", "bytes 4-8/10")


def test_a_body_can_be_compressed_unasked(github: GitHub, asset: Asset) -> None:
    github.fault("*", faults.gzip_body(), origin="asset")
    answer = download(api_url(asset))
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == b"0123456789"


def test_a_signature_can_be_declared_expired(github: GitHub, asset: Asset) -> None:
    github.fault("*", faults.expired_signature(), origin="asset")
    assert [download(api_url(asset)).status for _ in range(2)] == [403, 200]


def test_a_body_can_trickle(github: GitHub, asset: Asset) -> None:
    fault = github.fault("*", faults.slow_body(chunk=4, delay=0.001), origin="asset")
    assert download(api_url(asset)).body == b"0123456789"
    assert fault.reached.is_set()


def test_a_stalled_body_shows_its_beginning_and_waits_for_the_client(
    github: GitHub, asset: Asset
) -> None:
    fault = github.fault("*", faults.stall_body(after=4), origin="asset")
    location = get(api_url(asset), BINARY).headers["location"]
    connection = connect(location)
    connection.request("GET", location.removeprefix(github.asset_url))
    response = connection.getresponse()
    assert (response.headers["content-length"], response.read(4)) == ("10", b"0123")
    assert fault.reached.wait(TIMEOUT)
    response.close()
    connection.close()


@pytest.mark.parametrize("fault", [faults.stall_headers(), faults.stall_body(after=1)])
def test_a_stalled_answer_does_not_hold_up_the_end(fault: Fault) -> None:
    with GitHub() as github:
        repository = github.add_repository("octo/tool")
        github.fault("/octo", fault)
        connection = connect(github.api_url)
        connection.request("GET", f"/repos/{repository.full_name}", headers={"User-Agent": "me"})
        assert fault.reached.wait(TIMEOUT)
    with pytest.raises((http.client.RemoteDisconnected, http.client.IncompleteRead)):
        connection.getresponse().read()
    connection.close()


def test_faults_meet_the_first_requests_that_fit_in_their_order(
    github: GitHub, release: Release
) -> None:
    github.fault("*/releases?page=2", faults.status(501))
    github.fault("/releases", faults.status(502), times=2)
    github.fault("*/releases*", faults.status(503))
    pages = [1, 2, 1, 1, 1]
    statuses = [get(f"{github.api_url}{RELEASES}?page={page}").status for page in pages]
    assert (statuses, release.draft) == ([502, 501, 502, 503, 200], False)


def test_a_fault_that_met_no_request_fails_the_test() -> None:
    github = GitHub()
    with pytest.raises(AssertionError, match=r"status\(500\) for '/nowhere', 2 more"), github:
        github.fault("/nowhere", faults.status(500), times=2)


def test_a_test_that_fails_anyway_is_not_blamed_for_its_faults() -> None:
    github = GitHub()
    github.fault("/nowhere", faults.status(500))
    with pytest.raises(ZeroDivisionError), github:
        raise ZeroDivisionError


def download_a_file_that_is_gone(file: Path) -> None:
    file.write_bytes(b"soon gone")
    with GitHub(direct_assets=True) as github:
        asset = github.add_repository("octo/tool").add_release("v1").add_asset("a", file)
        file.unlink()
        with pytest.raises(http.client.IncompleteRead):
            get(api_url(asset), BINARY)


def test_a_failure_inside_a_server_thread_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="FileNotFoundError"):
        download_a_file_that_is_gone(tmp_path / "gone.bin")


def test_a_fault_is_named_on_a_command_line_as_in_a_test() -> None:
    assert parse("cut_body:100").name == "cut_body(after=100)"
    assert parse('redirect:"/x",307').name == "redirect('/x', 307)"
    with pytest.raises(ValueError, match="is none of"):
        parse("cut_boddy")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--token-env", "NO_SUCH_VARIABLE"], "NO_SUCH_VARIABLE is not in the environment"),
        (["--fault", "*=explode"], "'explode' is none of bad_gateway_html, "),
    ],
)
def test_the_command_says_what_is_wrong_with_its_arguments(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    with pytest.raises(SystemExit):
        main(["--data", str(tmp_path), *arguments])
    assert why in capsys.readouterr().err


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_a_folder_until_it_is_told_to_stop(
    tmp_path: Path, stop: signal.Signals
) -> None:
    folder = tmp_path / "octo" / "tool" / "v1.0"
    folder.mkdir(parents=True)
    content = bytes(range(256)) * 1024
    (folder / "tool.bin").write_bytes(content)
    module = [sys.executable, "-m", "tests.support.github", "--data", str(tmp_path)]
    command = [*module, "--token-env", "A_TOKEN", "--fault", "*/releases*=status:500"]
    environment = {**os.environ, "A_TOKEN": "t0ken"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=ROOT, env=environment, text=True
    ) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        url = ready["api_url"] + RELEASES
        assert get(url).status == 500
        (asset,) = get(url, TOKEN).json()[0]["assets"]
        location = get(asset["browser_download_url"]).headers["location"]
        assert location.startswith(ready["asset_url"])
        assert get(location).body == content
        process.send_signal(stop)
        assert process.wait(TIMEOUT) == 0
