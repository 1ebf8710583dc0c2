import ssl
from collections.abc import Mapping

import pytest

from tests.multi_fetch.fetching import by_path, fetch, fetch_all, in_turn, job, kind, limits
from tests.multi_fetch.servers import Lettered
from tests.support.rawserver import RawServer, Request, redirects, response, sends

FINE = sends(response(b"fine"))
SECRETS = {"Authorization": "Bearer s3cret", "cookie": "id=s3cret", "PROXY-AUTHORIZATION": "s3cret"}
HEADERS = {**SECRETS, "Accept": "application/octet-stream"}


def secrets_of(request: Request) -> Mapping[str, str]:
    names = {name.lower() for name in SECRETS}
    return {name: value for name, value in request.headers.items() if name in names}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_to_its_body(status: int) -> None:
    with RawServer(by_path(a=redirects("b?x=1", status=status), b=FINE)) as server:
        result = fetch(job(f"{server.url}/a"))
    assert (result.status, result.job.sink.body, result.attempts) == (200, b"fine", 1)
    assert [request.target for request in server.requests] == ["/a", "/b?x=1"]


def test_secret_headers_stay_within_the_origin() -> None:
    with RawServer(by_path(a=redirects("/b"), b=FINE)) as server:
        fetch(job(f"{server.url}/a", **HEADERS))
    assert [len(secrets_of(request)) for request in server.requests] == [3, 3]


def test_secret_headers_do_not_go_to_another_origin_and_do_not_come_back() -> None:
    with RawServer(FINE) as home, RawServer(redirects(f"{home.url}/c")) as other:
        home.answer = by_path(a=redirects(f"{other.url}/b?sig=1"), c=FINE)
        result = fetch(job(f"{home.url}/a?key=s3cret", **HEADERS))
    assert kind(result) is None
    [abroad] = other.requests
    assert secrets_of(abroad) == {}
    assert "referer" not in abroad.headers
    assert abroad.headers["accept"] == "application/octet-stream"
    assert [len(secrets_of(request)) for request in home.requests] == [3, 0]


def test_connections_to_both_origins_are_kept() -> None:
    with Lettered(FINE) as other, Lettered(redirects(f"{other.url}/b")) as home:
        results = fetch_all([job(home.url) for _ in range(60)], limits(concurrency=4))
        assert home.connections <= 4
        assert other.connections <= 4
    assert [kind(result) for result in results] == [None] * 60


def test_userinfo_of_the_url_does_not_go_to_another_origin() -> None:
    with RawServer(FINE) as other, RawServer(redirects(f"{other.url}/b")) as home:
        fetch(job(home.url.replace("://", "://me:s3cret@")))
    assert "authorization" in home.requests[0].headers
    assert "authorization" not in other.requests[0].headers


def test_a_location_that_two_parsers_read_differently_gets_no_secrets() -> None:
    # RFC 3986 sees the user `127.0.0.1:1\` at home; WHATWG, and so the carrier, the host 127.0.0.1
    with RawServer(FINE) as other, RawServer(FINE) as home:
        home.answer = redirects(f"{other.url}\\@127.0.0.1:{home.port}/b")
        fetch(job(home.url, **HEADERS))
    assert [secrets_of(request) for request in other.requests] in ([], [{}])


def test_https_is_not_left_for_http(trusted_tls: ssl.SSLContext) -> None:
    with RawServer(FINE) as plain, RawServer(redirects(plain.url), tls=trusted_tls) as secure:
        assert kind(fetch(job(secure.url, **HEADERS))) == "redirect"
        assert plain.requests == []


def test_http_may_lead_to_https_without_the_secrets(trusted_tls: ssl.SSLContext) -> None:
    with RawServer(FINE, tls=trusted_tls) as secure, RawServer(redirects(secure.url)) as plain:
        assert kind(fetch(job(plain.url, **HEADERS))) is None
    assert [secrets_of(request) for request in secure.requests] == [{}]


@pytest.mark.parametrize("redirects_followed", [0, 1, 5])
def test_endless_redirects_end_at_the_limit(redirects_followed: int) -> None:
    with RawServer(redirects("/again")) as server:
        result = fetch(job(server.url), limits(redirects=redirects_followed))
    assert kind(result) == "redirect"
    assert str(result.error) == f"more than {redirects_followed} redirects"
    assert len(server.requests) == redirects_followed + 1


@pytest.mark.parametrize(
    "location",
    [
        *("file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x", "javascript:1", "mailto:a@b.c"),
        *("http://[", "http://[::zz]/", "//[", "http://x:99999/", "http://a b/", "http://h:x/"),
        *("http://\xff\xfe/", "/\xff", "http://", "http://@/", "http://?", "https://:0/"),
    ],
    ids=ascii,
)
def test_a_location_that_leads_nowhere_fails_its_own_job_only(location: str) -> None:
    with RawServer(by_path(a=redirects(f"{location}?s3cret"), b=FINE)) as server:
        bad, good = job(f"{server.url}/a"), job(f"{server.url}/b")
        results = {id(result.job): result for result in fetch_all([bad, good], limits(redirects=1))}
    assert kind(results[id(bad)]) in {"redirect", "url", "http", "dns"}
    assert "s3cret" not in str(results[id(bad)].error)
    assert kind(results[id(good)]) is None


def test_a_redirect_without_a_location_is_an_error() -> None:
    with RawServer(sends(response(status=302))) as server:
        result = fetch(job(server.url))
    assert (kind(result), str(result.error)) == ("redirect", "a redirect without a Location")


@pytest.mark.parametrize("status", [300, 304, 305])
def test_other_3xx_answers_are_errors(status: int) -> None:
    with RawServer(in_turn(redirects("/b", status=status), FINE)) as server:
        assert kind(fetch(job(server.url))) == "http"
        assert len(server.requests) == 1
