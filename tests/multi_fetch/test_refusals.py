"""What is asked about an answer that is no success, and what comes of what is said to it."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from multi_fetch import Fetcher, FetchError, FileSink, Held, Job, Refusal
from tests.multi_fetch.fetching import (
    PATIENCE,
    Waits,
    by_path,
    fetch,
    fetch_all,
    in_turn,
    job,
    kind,
    let_others_run,
    limits,
    names_in,
)
from tests.multi_fetch.parts import BODY, STRONG, file_sink, part, whole
from tests.multi_fetch.servers import FINE, then_cut, then_silent
from tests.multi_fetch.steps import Held as HeldSleep
from tests.multi_fetch.steps import taking
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

TWICE = limits(backoff=Backoff(tries=2))
FORBIDDEN = sends(response(b"no", status=403))


class Says:
    """Says the same to every refusal, and remembers them.

    Attributes:
        refusals: with their jobs, in order.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.asked: list[tuple[Job[Any], Refusal]] = []

    def __call__(self, job: Job[Any], refusal: Refusal) -> float | None:
        self.asked.append((job, refusal))
        return self.seconds

    @property
    def refusals(self) -> list[Refusal]:
        return [refusal for _job, refusal in self.asked]


@pytest.mark.parametrize("status", [304, 400, 403, 404, 429, 500, 503])
def test_a_final_answer_that_is_no_success_is_asked_about(status: int) -> None:
    says = Says(None)
    answer = response(b"too fast\xff", status=status, X_Limit="5", x_limit="6", Server="  it ")
    with RawServer(sends(answer)) as server:
        one = job(server.url)
        result = fetch(one, after_refusal=says)
    [(asked_job, refusal)] = says.asked
    assert asked_job is one
    assert (refusal.status, refusal.redirected) == (status, False)
    assert refusal.text == ("" if status == 304 else "too fast\ufffd")
    assert refusal.headers["server"] == "it"
    assert refusal.headers["x-limit"] == "5, 6"
    assert (kind(result), result.status) == ("http", status)


def test_what_is_redirected_or_succeeds_is_not_asked_about() -> None:
    says = Says(None)
    with RawServer(by_path(a=redirects("/b"), b=FINE)) as server:
        assert kind(fetch(job(f"{server.url}/a"), after_refusal=says)) is None
    assert says.asked == []


def test_only_the_last_one_of_several_answers_counts() -> None:
    says = Says(None)
    moved = redirects("/b")
    with RawServer(by_path(a=moved, b=sends(response(status=410, x_b="1")))) as server:
        fetch(job(f"{server.url}/a"), after_refusal=says)
    [refusal] = says.refusals
    assert (refusal.status, refusal.redirected) == (410, True)
    assert "location" not in refusal.headers


def test_who_is_sent_to_its_own_url_is_not_redirected() -> None:
    says = Says(None)
    with RawServer(in_turn(redirects("/a"), FORBIDDEN)) as server:
        fetch(job(f"{server.url}/a"), after_refusal=says)
    assert [refusal.redirected for refusal in says.refusals] == [False]


def test_a_part_that_is_not_there_any_more_is_not_asked_about(tmp_path: Path) -> None:
    says = Says(None)
    sink = file_sink(tmp_path, held=Held(5, '"one"'))
    with RawServer(in_turn(sends(response(status=416)), whole(**STRONG))) as server:
        assert kind(fetch(Job(url=server.url, sink=sink), after_refusal=says)) is None
    assert says.asked == []


def test_a_part_that_nobody_asked_for_is_not_asked_about() -> None:
    says = Says(None)
    with RawServer(part(5)) as server:
        assert kind(fetch(job(server.url), after_refusal=says)) == "http"
    assert says.asked == []


def test_head_has_no_text() -> None:
    says = Says(None)
    with RawServer(sends(response(length=5, status=404))) as server:
        one = job(server.url)
        one.method = "HEAD"
        fetch(one, after_refusal=says)
    assert [refusal.text for refusal in says.refusals] == [""]


def endless(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 403 No\r\n\r\n")
    while True:
        connection.send(b"x" * 65_536)


def dripping(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 403 No\r\n\r\n")
    while not threading.Event().wait(0.05):
        connection.send(b"x")


def kept_open(connection: Connection, request: Request) -> None:
    then_silent(response(b"xx", length=9, status=403))(connection, request)


@pytest.mark.parametrize(
    ("answer", "length"),
    [
        pytest.param(sends(response(b"x" * 4095, status=403)), (4095, 4095), id="short"),
        pytest.param(sends(response(b"x" * 200_000, status=403)), (4096, 4096), id="long"),
        pytest.param(endless, (4096, 4096), id="endless"),
        pytest.param(dripping, (1, 4096), id="dripping"),
        pytest.param(kept_open, (2, 2), id="silent"),
        pytest.param(then_silent(b"HTTP/1.1 403 No\r\n\r\n"), (0, 0), id="silent from the start"),
        pytest.param(then_cut(response(b"xxx", length=9, status=403)), (3, 3), id="cut"),
    ],
)
def test_a_bounded_part_of_a_body_is_read_in_bounded_time(
    answer: Answer, length: tuple[int, int]
) -> None:
    says = Says(None)
    with RawServer(answer) as server:
        result = fetch(job(server.url), limits(idle_timeout=999, timeout=999), after_refusal=says)
    assert (kind(result), result.status) == ("http", 403)
    [refusal] = says.refusals
    assert set(refusal.text) <= {"x"}
    assert length[0] <= len(refusal.text) <= length[1]


@pytest.mark.parametrize(("status", "attempts"), [(403, 1), (404, 1), (429, 2), (500, 2)])
def test_nothing_said_leaves_it_to_the_engine(status: int, attempts: int) -> None:
    waits = Waits()
    with RawServer(sends(response(status=status, retry_after="7"))) as server:
        result = fetch(job(server.url), TWICE, sleep=waits, after_refusal=Says(None))
    assert result.attempts == attempts
    assert set(waits.seconds) == ({7.0} if attempts > 1 else set())


@pytest.mark.parametrize("seconds", [0, 0.0, -1, float("nan")])
def test_a_url_that_expires_is_asked_for_anew_at_home(seconds: float) -> None:
    says, waits = Says(seconds), Waits()
    moved = in_turn(redirects("/signed?1"), redirects("/signed?2"))

    def signed(connection: Connection, request: Request) -> None:
        (FINE if request.target.endswith("2") else FORBIDDEN)(connection, request)

    with RawServer(by_path(a=moved, signed=signed)) as server:
        one = job(f"{server.url}/a")
        result = fetch(one, TWICE, sleep=waits, random=lambda: 0.5, after_refusal=says)
    assert [request.target for request in server.requests] == [
        *("/a", "/signed?1", "/a", "/signed?2")
    ]
    assert (kind(result), result.attempts, one.sink.body) == (None, 2, b"fine")
    assert waits.seconds == [0.25]  # as after any failure
    assert [refusal.redirected for refusal in says.refusals] == [True]


def test_a_file_goes_on_after_its_url_has_expired(tmp_path: Path) -> None:
    sink = file_sink(tmp_path, held=Held(5000, '"one"'))
    (tmp_path / ".part").write_bytes(BODY[:5000])
    with RawServer(in_turn(FORBIDDEN, part(5000, **STRONG))) as server:
        result = fetch(Job(url=server.url, sink=sink), TWICE, sleep=Waits(), after_refusal=Says(0))
    assert result.error is None
    assert [request.headers["range"] for request in server.requests] == ["bytes=5000-"] * 2
    assert sink.path.read_bytes() == BODY


def test_what_is_said_to_pass_is_tried_as_often_as_anything() -> None:
    waits = Waits()
    with RawServer(FORBIDDEN) as server:
        result = fetch(
            job(server.url),
            limits(backoff=Backoff(tries=4)),
            sleep=waits,
            after_refusal=Says(0),
        )
    assert (kind(result), result.status, result.attempts) == ("http", 403, 4)
    assert len(waits.seconds) == 3
    assert result.error is not None
    assert (result.error.throttling, result.error.after) == (False, None)


def test_what_is_said_overrules_retry_after() -> None:
    waits = Waits()
    with RawServer(in_turn(sends(response(status=429, retry_after="100")), FINE)) as server:
        fetch(job(server.url), TWICE, sleep=waits, after_refusal=Says(7))
    assert waits.seconds == [7.0]


@pytest.mark.parametrize("status", [403, 404])
def test_a_host_that_is_said_to_throttle_is_left_alone_while_others_go_on(status: int) -> None:
    async def run(asking: RawServer, other: RawServer) -> None:
        held = HeldSleep()
        urls = [asking.url, *[other.url] * 5, *[asking.url] * 4, *[other.url] * 5]
        few = limits(concurrency=2, per_host=1, backoff=Backoff(tries=2))
        effects: dict[str, Any] = {"sleep": held, "after_refusal": Says(7)}
        async with taking([job(url) for url in urls], few, **effects) as taker:
            await held.until(1)
            await taker.until(10)
            await let_others_run()
            assert {result.job.url for result in taker.results} == {other.url}
            assert len(asking.requests) == 1
            held.let_go()
            results = await taker.all()
        assert held.seconds == [7.0]
        assert sorted(result.attempts for result in results) == [1] * 14 + [2]

    throttling = in_turn(sends(response(status=status)), FINE)
    with RawServer(throttling) as asking, RawServer(FINE) as other:
        asyncio.run(run(asking, other))


def test_the_host_that_says_it_is_paused_and_not_the_one_that_sent_there() -> None:
    async def run(home: RawServer, assets: RawServer) -> None:
        home.answer = by_path(a=redirects(f"{assets.url}/x"), b=FINE)
        held = HeldSleep()
        one = limits(concurrency=1, backoff=Backoff(tries=2))
        jobs = [job(f"{home.url}/a"), *[job(f"{home.url}/b") for _ in range(4)]]
        jobs += [job(f"{assets.url}/y")]
        effects: dict[str, Any] = {"sleep": held, "after_refusal": Says(7)}
        async with taking(jobs, one, **effects) as taker:
            await taker.until(4)
            await let_others_run()
            assert {result.job.url for result in taker.results} == {f"{home.url}/b"}
            assert len(assets.requests) == 1
            held.let_go()
            assert [kind(result) for result in await taker.all()] == [None] * 6

    with RawServer(FINE) as home, RawServer(in_turn(FORBIDDEN, FINE)) as assets:
        asyncio.run(run(home, assets))


@pytest.mark.parametrize("seconds", [301.0, 1e9, float("inf")])
def test_who_would_have_to_wait_for_too_long_is_told_that_it_is_throttled(seconds: float) -> None:
    waits = Waits()
    with RawServer(FORBIDDEN) as server:
        result = fetch(job(server.url), TWICE, sleep=waits, after_refusal=Says(seconds))
    assert (kind(result), result.status, result.attempts) == ("http", 403, 1)
    assert waits.seconds == []
    assert result.error is not None
    assert (result.error.throttling, result.error.after) == (True, seconds)


THROTTLING = [
    ({"status": 429}, True),
    ({"status": 429, "after": 7.0}, True),
    ({"status": 429, "passing": True}, True),
    ({"status": 503, "after": 7.0}, True),
    ({"status": 503, "after": 0.0}, True),
    ({"status": 503}, False),
    ({"status": 500, "after": 7.0}, False),
    ({"status": 403, "after": 7.0}, False),
    ({"status": 403, "after": 7.0, "passing": True}, True),
    ({"status": 403, "passing": True}, False),
    ({"status": 404}, False),
]


@pytest.mark.parametrize(("facts", "throttling"), THROTTLING)
def test_an_error_tells_throttled_from_refused(facts: dict[str, Any], throttling: bool) -> None:  # noqa: FBT001
    assert FetchError("http", "", **facts).throttling is throttling


def test_a_hook_that_fails_ends_the_run_and_leaves_nothing(tmp_path: Path) -> None:
    def fails(*_arguments: object) -> float:
        raise LookupError

    def jobs(server: RawServer) -> list[Job[FileSink]]:
        names = [*"abcdefgh"]
        sinks = [FileSink(tmp_path / name, temporary=tmp_path / f".{name}") for name in names]
        return [Job(url=server.url, sink=sink) for sink in sinks]

    async def run(server: RawServer) -> None:
        effects: dict[str, Any] = {"after_refusal": fails}
        async with asyncio.timeout(PATIENCE), Fetcher(limits(), **effects) as fetcher:
            with pytest.raises(LookupError):
                async for _ in fetcher.fetch(jobs(server)):
                    pass
        await asyncio.to_thread(server.wait_until, lambda server: server.open == 0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    stalled = then_silent(response(b"x", length=9))
    with RawServer(in_turn(stalled, stalled, FORBIDDEN)) as server:
        asyncio.run(run(server))
    assert names_in(tmp_path) == []


def test_a_refusal_shows_neither_headers_nor_text() -> None:
    shown = repr(
        Refusal(status=403, headers={"set-cookie": "s3cret"}, text="s3cret", redirected=False)
    )
    assert "s3cret" not in shown


def test_many_refusals_are_each_asked_about_once() -> None:
    says = Says(None)
    with RawServer(FORBIDDEN) as server:
        fetch_all([job(server.url) for _ in range(50)], after_refusal=says)
    assert len(says.asked) == len({id(one) for one, _ in says.asked}) == 50
