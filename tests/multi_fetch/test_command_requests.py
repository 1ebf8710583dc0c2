"""What is sent: headers, through proxies, to whom they belong."""

from pathlib import Path

import pytest

from tests.multi_fetch.commanding import Fetch, answering, targets, tells_its_path
from tests.support.rawserver import RawServer, redirects


def test_headers_are_sent_with_every_request(fetch_list: Fetch, server: RawServer) -> None:
    options = ("--header", "X-One: 1", "--header", "x-two:2 ", "--header", "X-Empty:")
    assert fetch_list(f"{server.url}/a", f"{server.url}/b", options=options).code == 0
    for request in server.requests:
        sent = {name: request.headers.get(name) for name in ("x-one", "x-two", "x-empty")}
        assert sent == {"x-one": "1", "x-two": "2", "x-empty": ""}


def test_a_header_that_is_given_twice_is_sent_twice_or_refused(
    fetch_list: Fetch, server: RawServer
) -> None:
    """Forgetting one of them in silence is the worst of three ways."""
    ran = fetch_list(server.url, options=("--header", "X-One: 1", "--header", "X-One: 2"))
    sent = [request.headers["x-one"] for request in server.requests]
    assert (ran.code, sent) in [(0, ["1, 2"]), (2, [])]


@pytest.mark.parametrize(
    "content",
    [b"X-One: 1\nX-Two: 2\n", b"X-One: 1\r\n\r\nX-Two: 2", b"\n  X-One: 1  \n\nX-Two: 2\n\n"],
)
def test_headers_may_come_from_a_file(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "headers").write_bytes(content)
    assert fetch_list(server.url, options=("--header", f"@{tmp_path / 'headers'}")).code == 0
    [request] = server.requests
    assert (request.headers["x-one"], request.headers["x-two"]) == ("1", "2")


@pytest.mark.parametrize("value", [b"caf\xe9", "\u00c5ngstr\u00f6m".encode(), b"a\x85b"])
def test_bytes_of_a_header_in_a_file_are_sent_as_they_are(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, value: bytes
) -> None:
    (tmp_path / "headers").write_bytes(b"X-One: " + value + b"\n")
    ran = fetch_list(server.url, options=("--header", f"@{tmp_path / 'headers'}"))
    assert (ran.code, ran.stderr.count("\n")) == (0, 2)
    assert server.requests[0].headers["x-one"].encode("latin-1") == value


@pytest.mark.parametrize("content", [b"X-One\n", b"X One: 1\n", b"X-One: a\x00b\n", b"a: b\x01\n"])
def test_a_file_of_headers_that_cannot_be_sent_is_refused(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "headers").write_bytes(content)
    ran = fetch_list(server.url, options=("--header", f"@{tmp_path / 'headers'}"))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert targets(server) == []


def test_secrets_go_to_their_own_host_only(fetch_list: Fetch, server: RawServer) -> None:
    with RawServer(tells_its_path) as other:
        server.answer = answering(on=redirects(f"{other.url}/there"))
        options = ("--header", "Authorization: Bearer x", "--header", "cookie: y")
        ran = fetch_list(f"{server.url}/on", options=(*options, "--header", "X-One: 1"))
        assert ran.code == 0
        assert server.requests[0].headers["authorization"] == "Bearer x"
        [request] = other.requests
    assert not {"authorization", "cookie"} & request.headers.keys()
    assert request.headers["x-one"] == "1"


def test_a_user_in_a_url_is_sent_as_one(fetch_list: Fetch, server: RawServer) -> None:
    fetch_list(f"http://m4ry:p%40ss@127.0.0.1:{server.port}/")
    assert server.requests[0].headers["authorization"] == "Basic bTRyeTpwQHNz"


FAR = "http://far.example/a?b=c"


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_gets_every_request(fetch_list: Fetch, server: RawServer, scheme: str) -> None:
    proxy = f"{scheme}m4ry:pw@127.0.0.1:{server.port}"
    ran = fetch_list(FAR, "http://127.0.0.1:1/x", options=("--proxy", proxy))
    assert (ran.code, sorted(targets(server))) == (0, ["http://127.0.0.1:1/x", FAR])
    headers = [request.headers["proxy-authorization"] for request in server.requests]
    assert headers == ["Basic bTRyeTpwdw=="] * 2


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_used(
    fetch_list: Fetch, server: RawServer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, server.url)
    assert fetch_list(FAR).code == 0
    assert targets(server) == [FAR]


@pytest.mark.parametrize("exception", ["127.0.0.1", "*", "far.example,127.0.0.1", "127.0.0.0/8"])
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_hosts_that_need_no_proxy_get_none(
    fetch_list: Fetch, server: RawServer, monkeypatch: pytest.MonkeyPatch, name: str, exception: str
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv(name, exception)
    assert fetch_list(f"{server.url}/a").code == 0
    assert targets(server) == ["/a"]


def test_no_proxy_at_all_can_be_asked_for(
    fetch_list: Fetch, server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert fetch_list(f"{server.url}/a", options=("--proxy", "")).code == 0
    assert targets(server) == ["/a"]


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "socks5h://127.0.0.1:1", "127.0.0.1:1"])
def test_a_proxy_that_is_not_there_is_no_connection(
    fetch_list: Fetch, server: RawServer, proxy: str
) -> None:
    ran = fetch_list(server.url, options=("--proxy", proxy, "--retries", 0))
    assert (ran.code, ran.kinds, targets(server)) == (1, ["connect"], [])


@pytest.mark.parametrize("proxy", ["carrier-pigeon://127.0.0.1:1", "http://127.0.0.1:99999", "::"])
def test_a_proxy_of_the_environment_that_is_none_is_no_bug(
    fetch_list: Fetch, server: RawServer, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    ran = fetch_list(server.url, options=("--retries", 0))
    assert ran.code in {1, 2}
    assert "internal error" not in ran.stderr
    assert targets(server) == []
