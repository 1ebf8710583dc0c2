import socket
import ssl
import threading
import traceback

import pytest

from multi_fetch import Job, Result
from tests.multi_fetch.fetching import MemorySink, fetch, fetch_all, job, kind, limits
from tests.multi_fetch.servers import then_cut, then_reset, then_silent
from tests.support.rawserver import Answer, Connection, RawServer, Request, response, sends

IDLE = limits(idle_timeout=0.2)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
BLOCK = b"x" * 80_000  # more than the client reads ahead before it shows an answer


def drip(connection: Connection, _request: Request) -> None:
    """A byte now and then, always before the idle timeout, until the client has enough."""
    connection.send(HEAD)
    pause = threading.Event()
    while not pause.wait(0.02):
        connection.send(b"x")


MISBEHAVIOUR = [
    pytest.param(then_reset(b""), "reset", id="reset before the headers"),
    pytest.param(then_cut(b""), "reset", id="closed before the headers"),
    pytest.param(then_cut(b"HTTP/1.1 200 OK\r\nconte"), "reset", id="closed in the headers"),
    pytest.param(then_cut(HEAD + b"x"), "reset", id="body cut at its start"),
    pytest.param(then_cut(HEAD + BLOCK), "reset", id="body cut later"),
    pytest.param(then_reset(HEAD + BLOCK), "reset", id="reset in the body"),
    pytest.param(then_cut(CHUNKED + b"5\r\nabc"), "reset", id="cut in a chunk"),
    pytest.param(then_cut(CHUNKED + b"3\r\nabc\r\n"), "reset", id="cut between chunks"),
    pytest.param(
        then_cut(CHUNKED + b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK)),
        "reset",
        id="cut between chunks later",
    ),
    pytest.param(then_reset(b"HTTP/1.1 200 OK\r\n\r\nabc"), "reset", id="reset instead of an end"),
    pytest.param(sends(CHUNKED + b"zz\r\nabc"), "protocol", id="bad chunk size"),
    pytest.param(sends(CHUNKED + b"3\r\nabcde"), "protocol", id="bad chunk end"),
    pytest.param(
        sends(CHUNKED + b"%x\r\n%b\r\nzz\r\n" % (len(BLOCK), BLOCK)),
        "protocol",
        id="bad chunk size later",
    ),
    pytest.param(then_cut(b"SSH-2.0-OpenSSH_9.9\r\n"), "protocol", id="another protocol"),
    pytest.param(then_cut(b"\x00\x01\xff" * 99), "protocol", id="no protocol at all"),
    pytest.param(
        sends(b"HTTP/1.1 200 OK\r\ncontent-length: ten\r\n\r\n"), "protocol", id="length in words"
    ),
    pytest.param(
        then_cut(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2_000_000), "protocol", id="endless headers"
    ),
    pytest.param(then_silent(b""), "timeout", id="silent before the headers"),
    pytest.param(then_silent(HEAD + b"x"), "timeout", id="silent at the body's start"),
    pytest.param(then_silent(HEAD + BLOCK), "timeout", id="silent in the body"),
    pytest.param(sends(response(status=404)), "http", id="not found"),
    pytest.param(sends(response(b"<p>", status=502)), "http", id="bad gateway"),
    pytest.param(sends(response(status=999)), "http", id="unknown status"),
    pytest.param(sends(response(status=302)), "redirect", id="redirect to nowhere"),
    pytest.param(
        sends(response(status=302, location="file:///s3cret")), "redirect", id="redirect to a file"
    ),
    pytest.param(
        sends(response(status=302, location="/again?sig=s3cret")), "redirect", id="redirect loop"
    ),
]


def secret_job(origin: str) -> Job[MemorySink]:
    url = origin.replace("://", "://me:s3cret@") + "/file?sig=s3cret#s3cret"
    return job(url, **{"X-Key": "s3cret", "Cookie": "id=s3cret"})


def shown(result: Result[MemorySink]) -> str:
    """Everything about a failure that somebody could print."""
    assert result.error is not None
    whole = "".join(traceback.format_exception(result.error))
    return f"{result} {result!r} {result.error} {result.error!r} {whole}"


def refused_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(("answer", "expected"), MISBEHAVIOUR)
def test_each_misbehaviour_has_its_kind_and_shows_no_secret(answer: Answer, expected: str) -> None:
    with RawServer(answer) as server:
        result = fetch(secret_job(server.url), IDLE if expected == "timeout" else limits())
    assert kind(result) == expected
    assert str(result.error)
    assert "s3cret" not in shown(result)


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        pytest.param(refused_port(), "connect", id="refused port"),
        pytest.param("http://nope.invalid", "dns", id="unknown host"),
        pytest.param("https://nope.invalid", "dns", id="unknown host with tls"),
    ],
)
def test_without_a_server_the_kind_says_what_is_missing(origin: str, expected: str) -> None:
    result = fetch(secret_job(origin))
    assert (kind(result), result.status, result.bytes) == (expected, None, 0)
    assert "s3cret" not in shown(result)


def test_tls_to_a_plain_port_is_a_tls_failure() -> None:
    with RawServer(then_cut(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        result = fetch(secret_job(server.url.replace("http:", "https:")))
    assert kind(result) == "tls"
    assert "s3cret" not in shown(result)


def test_plain_http_to_a_tls_port_is_a_failure_of_its_own_job(tls: ssl.SSLContext) -> None:
    with RawServer(sends(response()), tls=tls) as server:
        result = fetch(job(server.url.replace("https:", "http:")))
    assert kind(result) in {"protocol", "reset"}


def test_an_untrusted_certificate_is_a_tls_failure(tls: ssl.SSLContext) -> None:
    with RawServer(sends(response()), tls=tls) as server:
        assert kind(fetch(job(server.url))) == "tls"
        assert server.requests == []


def test_a_certificate_for_another_name_is_a_tls_failure(trusted_tls: ssl.SSLContext) -> None:
    with RawServer(sends(response()), tls=trusted_tls) as server:
        assert kind(fetch(job(server.url.replace("127.0.0.1", "localhost")))) == "tls"
        assert server.requests == []


def test_a_certificate_that_the_system_trusts_is_trusted(trusted_tls: ssl.SSLContext) -> None:
    with RawServer(sends(response(b"hidden")), tls=trusted_tls) as server:
        assert fetch(job(server.url)).job.sink.body == b"hidden"


def test_a_server_that_never_finishes_the_handshake_is_a_timeout() -> None:
    if ssl.get_default_verify_paths().capath is None:
        pytest.skip("needs a folder of certificates: without, TLS cannot begin")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        assert kind(fetch(job(url), IDLE)) == "timeout"


def test_a_slow_drip_cannot_beat_the_timeout_of_the_attempt() -> None:
    with RawServer(drip) as server:
        result = fetch(job(server.url), limits(timeout=0.3, idle_timeout=5.0))
    assert kind(result) == "timeout"
    assert str(result.error) == "not complete within 0.3 s"


def drip_headers(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\nx: ")
    pause = threading.Event()
    while not pause.wait(0.02):
        connection.send(b"x")


@pytest.mark.parametrize("answer", [drip_headers, drip, then_silent(HEAD), then_silent(b"")])
def test_an_attempt_that_timed_out_lets_go_of_its_connection(answer: Answer) -> None:
    with RawServer(answer) as server:
        fetch(job(server.url), limits(timeout=0.3, idle_timeout=2.0))
        server.wait_until(lambda server: server.open == 0)


@pytest.mark.parametrize("sent", [b"x", BLOCK], ids=["at its start", "later"])
def test_a_body_that_fails_still_tells_its_status(sent: bytes) -> None:
    with RawServer(then_cut(HEAD + sent)) as server:
        result = fetch(job(server.url))
    assert (result.status, result.error and result.error.kind) == (200, "reset")


@pytest.mark.parametrize(
    "url",
    [
        *("", " ", "\n", "http", "http:", "http:/", "http://", "http:///x", "//host/x", "host/x"),
        *("ftp://127.0.0.1/", "file:///etc/hostname", "javascript:1", "data:,x", "mailto:a@b.c"),
        *("http://[", "http://[::1", "http://]/", "http://[::zz]/", "http://[::1]x/"),
        *("http://h:0/", "http://h:-1/", "http://h:99999/", "http://h:x/", "http://h:1:2/"),
        *("http://:80/", "http://@/", "http://user@/", "http://user@:80/", "http://?", "http://#"),
        *("http://a b/", "http://a\x00b/", "http://a\u202eb/", "http://\ud800/", "http://%zz/"),
        *("http://127.0.0.1:1\\@h:x/", "http://127.0.0.1:1\\@127.0.0.1/", "http://\xff/\n"),
    ],
    ids=ascii,
)
def test_what_is_no_url_fails_alone_and_is_not_shown(url: str) -> None:
    with RawServer(sends(response(b"fine"))) as server:
        bad, good = job(url + "?s3cret" if url.strip() else url), job(server.url)
        results = {id(result.job): result for result in fetch_all([bad, good])}
    assert kind(results[id(bad)]) == "url"
    assert "s3cret" not in shown(results[id(bad)])
    assert kind(results[id(good)]) is None


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:1", "[fe80::1%25lo]:1", "[fe80::1%25nope]"),
        *("xn--", "1.2.3.4.5", "256.1.1.1", "a..b", "-", "\u0130.invalid", "\u2488com"),
    ],
    ids=ascii,
)
def test_an_odd_url_fails_alone_and_is_not_shown(host: str) -> None:
    result = fetch(job(f"http://{host}/{'a' * 100_000}?s3cret"), IDLE)
    assert kind(result) in {"url", "connect", "dns", "timeout"}
    assert "s3cret" not in shown(result)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Key", "s3cret\r\nX-Other: 1"),
        ("X-Key", "s3cret\x00"),
        ("X-Key", "s3cret\ud800"),
        ("X Key", "s3cret"),
        ("X-Key\n", "s3cret"),
        ("", "s3cret"),
    ],
    ids=ascii,
)
def test_a_header_that_cannot_be_sent_fails_its_job_and_is_not_shown(name: str, value: str) -> None:
    with RawServer(sends(response())) as server:
        result = fetch(job(server.url, **{name: value}))
    assert kind(result) == "url"
    assert "s3cret" not in shown(result)
    assert server.requests == []


def test_one_silent_host_does_not_hold_up_the_others() -> None:
    fine = sends(response(b"fine"))
    silent = then_silent(b"")
    with RawServer(silent) as slow, RawServer(fine) as server:
        jobs = [job(slow.url), *(job(server.url) for _ in range(8))]
        results = fetch_all(jobs, limits(concurrency=2, idle_timeout=0.3))
    assert [kind(result) for result in results] == [None] * 8 + ["timeout"]


def test_every_connection_is_closed_with_the_fetcher() -> None:
    with RawServer(sends(response(b"fine"))) as server:
        assert len(fetch_all([job(server.url) for _ in range(20)])) == 20
        server.wait_until(lambda server: server.open == 0)
