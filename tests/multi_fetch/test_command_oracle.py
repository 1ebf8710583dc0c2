"""curl as the judge: the same status, the same bytes and the same kind of failure."""

import json
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.multi_fetch.commanding import Fetch, Record, answering, kind, refused, silent, stalls
from tests.multi_fetch.servers import then_cut, then_reset
from tests.support.commands import environment
from tests.support.rawserver import (
    Answer,
    RawServer,
    redirects,
    response,
    sends,
)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl, the judge")

MAX_BYTES = 50_000
TIMEOUT_S = 1

KINDS: dict[int, set[str | None]] = {
    0: {None},
    1: {"redirect", "url", "protocol"},  # unsupported protocol
    3: {"url"},
    6: {"dns"},
    7: {"connect"},
    8: {"protocol"},
    18: {"reset"},
    22: {"http"},
    28: {"timeout"},
    35: {"tls"},
    47: {"redirect"},
    52: {"reset"},
    56: {"reset", "protocol"},
    60: {"tls"},
    63: {"too_large"},
    77: {"tls"},
    97: {"connect"},
}
"""What curl's exit codes are in our terms."""

CHUNKED = b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n"
LENGTHLESS = b"HTTP/1.1 200 X\r\n\r\n"


ANSWERS: dict[str, Answer] = {
    "empty": sends(response()),
    "small": sends(response(b"x" * 1000)),
    "created": sends(response(b"x", status=201)),
    "no_content": sends(b"HTTP/1.1 204 X\r\n\r\n"),
    "not_found": sends(response(b"gone away", status=404)),
    "teapot": sends(response(b"short and stout", status=418)),
    "broken": sends(response(b"oh", status=500)),
    "unknown": sends(response(b"?", status=599)),
    "hints": sends(b"HTTP/1.1 103 X\r\nlink: x\r\n\r\n" + response(b"late")),
    "old": then_cut(b"HTTP/1.0 200 OK\r\n\r\nto the end"),
    "lengthless": then_cut(LENGTHLESS + b"x" * 5000),
    "chunked": sends(CHUNKED + b"5\r\nabcde\r\n3;x=y\r\nfgh\r\n0\r\nend: x\r\n\r\n"),
    "gzipped": sends(response(b"\x1f\x8b-not-really", content_encoding="gzip")),
    "cut": then_cut(response(b"x" * 100, length=200)),
    "cut_chunk": then_cut(CHUNKED + b"ff\r\nabc"),
    "bad_chunk": then_cut(CHUNKED + b"zz\r\nabc"),
    "nothing": then_cut(b""),
    "reset": then_reset(b""),
    "reset_later": then_reset(response(b"x" * 100, length=200)),
    "ssh": then_cut(b"SSH-2.0-x\r\n"),
    "bad_length": sends(b"HTTP/1.1 200 X\r\ncontent-length: x\r\n\r\nabc"),
    "silent": silent,
    "stalls": stalls,
    "large": sends(response(b"x" * (MAX_BYTES + 1))),
    "just_not_large": sends(response(b"x" * MAX_BYTES)),
    "moved": redirects("/small", status=301),
    "moved_out": redirects("ftp://127.0.0.1/"),
    "moved_on": redirects("/small", status=308),
    "loop": redirects("/loop"),
    "no_location": sends(response(b"where?", status=300)),
}
"""What both are sent."""

SAME_STATUS_ONLY = {"stalls", "large", "moved_out", "loop", "bad_length", "reset_later"}
"""Where how much had been taken by then, or is counted, is each one's own business."""


def judged(url: str, *options: str) -> dict[str, Any]:
    """What curl says of a URL."""
    limits = ("--max-time", str(TIMEOUT_S), "--max-filesize", str(MAX_BYTES), "--max-redirs", "5")
    done = subprocess.run(
        [
            "curl",
            "-q",
            "-g",
            "-s",
            "-L",
            "--proto",
            "=http,https",
            "-o",
            "/dev/null",
            "-w",
            "%{json}",
            *limits,
            *options,
            url,
        ],
        env=environment({}),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    found["exitcode"] = done.returncode
    return found


def ours(fetch_list: Fetch, url: str) -> Record:
    limits = ("--timeout", TIMEOUT_S, "--max-bytes", MAX_BYTES, "--retries", 0)
    return fetch_list(url, options=limits).record


def agree(record: Record, curls: dict[str, Any]) -> None:
    assert (record["status"] or 0) == curls["http_code"]
    code = curls["exitcode"]
    if code == 0 and not 200 <= curls["http_code"] < 300:
        code = 22  # what it says with --fail
    assert kind(record) in KINDS[code], (code, curls["errormsg"])


@pytest.mark.parametrize("name", ANSWERS)
def test_we_say_of_an_answer_what_curl_says(
    fetch_list: Fetch, server: RawServer, name: str
) -> None:
    server.answer = answering(**ANSWERS)
    url = f"{server.url}/{name}"
    record, curls = ours(fetch_list, url), judged(url)
    agree(record, curls)
    if name not in SAME_STATUS_ONLY:
        assert record["bytes"] == curls["size_download"]
        assert record["final_url"] == curls["url_effective"]


@pytest.mark.parametrize(
    "url",
    [
        "http://no-such-host.invalid/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:x/",
        "http://",
        "http://[::1/",
        "ftps+x://127.0.0.1/",
    ],
)
def test_we_say_of_a_url_what_curl_says(fetch_list: Fetch, url: str) -> None:
    agree(ours(fetch_list, url), judged(url))


def test_we_say_of_a_port_where_nobody_is_what_curl_says(fetch_list: Fetch) -> None:
    url = refused()
    agree(ours(fetch_list, url), judged(url))


def test_we_say_of_a_stranger_what_curl_says(fetch_list: Fetch, tls: ssl.SSLContext) -> None:
    with RawServer(sends(response()), tls=tls) as server:
        agree(ours(fetch_list, server.url), judged(server.url))


def test_we_say_of_a_wrong_name_what_curl_says(
    fetch_list: Fetch, trusted_tls: ssl.SSLContext, certificate: Path
) -> None:
    with RawServer(sends(response(b"x")), tls=trusted_tls) as server:
        trust = ("--cacert", str(certificate.with_suffix(".crt")))
        right, wrong = server.url, server.url.replace("127.0.0.1", "localhost")
        agree(ours(fetch_list, right), judged(right, *trust))
        agree(ours(fetch_list, wrong), judged(wrong, *trust, "-4"))
        assert kind(ours(fetch_list, wrong)) == "tls"


def test_we_say_of_no_tls_what_curl_says(fetch_list: Fetch, server: RawServer) -> None:
    server.answer = then_cut(b"HTTP/1.1 400 X\r\n\r\n")
    url = server.url.replace("http:", "https:")
    agree(ours(fetch_list, url), judged(url))
