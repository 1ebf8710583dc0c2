import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from multi_fetch import FetchError, Job
from tests.multi_fetch.fetching import Waits, fetch, fetch_all, in_turn, job, kind, limits
from tests.support.rawserver import Answer, Connection, RawServer, Request, response, sends
from toolroll_shared.retry import Backoff

FINE = sends(response(b"fine"))
PATIENT = limits(backoff=Backoff(tries=3, first=1.0, cap=30.0, total=300.0))


def no_jitter() -> float:
    return 0.0


def cut(connection: Connection, _request: Request) -> None:
    connection.cut()


def cut_body(connection: Connection, _request: Request) -> None:
    connection.send(response(b"half", length=8))
    connection.cut()


def fails(status: int, retry_after: str | None = None) -> Answer:
    if retry_after is None:
        return sends(response(status=status))
    return sends(response(status=status, retry_after=retry_after))


def no_http(connection: Connection, _request: Request) -> None:
    connection.send(b"SSH-2.0-x\r\n")
    connection.cut()


@pytest.mark.parametrize(
    "failure",
    [
        *(pytest.param(fails(status), id=str(status)) for status in (429, 500, 502, 503, 504)),
        pytest.param(cut, id="closed before the headers"),
        pytest.param(cut_body, id="cut in the body"),
        pytest.param(no_http, id="no http"),
    ],
)
def test_what_may_pass_is_tried_again_until_it_works(failure: Answer) -> None:
    waits = Waits()
    with RawServer(in_turn(failure, failure, FINE)) as server:
        result = fetch(job(server.url), PATIENT, sleep=waits)
    assert (result.error, result.attempts, result.status) == (None, 3, 200)
    assert result.job.sink.body == b"fine"
    assert result.bytes == 4
    assert len(waits.seconds) == 2


@pytest.mark.parametrize("failure", [fails(503), fails(429), cut, cut_body])
def test_what_does_not_pass_is_given_up_after_the_last_try(failure: Answer) -> None:
    with RawServer(failure) as server:
        result = fetch(job(server.url), PATIENT, sleep=Waits())
    assert result.error is not None
    assert result.attempts == len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416, 418, 451, 501, 505])
def test_a_refusal_is_not_tried_again(status: int) -> None:
    with RawServer(fails(status, retry_after="1")) as server:
        result = fetch(job(server.url), PATIENT, sleep=Waits())
    assert result.error is not None
    assert (result.error.kind, result.error.status, result.status) == ("http", status, status)
    assert str(result.error) == f"HTTP status {status}"
    assert result.attempts == len(server.requests) == 1


def test_a_refused_port_is_tried_again() -> None:
    with RawServer(FINE) as gone:
        url = gone.url
    result = fetch(job(url), PATIENT, sleep=Waits())
    assert (kind(result), result.attempts) == ("connect", 3)


def test_waits_double_under_full_jitter() -> None:
    waits = Waits()
    four = limits(backoff=Backoff(tries=4, first=1.0, cap=3.0))
    with RawServer(fails(500)) as server:
        fetch(job(server.url), four, sleep=waits, random=lambda: 0.5)
    assert waits.seconds == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize(("jitter", "expected"), [(0.0, 7.0), (0.75, 15.0)])
def test_retry_after_is_the_least_wait(status: int, jitter: float, expected: float) -> None:
    waits = Waits()
    patient = limits(backoff=Backoff(tries=2, first=20.0))
    with RawServer(in_turn(fails(status, retry_after="7"), FINE)) as server:
        fetch(job(server.url), patient, sleep=waits, random=lambda: jitter)
    assert waits.seconds == [expected]


def test_retry_after_may_be_a_date() -> None:
    waits = Waits()
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    with RawServer(in_turn(fails(503, retry_after=date), FINE)) as server:
        fetch(job(server.url), PATIENT, sleep=waits, random=no_jitter)
    assert 60 < waits.seconds[0] <= 100


@pytest.mark.parametrize("retry_after", ["301", "86400", "9" * 400])
def test_a_retry_after_beyond_the_deadline_is_not_waited_for(retry_after: str) -> None:
    waits = Waits()
    with RawServer(fails(503, retry_after=retry_after)) as server:
        result = fetch(job(server.url), PATIENT, sleep=waits)
    assert (kind(result), result.attempts, waits.seconds) == ("http", 1, [])


@pytest.mark.parametrize(
    "retry_after",
    [
        *("", "soon", "-5", "1.5", "0x10", "\xff", "\xb2", "Sun, 06 Nov"),
        *("Sun, 99 Nov 2024 08:49:37 GMT", "Sun, 06 Nov 99999 08:49:37 GMT"),
        *("Sun, 06 Nov 99999999999 08:49:37 GMT", "Sun, 06 Nov 2024 08:49:37 +9999"),
    ],
    ids=ascii,
)
def test_a_retry_after_that_says_nothing_is_passed_over(retry_after: str) -> None:
    waits = Waits()
    with RawServer(in_turn(fails(503, retry_after=retry_after), FINE)) as server:
        results = fetch_all([job(server.url)], PATIENT, sleep=waits, random=no_jitter)
    assert [(kind(result), result.attempts) for result in results] == [(None, 2)]
    assert waits.seconds == [0.0]


def test_nobody_waits_longer_than_the_total_deadline() -> None:
    now = [0.0]

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    hurried = limits(backoff=Backoff(tries=99, first=8.0, cap=8.0, total=20.0))
    with RawServer(fails(500)) as server:
        result = fetch(
            job(server.url), hurried, sleep=sleep, clock=lambda: now[0], random=lambda: 1.0
        )
    assert (result.attempts, result.duration_s) == (3, 16.0)


def test_each_wait_is_announced_before_it_begins() -> None:
    told: list[Any] = []

    def before_wait(job: Job[Any], error: FetchError, seconds: float) -> None:
        told.append((job, error.kind, error.status, seconds))

    async def sleep(seconds: float) -> None:
        told.append(seconds)

    effects: dict[str, Callable[..., Any]] = {"before_wait": before_wait, "sleep": sleep}
    with RawServer(in_turn(fails(503, retry_after="7"), FINE)) as server:
        one = job(server.url)
        fetch(one, PATIENT, random=no_jitter, **effects)
    assert told == [(one, "http", 503, 7.0), 7.0]


def test_while_one_job_waits_the_others_go_on() -> None:
    with RawServer(in_turn(fails(503), FINE)) as server:

        async def until_the_others_are_served(_seconds: float) -> None:
            await asyncio.to_thread(server.wait_until, lambda server: len(server.requests) >= 4)

        two_at_once = limits(concurrency=2, backoff=PATIENT.backoff)
        jobs = [job(server.url) for _ in range(4)]
        results = fetch_all(jobs, two_at_once, sleep=until_the_others_are_served)
    assert sorted(result.attempts for result in results) == [1, 1, 1, 2]
