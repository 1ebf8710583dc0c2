"""Exactly one record for each line, whatever the lines are and whatever becomes of them."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from multi_fetch.feed import WINDOW
from tests.multi_fetch.commanding import (
    PATIENCE_S,
    Fetch,
    answering,
    ended,
    kind,
    listed,
    refused,
    started,
    targets,
)
from tests.support.rawserver import Connection, RawServer, Request, response

EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

KINDS = {"U/ok": None, "U/404": "http", "ftp://x/": "url", "junk": "url", "R/": "connect"}
"""What becomes of lines; `U` is a server and `R` refuses."""

LINES = st.lists(
    st.sampled_from([*KINDS, "U/ok2", "U/404?2", "# comment", "", "  "]), min_size=1, max_size=30
)


def is_url(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


@EXAMPLES
@given(lines=LINES, concurrency=st.sampled_from([1, 2, 8]))
def test_each_line_has_one_record_and_each_url_one_request(
    fetch_list: Fetch, server: RawServer, lines: list[str], concurrency: int
) -> None:
    server.requests.clear()
    nobody = "http://127.0.0.1:1"
    real = [line.replace("U", server.url).replace("R", nobody) for line in lines]
    ran = fetch_list(*real, options=("--concurrency", concurrency, "--retries", 0))
    wanted = [number for number, line in enumerate(lines, 1) if is_url(line)]
    assert [record["index"] for record in ran.records] == wanted
    for record in ran.records:
        line = lines[record["index"] - 1]
        assert kind(record) == KINDS.get(line, "http" if "404" in line else None)
        first = lines.index(line) + 1
        assert record["duplicate_of"] == (None if first == record["index"] else first)
    assert set(Counter(targets(server)).values()) <= {1}
    if wanted:
        ok = ran.kinds.count(None)
        assert ran.counts == (ok, len(wanted) - ok, 0)


@contextmanager
def held_back() -> Iterator[tuple[RawServer, threading.Event]]:
    """A server that answers `/held` only when it is told to."""
    go_on = threading.Event()

    def held(connection: Connection, _request: Request) -> None:
        assert go_on.wait(PATIENCE_S)
        connection.send(response(b"held"))

    with RawServer(answering(held=held)) as server:
        yield server, go_on
        go_on.set()


def test_a_url_that_comes_again_while_it_is_in_flight_is_not_requested_again(
    tmp_path: Path,
) -> None:
    with held_back() as (server, go_on):
        urls = [f"{server.url}/{name}" for name in ("held", "held", "last", "held")]
        with started(listed(tmp_path, *urls), "--ndjson") as process:
            server.wait_until(lambda server: "/last" in targets(server))
            go_on.set()
            ran = ended(process)
    assert sorted(targets(server)) == ["/held", "/last"]
    assert [record["duplicate_of"] for record in ran.records] == [None, 1, None, 1]
    assert [record["bytes"] for record in ran.records] == [4, 4, 5, 4]


def test_a_duplicate_tells_all_that_the_first_one_told(
    fetch_list: Fetch, server: RawServer, tmp_path: Path
) -> None:
    url = f"{server.url}/a"
    options = ("--sha256", "--output-dir", tmp_path / "out", "--concurrency", 1)
    first, second = fetch_list(url, url, options=options).records
    assert {key for key in first if first[key] != second[key]} == {"index", "duplicate_of"}


def test_a_duplicate_of_a_failure_fails_alike(fetch_list: Fetch, server: RawServer) -> None:
    ran = fetch_list(f"{server.url}/404", f"{server.url}/404")
    assert (ran.code, ran.kinds, targets(server)) == (1, ["http", "http"], ["/404"])
    assert ran.counts == (0, 2, 0)


def test_urls_that_differ_at_all_are_not_the_same(fetch_list: Fetch, server: RawServer) -> None:
    urls = [f"{server.url}{end}" for end in ("", "/", "/?", "/#a", "//")]
    ran = fetch_list(*urls)
    assert (len(targets(server)), {record["duplicate_of"] for record in ran.records}) == (5, {None})


def test_users_of_their_own_make_urls_of_their_own(fetch_list: Fetch, server: RawServer) -> None:
    urls = [f"http://{user}@127.0.0.1:{server.port}/a" for user in ("ann:1", "bob:2")]
    ran = fetch_list(*urls)
    assert {record["duplicate_of"] for record in ran.records} == {None}
    assert len({request.headers["authorization"] for request in server.requests}) == 2


def test_beyond_the_window_a_url_is_fetched_again(fetch_list: Fetch, server: RawServer) -> None:
    url = f"{server.url}/a"
    others = (f"ftp://x/{number}" for number in range(WINDOW - 1))
    ran = fetch_list(url, *others, url, "ftp://x/last", url, options=("--concurrency", 1))
    records = [record for record in ran.records if record["error"] is None]
    assert [record["duplicate_of"] for record in records] == [None, 1, None]
    assert targets(server) == ["/a", "/a"]


def test_so_many_duplicates_of_one_slow_url_wait_that_no_more_is_read(tmp_path: Path) -> None:
    """They are all there in the end, and what comes after them too."""
    with held_back() as (server, go_on):
        held, last = f"{server.url}/held", f"{server.url}/last"
        path = listed(tmp_path, *[held] * (WINDOW + 5), last)
        with started(path, "--ndjson") as process:
            server.wait_until(lambda server: len(server.requests) == 1)
            go_on.set()
            ran = ended(process)
    assert (ran.code, ran.counts) == (0, (WINDOW + 6, 0, 0))
    assert sorted(targets(server)) == ["/held", "/last"]


def test_records_come_as_urls_are_done_not_as_they_are_listed(tmp_path: Path) -> None:
    with held_back() as (server, go_on):
        urls = (f"{server.url}/held", f"{server.url}/a")
        with started(listed(tmp_path, *urls), "--ndjson") as process:
            assert process.stdout
            assert b'"index": 2' in process.stdout.readline()
            go_on.set()
            assert b'"index": 1' in process.stdout.readline()
            assert ended(process).code == 0


def test_a_host_that_nobody_listens_at_does_not_hold_up_the_others(
    fetch_list: Fetch, server: RawServer
) -> None:
    ran = fetch_list(refused(), f"{server.url}/a", options=("--retries", 0))
    assert (ran.code, ran.kinds) == (1, ["connect", None])
