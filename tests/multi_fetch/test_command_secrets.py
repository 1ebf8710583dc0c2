"""No secret of a URL, a header or a proxy is ever shown, also when things go wrong."""

from pathlib import Path

import pytest

from multi_fetch.naming import key_of
from tests.multi_fetch.commanding import Fetch, answering, files_in, refused, silent
from tests.support.rawserver import RawServer, redirects

SECRET = "s3cr3t-w0rd"
ENDS = [
    f"/a?X-Amz-Signature={SECRET}&X-Amz-Expires=5",
    f"/a?sig={SECRET}",
    f"/a?Signature={SECRET}&Expires=1",
    f"/a?token={SECRET}",
    f"/a?access_token={SECRET}",
    f"/a?api_key={SECRET}",
    f"/a?apikey={SECRET}",
    f"/a?user=ann&password={SECRET}",
    f"/a?user=ann&pass={SECRET}",
    f"/a?p=1&client_secret={SECRET}",
    f"/a?%74oken={SECRET}",
    f"/a?b={SECRET}&sig=x",
    f"/a#{SECRET}",
]


def with_user(url: str) -> str:
    return url.replace("http://", f"http://m4ry:{SECRET}@")


def shown(ran_stdout: str, ran_stderr: str, *files: Path) -> str:
    return ran_stdout + ran_stderr + "".join(file.read_text() for file in files)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("ndjson", [True, False])
def test_a_secret_in_a_query_is_not_shown(
    fetch_list: Fetch, server: RawServer, end: str, *, ndjson: bool
) -> None:
    ran = fetch_list(f"{server.url}{end}", ndjson=ndjson, options=("--log-json", "-"))
    assert ran.code == 0
    assert SECRET not in ran.stdout + ran.stderr
    assert "/a" in ran.stdout


PLACES = {
    "ok": "U/a",
    "http": "U/404",
    "timeout": "U/silent",
    "redirect away": "U/away",
    "redirect on": "U/on",
    "refused": "R/",
    "port": "http://127.0.0.1:99999/",
    "no host": "http:///",
    "space": "U/a b",
    "control": "U/a\x1b",
}


@pytest.mark.parametrize("ndjson", [True, False])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_user_and_query_are_shown_nowhere_whatever_happens(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, place: str, *, ndjson: bool
) -> None:
    server.answer = answering(
        silent=silent,
        away=redirects(f"ftp://m4ry:{SECRET}@x/?token={SECRET}"),
        on=redirects(f"{with_user(server.url)}/a?token={SECRET}&b=1#{SECRET}"),
    )
    log, summary, out = tmp_path / "log", tmp_path / "summary", tmp_path / "out"
    url = with_user(place.replace("U", server.url).replace("R", refused()))
    options = ("--log-json", log, "--json-summary", summary, "--output-dir", out)
    ran = fetch_list(
        f"{url}?token={SECRET}",
        options=(*options, "--idle-timeout", "200ms", "--retries", 0),
        ndjson=ndjson,
    )
    assert SECRET not in shown(ran.stdout, ran.stderr, log, summary)
    assert SECRET not in "".join(files_in(out))
    assert "m4ry" not in ran.stdout


@pytest.mark.parametrize(
    "line",
    [
        f"http://m4ry:{SECRET}/x@127.0.0.1/",
        f"http://m4ry:x/{SECRET}@127.0.0.1/",
        f"http://m4ry:x#{SECRET}@127.0.0.1/",
        f"http://m4ry:{SECRET}#x@127.0.0.1/",
        f"http://m4ry:{SECRET}?x@127.0.0.1/",
        f"http:/m4ry:{SECRET}@127.0.0.1/",
        f"http:\\\\m4ry:{SECRET}@127.0.0.1\\",
        f"http://m4ry:{SECRET}\\@127.0.0.1/",
        f"http://m4ry:x@{SECRET}@127.0.0.1:x/",
        f"ftp://m4ry:{SECRET}@127.0.0.1/",
        f"m4ry:{SECRET}@127.0.0.1",
    ],
)
def test_a_password_that_spoils_a_url_is_not_shown(fetch_list: Fetch, line: str) -> None:
    """People forget to quote what is in their passwords."""
    ran = fetch_list(line, options=("--log-json", "-", "--retries", 0))
    assert ran.kinds == ["url"]
    assert SECRET not in ran.stdout + ran.stderr


def test_headers_and_proxies_are_shown_nowhere(fetch_list: Fetch, server: RawServer) -> None:
    proxy = f"http://m4ry:{SECRET}@127.0.0.1:1"
    options = ("--header", f"Authorization: Bearer {SECRET}", "--proxy", proxy, "--retries", 0)
    ran = fetch_list(server.url, options=(*options, "--log-json", "-"))
    assert ran.kinds == ["connect"]
    assert SECRET not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "header", [f"Bad name: {SECRET}", SECRET, f"A: {SECRET}\nB: c", f": {SECRET}"]
)
def test_a_header_that_cannot_be_sent_is_not_shown_either(fetch_list: Fetch, header: str) -> None:
    ran = fetch_list("http://127.0.0.1/", options=("--header", header))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert SECRET not in ran.stderr


@pytest.mark.parametrize(
    ("end", "differs"),
    [
        ("/a", False),
        ("/a?page=2&q=x", False),
        ("/a?token=x", True),
        ("/a#part", True),
        ("/a?q=" + "x" * 65, True),
    ],
)
def test_a_key_is_there_exactly_where_the_url_is_not_shown_as_it_is(
    fetch_list: Fetch, server: RawServer, end: str, *, differs: bool
) -> None:
    url = f"{server.url}{end}"
    record = fetch_list(url).record
    assert (record["url"] != url) == differs
    assert record["key"] == (key_of(url) if differs else None)


def test_a_key_tells_nothing_of_a_password(fetch_list: Fetch, server: RawServer) -> None:
    url = f"{server.url}/a"
    record = fetch_list(with_user(url)).record
    assert (record["url"], record["final_url"]) == (url, url)
    assert record["key"] == key_of(url.replace("http://", "http://m4ry@"))
