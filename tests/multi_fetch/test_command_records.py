"""Records: their form, on their way out, and what they tell of each kind of line."""

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from tests.multi_fetch.commanding import (
    KEYS,
    PATIENCE_S,
    Fetch,
    answering,
    listed,
    refused,
    started,
)
from tests.support.rawserver import RawServer, redirects, response, sends

TIMES = ("dns_ms", "connect_ms", "tls_ms", "ttfb_ms")


def no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def test_every_record_has_every_key_and_no_other(
    fetch_list: Fetch, server: RawServer, tmp_path: Path
) -> None:
    done = f"{server.url}/done"
    (tmp_path / "previous").write_text(fetch_list(done).stdout)
    urls = (f"{server.url}/a", f"{server.url}/404", "ftp://x/", "junk", refused(), done)
    ran = fetch_list(*urls, *urls, options=("--retries", 0, "--resume", tmp_path / "previous"))
    lines = ran.stdout.splitlines()
    assert len(lines) == 12
    for line in lines:
        record = json.loads(line, parse_constant=no_constant)
        assert record.keys() == KEYS
        assert list(record)[:3] == ["index", "method", "url"]


def test_a_record_tells_what_happened(fetch_list: Fetch, server: RawServer) -> None:
    server.answer = answering(
        there=sends(response(b"0123456789", content_type="text/plain")),
        here=redirects(f"{server.url}/there"),
    )
    record = fetch_list(f"{server.url}/here", options=("--sha256",)).record
    times: list[Any] = [record.pop(name) for name in (*TIMES, "ms")]
    assert record == {
        "index": 1,
        "method": "GET",
        "url": f"{server.url}/here",
        "final_url": f"{server.url}/there",
        "status": 200,
        "bytes": 10,
        "attempts": 1,
        "sha256": hashlib.sha256(b"0123456789").hexdigest(),
        "path": None,
        "size": None,
        "key": None,
        "duplicate_of": None,
        "resumed": False,
        "error": None,
    }
    assert all(math.isfinite(time) and 0 <= time < 60_000 for time in times)


def test_a_record_of_a_failure_tells_it_in_the_same_way(
    fetch_list: Fetch, server: RawServer
) -> None:
    record = fetch_list(f"{server.url}/404", options=("--sha256",)).record
    assert (record["status"], record["sha256"], record["attempts"]) == (404, None, 1)
    assert record["error"] == {"kind": "http", "message": "HTTP status 404"}


def test_what_was_never_requested_has_no_attempts_and_no_times(fetch_list: Fetch) -> None:
    record = fetch_list("ftp://x/").record
    assert (record["attempts"], record["status"], record["final_url"]) == (0, None, None)
    assert {record[name] for name in TIMES} == {None}


def test_bytes_are_those_of_the_transfer_not_of_the_content(
    fetch_list: Fetch, server: RawServer
) -> None:
    head = b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n"
    server.answer = sends(head + b"5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n")
    assert fetch_list(server.url).record["bytes"] == 8


def test_control_characters_and_other_scripts_are_escaped(
    fetch_list: Fetch, server: RawServer
) -> None:
    line = f"{server.url}/\u202e\u00e9\u2028\u7b2c\x1b[31m\x7f\x9b"
    ran = fetch_list(line)
    assert ran.stdout.isascii()
    assert ran.stdout[:-1].isprintable()
    assert not set(ran.record["url"]) & set("\u202e\u2028\x1b\x7f\x9b")


def test_a_location_with_control_characters_is_escaped(
    fetch_list: Fetch, server: RawServer
) -> None:
    location = b"location: /\x1b]0;owned\x07\xc2\x9b31m\xe2\x80\xae\r\n"
    server.answer = sends(b"HTTP/1.1 302 X\r\ncontent-length: 0\r\n" + location + b"\r\n")
    ran = fetch_list(server.url)
    assert ran.code == 1
    assert ran.stdout[:-1].isprintable()
    assert ran.stderr.replace("\n", "").isprintable()


def test_each_record_is_one_write(server: RawServer, tmp_path: Path) -> None:
    """A packet pipe keeps writes of up to 4 KiB apart: each read gets one of them."""
    reading, writing = os.pipe2(os.O_DIRECT)  # type: ignore[attr-defined, unused-ignore]
    urls = [f"{server.url}/a{number}{'x' * (number * 15)}" for number in range(100)]
    packets = []
    with started(listed(tmp_path, *urls), "--ndjson", stdout=writing) as process:
        os.close(writing)
        while packet := os.read(reading, 65_536):
            packets.append(packet)
        assert process.wait(PATIENCE_S) == 0
    os.close(reading)
    assert len(packets) == 100
    assert sorted(json.loads(packet)["index"] for packet in packets) == [*range(1, 101)]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_empty_body_has_no_bytes(fetch_list: Fetch, server: RawServer, method: str) -> None:
    server.answer = sends(b"HTTP/1.1 204 X\r\n\r\n")
    record = fetch_list(server.url, options=("--method", method)).record
    assert (record["status"], record["bytes"], record["error"]) == (204, 0, None)
