import threading
from typing import Any

import pytest

from multi_fetch import FileSink, HashSink, Held, Job
from tests.multi_fetch.fetching import (
    MemorySink,
    Waits,
    by_path,
    fetch,
    fetch_all,
    in_turn,
    kind,
    limits,
)
from tests.multi_fetch.servers import FINE, Lettered
from tests.support.rawserver import (
    Answer,
    Connection,
    RawServer,
    Request,
    redirects,
    response,
    sends,
)
from toolroll_shared.retry import Backoff

ONE_BY_ONE = limits(concurrency=1)


def head_of(url: str, **headers: str) -> Job[MemorySink]:
    return Job(url=url, sink=MemorySink(), headers=headers, method="HEAD")


def get(url: str, **headers: str) -> Job[MemorySink]:
    return Job(url=url, sink=MemorySink(), headers=headers)


def announces(length: int, *, status: int = 200, **headers: Any) -> Answer:
    return sends(response(b"", length=length, status=status, **headers))


@pytest.mark.parametrize("length", [0, 1, 10**15])
def test_a_head_takes_no_body_whatever_length_is_announced(length: int) -> None:
    with RawServer(announces(length)) as server:
        result = fetch(head_of(server.url))
    assert (result.error, result.status, result.bytes, result.attempts) == (None, 200, 0, 1)
    assert (result.job.sink.body, result.job.sink.calls) == (b"", ["begin", "finish"])


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ],
)
def test_a_head_ends_with_its_head(head: bytes) -> None:
    with RawServer(sends(head)) as server:
        result = fetch(head_of(server.url))
    assert (kind(result), result.bytes) == (None, 0)


def test_a_head_is_not_too_large() -> None:
    with RawServer(announces(10**9)) as server:
        assert fetch(head_of(server.url), limits(max_bytes=10)).error is None


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_head_stays_one_when_it_is_redirected(status: int) -> None:
    answer = by_path(a=redirects("/b", status=status), b=announces(99))
    with Lettered(answer) as server:
        result = fetch(head_of(f"{server.url}/a"))
        assert server.lines == ["HEAD /a", "HEAD /b"]
    assert (result.error, result.final_url) == (None, f"{server.url}/b")


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_a_refused_head_says_its_status(status: int) -> None:
    with RawServer(announces(50, status=status)) as server:
        result = fetch(head_of(server.url))
        server.wait_until(lambda server: server.open == 0)
    assert (kind(result), result.status) == ("http", status)


def test_a_head_is_tried_again_as_a_head() -> None:
    answer = in_turn(announces(9, status=503, retry_after="1"), announces(9))
    with Lettered(answer) as server:
        result = fetch(head_of(server.url), limits(backoff=Backoff(tries=2)), sleep=Waits())
        assert server.lines == ["HEAD /", "HEAD /"]
    assert (result.error, result.attempts) == (None, 2)


def test_heads_and_gets_take_turns_over_one_connection() -> None:
    def answer(connection: Connection, request: Request) -> None:
        body = b"" if request.target == "/head" else b"body"
        connection.send(response(body, length=4))

    with Lettered(answer) as server:
        jobs = [
            make(f"{server.url}/{name}") for make, name in [(head_of, "head"), (get, "get")] * 3
        ]
        results = fetch_all(jobs, ONE_BY_ONE)
        assert server.lines == ["HEAD /head", "GET /get"] * 3
        assert server.connections == 1
    assert [result.bytes for result in results] == [0, 4] * 3
    assert [result.job.sink.body for result in results] == [b"", b"body"] * 3


def test_a_body_that_a_server_wrongly_sends_after_a_head_is_nobodys() -> None:
    with Lettered(sends(response(b"HTTP/1.1 500 X\r\n\r\n"))) as server:
        results = fetch_all([head_of(server.url), get(server.url), head_of(server.url)], ONE_BY_ONE)
    assert [kind(result) for result in results] == [None] * 3
    assert [result.bytes for result in results] == [0, 18, 0]


def test_nothing_of_a_job_is_sent_with_the_next() -> None:
    with Lettered(sends(response())) as server:
        secret = {"Authorization": "Bearer s3cret", "Cookie": "id=s3cret", "User-Agent": "other"}
        held = Job(url=server.url, sink=HoldingSink(), headers={"X-Key": "s3cret"})
        user = get(server.url.replace("://", "://me:s3cret@"))
        jobs = [get(server.url, **secret), head_of(server.url, **secret), held, user]
        first = [*jobs, get(f"{server.url}/plain")]
        fetch_all([one for job in jobs for one in (job, first[-1])], ONE_BY_ONE)
        plain = [head for head in server.heads if b" /plain " in head]
        assert server.connections == 1
    assert len(set(plain)) == 1
    assert b"s3cret" not in plain[0].lower()
    assert b"range" not in plain[0].lower()
    assert plain[0].startswith(b"GET /plain HTTP/1.1\r\n")
    assert len(plain) == 4


class HoldingSink(HashSink):
    """Says that it holds a part."""

    @property
    def held(self) -> Held:
        return Held(5, '"1"')


def test_an_answer_says_nothing_about_the_next() -> None:
    first = response(b"x" * 9, status=503, retry_after="77", etag='"1"', location="/elsewhere")
    with RawServer(in_turn(sends(first), sends(response(status=302)), FINE)) as server:
        results = fetch_all([get(server.url) for _ in range(3)], ONE_BY_ONE, sleep=Waits())
    assert [kind(result) for result in results] == ["http", "redirect", None]
    assert results[0].error is not None
    assert results[0].error.after == 77.0
    assert [result.status for result in results] == [503, 302, 200]


def test_a_failure_without_an_answer_has_no_status_of_the_job_before() -> None:
    def cut(connection: Connection, _request: Request) -> None:
        connection.cut()

    with RawServer(in_turn(FINE, cut)) as server:
        jobs = [
            get(server.url),
            get(server.url),
            get("http://127.0.0.1:1"),
            get("http://no.invalid"),
        ]
        results = fetch_all(jobs, ONE_BY_ONE)
    assert [(kind(one), one.status, one.bytes) for one in results] == [
        (None, 200, 4),
        ("reset", None, 0),
        ("connect", None, 0),
        ("dns", None, 0),
    ]
    assert [result.timing is None for result in results] == [False, True, True, True]


def test_a_job_after_one_that_was_too_large_or_too_slow_is_taken_whole() -> None:
    def stall(connection: Connection, _request: Request) -> None:
        connection.send(response(b"half", length=8))
        connection.wait_for_hangup()

    large = sends(response(b"x" * 900_000))
    with RawServer(in_turn(large, FINE, stall, FINE)) as server:
        few = limits(concurrency=1, max_bytes=1000, idle_timeout=0.2)
        results = fetch_all([get(server.url) for _ in range(4)], few)
    assert [kind(result) for result in results] == ["too_large", None, "timeout", None]
    assert results[1].job.sink.body == results[3].job.sink.body == b"fine"


def test_many_heads_and_gets_at_once_keep_apart() -> None:
    lock = threading.Lock()
    seen: dict[str, Any] = {}

    def answer(connection: Connection, request: Request) -> None:
        name = request.target[1:]
        with lock:
            seen[name] = request.headers.get("x-name")
        connection.send(
            response(b"" if name.startswith("head") else name.encode(), length=len(name))
        )

    with RawServer(answer) as server:
        jobs = [
            make(f"{server.url}/{method}{number}", **{"X-Name": f"{method}{number}"})
            for number in range(200)
            for make, method in ((head_of, "head"), (get, "get"))
        ]
        results = fetch_all(jobs, limits(concurrency=8))
    assert all(name == value for name, value in seen.items())
    for result in results:
        name = result.job.url.rpartition("/")[2]
        assert result.job.sink.body == (b"" if name.startswith("head") else name.encode())


def test_a_head_into_a_resuming_file_sink_asks_for_the_whole(tmp_path: Any) -> None:
    sink = FileSink(tmp_path / "file", temporary=tmp_path / ".part", resume=True)
    with Lettered(announces(10**6, etag='"1"')) as server:
        result = fetch(Job(url=server.url, sink=sink, method="HEAD"))
        assert b"range" not in server.heads[0].lower()
    assert result.error is None
