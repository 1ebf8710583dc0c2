"""Limits and options: what they do, and what is no value for them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from multi_fetch.cli import main
from tests.multi_fetch.commanding import (
    Fetch,
    Ran,
    answering,
    ended,
    listed,
    refused,
    silent,
    started,
    targets,
)
from tests.multi_fetch.fetching import in_turn
from tests.support.commands import call
from tests.support.rawserver import Connection, RawServer, Request, redirects, response, sends

BAD_VALUES = [
    *(("--concurrency", value) for value in ("0", "-1", "x", "", "1.5", "10001", "9" * 200)),
    *(("--per-host", value) for value in ("0", "-1", "x", "1.5")),
    *(("--timeout", value) for value in ("0", "-1", "x", "", "1y", "1 s", "inf", "nan")),
    *(("--idle-timeout", value) for value in ("0", "0ms", "x", "1e3")),
    *(("--retries", value) for value in ("-1", "x", "1.5", "\u0663")),
    *(("--max-bytes", value) for value in ("x", "-1", "1m", "1kk", "", "M", "1,5M", "\u0663")),
    *(("--limit-rate", value) for value in ("x", "-1", "0", "0K", "0.1", "", "1M/s", "inf")),
    *(("--grace", value) for value in ("x", "-1", "")),
    *(("--method", value) for value in ("POST", "get", "")),
    *(("--fail-on", value) for value in ("x", "always", "")),
    *(("--header", value) for value in ("x", "", ": x", "a b: c", "A: b\nC: d", "@", "@/nowhere")),
    *(("--proxy", value) for value in ("ftp://x", "http://", "a b", "http://x/y", "://x")),
    ("--output-dir", ""),
    ("--resume", ""),
    ("--json-summary", ""),
    ("--no-such-option", "x"),
    ("--conc", "5"),
]


@pytest.mark.parametrize(("option", "value"), BAD_VALUES)
def test_a_bad_value_is_one_line_and_nothing_is_requested(
    fetch_list: Fetch, server: RawServer, option: str, value: str
) -> None:
    ran = fetch_list(server.url, options=(f"{option}={value}",))
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.startswith("multi-fetch: ")
    assert option in ran.stderr
    assert targets(server) == []


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("--ndjson",)])
def test_there_is_exactly_one_list(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    ran = call(Ran, main, capsys, *arguments)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)


LARGE_VALUES = [
    ("--timeout", "9" * 90 + "w"),
    ("--idle-timeout", "9" * 90),
    ("--grace", "9" * 90),
    ("--retries", "9" * 90),
    ("--per-host", "9" * 90),
    ("--max-bytes", "9" * 90 + "TiB"),
    ("--limit-rate", "9" * 90 + "TiB"),
    ("--timeout", "30d"),
]


@pytest.mark.parametrize(("option", "value"), LARGE_VALUES)
def test_a_very_large_value_is_as_good_as_none(
    fetch_list: Fetch, server: RawServer, option: str, value: str
) -> None:
    assert fetch_list(f"{server.url}/a", options=(option, value)).counts == (1, 0, 0)


@pytest.mark.parametrize(
    ("size", "fits"),
    [
        *(("3000", True), ("2999", False), ("3k", True), ("3kB", True), ("2.999k", False)),
        *(("2.93kiB", True), ("2.92kiB", False), ("1M", True), ("0", False), ("3K", True)),
    ],
)
def test_max_bytes_is_of_one_body_and_has_units(
    fetch_list: Fetch, server: RawServer, size: str, *, fits: bool
) -> None:
    server.answer = sends(response(b"x" * 3000))
    ran = fetch_list(server.url, f"{server.url}/b", options=("--max-bytes", size))
    assert ran.kinds == [None if fits else "too_large"] * 2


def test_a_body_that_is_too_large_is_not_taken(fetch_list: Fetch, server: RawServer) -> None:
    server.answer = sends(response(b"x" * 1000, length=10**12))
    ran = fetch_list(server.url, options=("--max-bytes", "999", "--idle-timeout", "10s"))
    assert (ran.code, ran.kinds, ran.record["attempts"]) == (1, ["too_large"], 1)


def test_all_bodies_together_take_no_more_than_the_limit(
    fetch_list: Fetch, server: RawServer
) -> None:
    server.answer = sends(response(b"x" * 50_000))
    urls = [f"{server.url}/{number}" for number in range(10)]
    started_at = time.monotonic()
    ran = fetch_list(*urls, options=("--limit-rate", "0.5M", "--timeout", "500ms"))
    assert ran.kinds == [None] * 10
    assert 0.95 < time.monotonic() - started_at < 3


def test_ctrl_c_ends_who_waits_for_the_rate(tmp_path: Path) -> None:
    with RawServer(sends(response(b"x" * 50_000))) as server:
        urls = [f"{server.url}/{number}" for number in range(3)]
        options = ("--ndjson", "--limit-rate", "1", "--grace", "100ms")
        with started(listed(tmp_path, *urls), *options) as process:
            server.wait_until(lambda server: len(server.requests) == 3)
            process.send_signal(2)
            ran = ended(process)
    assert (ran.code, ran.kinds) == (130, ["cancelled"] * 3)


@pytest.mark.parametrize(("retries", "requests"), [(0, 1), (1, 2), (2, 3)])
def test_retries_are_counted_as_attempts(
    fetch_list: Fetch, server: RawServer, retries: int, requests: int
) -> None:
    server.answer = sends(response(status=500))
    record = fetch_list(server.url, options=("--retries", retries)).record
    assert (record["attempts"], len(server.requests)) == (requests, requests)
    assert (record["status"], record["error"]["kind"]) == (500, "http")


def test_what_succeeds_later_is_fine(fetch_list: Fetch, server: RawServer) -> None:
    server.answer = in_turn(sends(response(status=503)), sends(response(b"fine")))
    ran = fetch_list(server.url)
    assert (ran.code, ran.record["attempts"], ran.record["error"]) == (0, 2, None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501, 505])
def test_what_will_not_pass_is_not_tried_again(
    fetch_list: Fetch, server: RawServer, status: int
) -> None:
    assert fetch_list(f"{server.url}/{status}").record["attempts"] == 1


def test_a_refused_connection_is_tried_again(fetch_list: Fetch) -> None:
    assert fetch_list(refused(), options=("--retries", 1)).record["attempts"] == 2


def drip(connection: Connection, _request: Request) -> None:
    """A byte now and then, until the client has enough."""
    connection.send(response(length=10**9))
    pause = threading.Event()
    while not pause.wait(0.03):
        connection.send(b"x")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--timeout", "300ms"), "not complete within 0.3 s"),
        (("--timeout", "300ms", "--idle-timeout", "100ms"), "not complete within 0.3 s"),
    ],
)
def test_a_drip_does_not_beat_the_timeout(
    fetch_list: Fetch, server: RawServer, options: tuple[str, ...], message: str
) -> None:
    server.answer = drip
    record = fetch_list(server.url, options=(*options, "--retries", 0)).record
    assert record["error"] == {"kind": "timeout", "message": message}
    assert 250 < record["ms"] < 2000


def test_silence_does_not_beat_the_idle_timeout(fetch_list: Fetch, server: RawServer) -> None:
    server.answer = silent
    record = fetch_list(server.url, options=("--idle-timeout", "200ms", "--retries", 0)).record
    assert record["error"]["kind"] == "timeout"
    assert 200 <= record["ms"] < 2000


@contextmanager
def counting() -> Iterator[tuple[RawServer, list[int]]]:
    """A server that notes how many requests it has at once; it answers when told to."""
    at_once: list[int] = []
    lock, now = threading.Lock(), [0]

    def answer(connection: Connection, _request: Request) -> None:
        with lock:
            now[0] += 1
            at_once.append(now[0])
        threading.Event().wait(0.01)
        with lock:
            now[0] -= 1
        connection.send(response(b"x"))

    with RawServer(answer) as server:
        yield server, at_once


@pytest.mark.parametrize(
    ("options", "most"),
    [
        (("--concurrency", 1), 1),
        (("--concurrency", 7), 7),
        (("--concurrency", 20, "--per-host", 3), 3),
        (("--concurrency", 2, "--per-host", 30), 2),
    ],
)
def test_never_more_than_that_are_in_flight_and_as_many_if_there_are(
    fetch_list: Fetch, options: tuple[object, ...], most: int
) -> None:
    with counting() as (server, at_once):
        ran = fetch_list(*(f"{server.url}/{number}" for number in range(40)), options=options)
    assert ran.code == 0
    assert max(at_once) == most


def test_one_slow_host_does_not_take_all_the_places(tmp_path: Path) -> None:
    with RawServer(silent) as slow, RawServer(answering()) as quick:
        urls = [f"{slow.url}/{number}" for number in range(20)]
        path = listed(tmp_path, *urls, *(f"{quick.url}/a{number}" for number in range(20)))
        options = ("--ndjson", "--concurrency", 5, "--per-host", 2, "--grace", 0)
        with started(path, *options) as process:
            quick.wait_until(lambda quick: len(quick.requests) == 20)
            assert len(slow.requests) <= 2
            process.send_signal(2)
            assert ended(process).code == 130


def test_a_host_that_asks_for_a_pause_gets_it_for_all_its_urls(
    fetch_list: Fetch, server: RawServer
) -> None:
    busy = response(status=429, retry_after="1")
    server.answer = in_turn(sends(busy), sends(response(b"x")))
    ran = fetch_list(*(f"{server.url}/a{n}" for n in range(3)), options=("--concurrency", 1))
    assert ran.counts == (3, 0, 0)
    assert sum(record["attempts"] for record in ran.records) == 4
    assert min(record["ms"] for record in ran.records if record["attempts"] == 2) >= 1000


def test_head_asks_for_no_body(fetch_list: Fetch, server: RawServer) -> None:
    server.answer = sends(b"HTTP/1.1 200 X\r\ncontent-length: 12345\r\n\r\n")
    ran = fetch_list(server.url, f"{server.url}/b", options=("--method", "HEAD"))
    assert [(r["status"], r["bytes"]) for r in ran.records] == [(200, 0)] * 2


def test_redirects_are_followed_and_told_but_not_for_ever(
    fetch_list: Fetch, server: RawServer
) -> None:
    server.answer = answering(
        one=redirects("/two"), two=redirects("/three"), loop=redirects("/loop")
    )
    one, loop = fetch_list(f"{server.url}/one", f"{server.url}/loop").records
    assert (one["final_url"], one["bytes"]) == (f"{server.url}/three", 6)
    assert (loop["error"]["kind"], loop["attempts"]) == ("redirect", 1)
    assert targets(server).count("/loop") < 12
