import base64

import pytest

from multi_fetch import Result
from tests.multi_fetch.fetching import (
    MemorySink,
    by_path,
    fetch,
    fetch_all,
    in_turn,
    job,
    kind,
    limits,
)
from tests.multi_fetch.servers import FINE, Lettered
from tests.support.rawserver import RawServer, redirects


def sent(path: str) -> str:
    """Return what stands on the wire for a path."""
    with Lettered(FINE) as server:
        assert fetch(job(server.url + path)).error is None
        [line] = server.lines
    return line.removeprefix("GET ")


def sent_to(url: str, **headers: str) -> tuple[str, bytes]:
    """Return what a proxy gets for a URL: the target, and the whole head."""
    with Lettered(FINE) as proxy:
        result = fetch(job(url, **headers), limits(proxy=proxy.url))
        assert kind(result) is None
        [line], [head] = proxy.lines, proxy.heads
    return line.removeprefix("GET "), head


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", "/"),
        ("/", "/"),
        ("?", "/?"),
        ("?x=1", "/?x=1"),
        ("/a?", "/a?"),
        ("/a?b=%2f%2F&c=d+e%20f", "/a?b=%2f%2F&c=d+e%20f"),
        ("/a?sig=A%3d%3D/x=?y", "/a?sig=A%3d%3D/x=?y"),
        ("/%41%7e~", "/%41%7E~"),
        ("/a/../b/./c", "/a/../b/./c"),
        ("//a//b", "//a//b"),
        ("/a;b=c,d!e$f&g'h(i)*j+k:l@m", "/a;b=c,d!e$f&g'h(i)*j+k:l@m"),
        ('/[x]{y}|z^w`v"u<t>', '/[x]{y}|z^w`v"u<t>'),
        ("/a b", "/a%20b"),
        ("/a?b c", "/a?b%20c"),
        ("/\u00fc?\u00e4", "/%C3%BC?%C3%A4"),
        ("/100%", "/100%"),
        ("/%zz", "/%zz"),
        ("/a\\b", "/a\\b"),
    ],
    ids=ascii,
)
def test_a_url_is_sent_to_the_letter(path: str, expected: str) -> None:
    assert sent(path) == expected


@pytest.mark.parametrize("path", ["/a", "/a?b", "", "?b"])
@pytest.mark.parametrize("fragment", ["#", "#s3cret", "#a?b", "#a#b", "#a/b@c"])
def test_a_fragment_is_never_sent(path: str, fragment: str) -> None:
    assert sent(path + fragment) == sent(path)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("me:pass@", "me:pass"),
        ("me:p%40ss%3A%2f@", "me:p@ss:/"),
        ("me@", "me:"),
        (":pass@", ":pass"),
        ("me:a:b@", "me:a:b"),
        ("m%C3%BC:x@", "m\u00fc:x"),
        ("m\u00fc:x@", "m\u00fc:x"),
    ],
    ids=ascii,
)
def test_the_user_of_a_url_is_sent_as_such_and_not_in_the_target(user: str, expected: str) -> None:
    with Lettered(FINE) as server:
        result = fetch(job(server.url.replace("://", f"://{user}") + "/x"))
        assert kind(result) is None
        [head] = server.heads
    assert head.startswith(b"GET /x HTTP/1.1\r\n")
    assert b"Authorization: Basic " + base64.b64encode(expected.encode()) in head
    assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in head


def test_a_header_wins_over_the_user_of_a_url() -> None:
    with Lettered(FINE) as server:
        fetch(job(server.url.replace("://", "://me:pass@"), Authorization="Bearer x"))
        [head] = server.heads
    assert head.lower().count(b"authorization:") == 1
    assert b"Authorization: Bearer x\r\n" in head


def test_the_user_of_a_url_stays_with_redirects_to_the_same_origin() -> None:
    with RawServer(by_path(a=redirects("/b"), b=FINE)) as server:
        fetch(job(server.url.replace("://", "://me:pass@") + "/a"))
    first, second = (request.headers.get("authorization") for request in server.requests)
    assert first == second


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("b\u00fccher.example", "xn--bcher-kva.example"),
        ("B\u00dcCHER.example:8080", "xn--bcher-kva.example:8080"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("\u4f8b\u3048.\u30c6\u30b9\u30c8", "xn--r8jz45g.xn--zckzah"),
        ("stra\u00dfe.example", "xn--strae-oqa.example"),
        ("ex\u00e4mple.example.", "xn--exmple-cua.example."),
        ("\uff45xample.example", "example.example"),
    ],
    ids=ascii,
)
def test_a_host_beyond_ascii_is_translated(host: str, expected: str) -> None:
    target, head = sent_to(f"http://me:x@{host}/p?q")
    assert target == f"http://{expected}/p?q"
    assert f"\r\nHost: {expected}\r\n".encode() in head


@pytest.mark.parametrize(
    "host", ["a\u2024b.example", "\u202eevil", "a\u3002\u3002b", "\u00ad", "xn--a\u00fc"], ids=ascii
)
def test_a_host_that_looks_like_another_is_translated_or_refused(host: str) -> None:
    with Lettered(FINE) as proxy:
        result = fetch(job(f"http://{host}/"), limits(proxy=proxy.url))
        assert kind(result) == "url" or all(head.isascii() for head in proxy.heads)


def test_the_host_header_names_the_port_only_where_it_is_unusual() -> None:
    assert b"\r\nHost: h.invalid\r\n" in sent_to("http://h.invalid:80/")[1]
    assert b"\r\nHost: h.invalid:81\r\n" in sent_to("http://h.invalid:81/")[1]


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/b?x=%2f%2F+a#frag", "/b?x=%2f%2F+a"),
        ("b c", "/b%20c"),
        ("?only=query", "/a?only=query"),
        ("/\u00fc", "/%C3%BC"),
        ("../../b", "/b"),
        ("/b/../c", "/c"),
    ],
    ids=ascii,
)
def test_where_a_redirect_leads_is_sent_to_the_letter(location: str, expected: str) -> None:
    raw = location.encode().decode("latin-1")
    with Lettered(FINE) as server:
        server.answer = by_path(a=in_turn(redirects(raw), FINE), b=FINE, c=FINE)
        fetch(job(f"{server.url}/a"))
        assert server.lines[1].removeprefix("GET ") == expected


def test_an_absolute_redirect_is_sent_to_the_letter() -> None:
    with Lettered(FINE) as other, RawServer(redirects(f"{other.url}/x/../y?s=%2f%2F#f")) as server:
        fetch(job(server.url))
        assert other.lines == ["GET /x/../y?s=%2f%2F"]


def test_what_is_sent_beside_the_jobs_headers_is_little() -> None:
    with Lettered(FINE) as server:
        fetch(job(f"{server.url}/x", **{"X-Empty": "", "x-latin": "\xe4", "X-Tab": "a\tb"}))
        [head] = server.heads
    assert sorted(head.rstrip().split(b"\r\n")) == sorted(
        [
            b"GET /x HTTP/1.1",
            b"Host: 127.0.0.1:%d" % server.port,
            b"User-Agent: toolroll-multi-fetch",
            b"Accept: */*",
            b"Accept-Encoding: identity",
            b"X-Empty:",
            b"x-latin: \xe4",
            b"X-Tab: a\tb",
        ]
    )


@pytest.mark.parametrize("name", ["User-Agent", "user-agent", "Accept", "Accept-Encoding", "HOST"])
def test_a_jobs_header_takes_the_place_of_ours(name: str) -> None:
    with Lettered(FINE) as server:
        fetch(job(server.url, **{name: "mine"}))
        [head] = server.heads
    assert head.lower().count(f"\r\n{name}:".lower().encode()) == 1
    assert b": mine\r\n" in head


def test_a_jobs_host_header_does_not_go_to_another_origin() -> None:
    with Lettered(FINE) as other, RawServer(redirects(f"{other.url}/b")) as server:
        fetch(job(server.url, Host="virtual.example"))
        assert b"virtual.example" not in other.heads[0]


def test_final_urls_are_what_was_requested() -> None:
    with RawServer(by_path(a=redirects("/b#new"), b=FINE)) as server:
        results: list[Result[MemorySink]] = fetch_all(
            [job(f"{server.url}/a#old"), job(f"{server.url}/b"), job("http://[")],
            limits(concurrency=1),
        )
    urls = [
        (result.final_url or "").removeprefix(server.url).partition("#")[0] for result in results
    ]
    assert urls == ["/b", "/b", ""]
