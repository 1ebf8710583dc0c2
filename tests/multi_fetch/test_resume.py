import asyncio
import hashlib
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from multi_fetch import Fetcher, FileSink, Held, Job, Result
from tests.multi_fetch.fetching import PATIENCE, Waits, fetch, in_turn, kind, limits, names_in
from tests.multi_fetch.steps import Held as HeldSleep
from tests.multi_fetch.steps import requests, taking
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

BODY = random.Random(8).randbytes(300_000)  # noqa: S311 - content, not a secret
SHA256 = hashlib.sha256(BODY).hexdigest()
STRONG: dict[str, Any] = {"etag": '"one"'}
DATED: dict[str, Any] = {"last_modified": "Sun, 06 Nov 2022 08:49:37 GMT"}
TRIES = limits(backoff=Backoff(tries=4))


def file_sink(folder: Path, **settings: Any) -> FileSink:
    settings = {"resume": True, **settings}
    return FileSink(folder / "file", temporary=folder / ".part", **settings)


def fetch_file(sink: FileSink, *answers: Answer) -> tuple[Result[FileSink], list[Request]]:
    with RawServer(in_turn(*answers)) as server:
        return fetch(Job(url=server.url, sink=sink), TRIES, sleep=Waits()), server.requests


def cut_after(size: int, **headers: Any) -> Answer:
    """Answer with the start of the body, and then hang up."""

    def answer(connection: Connection, _request: Request) -> None:
        connection.send(response(BODY[:size], length=len(BODY), **headers))
        connection.cut()

    return answer


def part(start: int, stop: int = len(BODY), *, sent: int | None = None, **headers: Any) -> Answer:
    """Answer with a part of the body, or with its start."""
    span: dict[str, Any] = {"content_range": f"bytes {start}-{stop - 1}/{len(BODY)}"}
    until = stop if sent is None else start + sent

    def answer(connection: Connection, _request: Request) -> None:
        length = stop - start
        data = BODY[start:until]
        connection.send(response(data, length=length, status=206, **{**span, **headers}))
        if until < stop:
            connection.cut()

    return answer


def whole(**headers: Any) -> Answer:
    return sends(response(BODY, **headers))


def asked(request: Request) -> tuple[str | None, str | None]:
    return request.headers.get("range"), request.headers.get("if-range")


def assert_whole(sink: FileSink, result: Result[FileSink]) -> None:
    assert result.error is None
    assert sink.path.read_bytes() == BODY
    assert sink.digest == SHA256
    assert sink.status is not None
    assert sink.status.st_size == len(BODY)
    assert sink.held is None
    assert names_in(sink.path.parent) == ["file"]


@pytest.mark.parametrize("size", [1, 100_000, 299_999])
@pytest.mark.parametrize(
    ("headers", "validator"),
    [(STRONG, '"one"'), (DATED, DATED["last_modified"]), ({**STRONG, **DATED}, '"one"')],
)
def test_a_body_that_was_cut_goes_on_where_it_was(
    tmp_path: Path, size: int, headers: dict[str, Any], validator: str
) -> None:
    counted: list[int] = []
    sink = file_sink(tmp_path, size=len(BODY), sha256=SHA256, progress=counted.append)
    result, requests = fetch_file(sink, cut_after(size, **headers), part(size, **headers))
    assert_whole(sink, result)
    assert [*map(asked, requests)] == [(None, None), (f"bytes={size}-", validator)]
    assert (result.attempts, result.status, result.bytes) == (2, 206, len(BODY) - size)
    assert sum(counted) == len(BODY)


def test_a_body_may_be_cut_again_and_again(tmp_path: Path) -> None:
    sink = file_sink(tmp_path)
    answers = [cut_after(10, **STRONG), part(10, sent=90_000, **STRONG)]
    answers += [part(90_010, sent=1, **STRONG), part(90_011, **STRONG)]
    result, requests = fetch_file(sink, *answers)
    assert_whole(sink, result)
    assert [request.headers.get("range") for request in requests] == [
        *(None, "bytes=10-", "bytes=90010-", "bytes=90011-")
    ]


def test_an_attempt_that_fails_before_its_body_keeps_the_part(tmp_path: Path) -> None:
    sink = file_sink(tmp_path)
    busy = sends(response(b"busy", status=503))
    result, requests = fetch_file(sink, cut_after(10, **STRONG), busy, part(10, **STRONG))
    assert_whole(sink, result)
    assert [request.headers.get("range") for request in requests] == [
        None,
        "bytes=10-",
        "bytes=10-",
    ]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"etag": 'W/"one"'}, id="weak"),
        pytest.param({"etag": 'W/"one"', **DATED}, id="weak with a date"),
        pytest.param({}, id="none"),
        pytest.param({"etag": ""}, id="empty"),
        pytest.param({"etag": '"\xe4"'}, id="beyond ascii"),
    ],
)
def test_without_a_strong_validator_it_starts_over(tmp_path: Path, headers: dict[str, Any]) -> None:
    sink = file_sink(tmp_path)
    result, requests = fetch_file(sink, cut_after(99_999, **headers), whole(**headers))
    assert_whole(sink, result)
    assert [*map(asked, requests)] == [(None, None)] * 2
    assert result.bytes == len(BODY)


def test_a_sink_that_does_not_resume_starts_over(tmp_path: Path) -> None:
    sink = file_sink(tmp_path, resume=False)
    result, requests = fetch_file(sink, cut_after(99_999, **STRONG), whole(**STRONG))
    assert_whole(sink, result)
    assert [*map(asked, requests)] == [(None, None)] * 2


@pytest.mark.parametrize("headers", [{}, STRONG, {"etag": '"two"'}])
def test_a_whole_body_instead_of_the_part_is_taken(tmp_path: Path, headers: dict[str, Any]) -> None:
    counted: list[int] = []
    sink = file_sink(tmp_path, progress=counted.append)
    result, requests = fetch_file(sink, cut_after(99_999, **STRONG), whole(**headers))
    assert_whole(sink, result)
    assert asked(requests[1]) == ("bytes=99999-", '"one"')
    assert (result.attempts, result.bytes, sum(counted)) == (2, len(BODY), len(BODY))


UNFIT = [
    pytest.param(part(10, **STRONG), id="another start"),
    pytest.param(part(0, **STRONG), id="from the beginning"),
    pytest.param(part(99_999, content_range="bytes"), id="a range in words"),
    pytest.param(part(99_999, content_range="bytes */300000"), id="no range"),
    pytest.param(part(99_999, content_range="lines 99999-299999/300000"), id="other units"),
    pytest.param(part(99_999, 100_005, **STRONG), id="not up to the end"),
    pytest.param(part(99_999, etag='"two"'), id="of another version"),
    pytest.param(sends(response(BODY[99_999:], status=206)), id="without saying which"),
    pytest.param(sends(response(b"unsatisfiable", status=416)), id="unsatisfiable"),
]


@pytest.mark.parametrize("answer", UNFIT)
def test_a_part_that_does_not_fit_starts_over_within_the_attempt(
    tmp_path: Path, answer: Answer
) -> None:
    sink = file_sink(tmp_path)
    result, requests = fetch_file(sink, cut_after(99_999, **STRONG), answer, whole())
    assert_whole(sink, result)
    assert [*map(asked, requests)] == [(None, None), ("bytes=99999-", '"one"'), (None, None)]
    assert result.attempts == 2


def test_a_server_that_changes_its_mind_about_the_range_ends_the_job(tmp_path: Path) -> None:
    odd = sends(response(b"odd", status=416))
    result, requests = fetch_file(file_sink(tmp_path), cut_after(99_999, **STRONG), odd)
    assert (kind(result), result.status, len(requests)) == ("http", 416, 3)
    assert names_in(tmp_path) == []


def test_a_part_may_leave_its_total_open(tmp_path: Path) -> None:
    sink = file_sink(tmp_path)
    rest = part(99_999, content_range="BYTES 99999-299999/*")
    result, _requests = fetch_file(sink, cut_after(99_999, **STRONG), rest)
    assert_whole(sink, result)


def test_the_part_is_asked_for_where_it_redirects_to(tmp_path: Path) -> None:
    sink = file_sink(tmp_path)
    moved = redirects("/there")
    answers = [moved, cut_after(99_999, **STRONG), moved, part(99_999, **STRONG)]
    result, requests = fetch_file(sink, *answers)
    assert_whole(sink, result)
    assert [request.headers.get("range") for request in requests] == [
        *(None, None, "bytes=99999-", "bytes=99999-")
    ]


def test_a_body_that_is_whole_and_wrong_is_not_kept(tmp_path: Path) -> None:
    sink = file_sink(tmp_path, sha256="0" * 64, keep=True)
    result, _requests = fetch_file(sink, cut_after(99_999, **STRONG), part(99_999, **STRONG))
    assert kind(result) == "body"
    assert names_in(tmp_path) == []
    assert sink.held is None


def test_a_body_that_is_longer_than_it_should_be_is_not_kept(tmp_path: Path) -> None:
    sink = file_sink(tmp_path, size=99_990, keep=True)
    result, _requests = fetch_file(sink, cut_after(99_999, **STRONG))
    assert kind(result) == "body"
    assert names_in(tmp_path) == []


def vanish(folder: Path) -> None:
    (folder / ".part").unlink()


def shorten(folder: Path) -> None:
    (folder / ".part").write_bytes(BODY[:9])


def empty(folder: Path) -> None:
    (folder / ".part").write_bytes(b"")


@pytest.mark.parametrize("spoil", [vanish, shorten, empty])
def test_a_kept_part_that_is_not_there_any_more_does_no_harm(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    sink = file_sink(tmp_path)

    async def sleep(_seconds: float) -> None:
        spoil(tmp_path)

    with RawServer(in_turn(cut_after(99_999, **STRONG), part(99_999), whole())) as server:
        result = fetch(Job(url=server.url, sink=sink), TRIES, sleep=sleep)
    assert kind(result) in {None, "body"}
    assert names_in(tmp_path) == ([] if result.error else ["file"])
    assert result.error or sink.path.read_bytes() == BODY


def test_a_kept_part_that_has_grown_is_cut_to_what_was_kept(tmp_path: Path) -> None:
    sink = file_sink(tmp_path)

    async def sleep(_seconds: float) -> None:
        with (tmp_path / ".part").open("ab") as file:
            file.write(b"of another process")

    with RawServer(in_turn(cut_after(99_999, **STRONG), part(99_999))) as server:
        assert_whole(sink, fetch(Job(url=server.url, sink=sink), TRIES, sleep=sleep))


@pytest.mark.parametrize("keep", [False, True])
def test_what_is_given_up_is_removed_unless_it_is_to_be_kept(tmp_path: Path, keep: bool) -> None:  # noqa: FBT001
    sink = file_sink(tmp_path, keep=keep)
    again = part(99_999, sent=1, **STRONG)
    gone = sends(response(status=404))
    result, _requests = fetch_file(sink, cut_after(99_999, **STRONG), again, gone)
    assert (kind(result), result.status) == ("http", 404)
    assert names_in(tmp_path) == ([".part"] if keep else [])
    assert sink.held == (Held(100_000, '"one"') if keep else None)


def test_a_later_run_goes_on_with_what_an_earlier_one_kept(tmp_path: Path) -> None:
    earlier = file_sink(tmp_path, keep=True)
    with RawServer(cut_after(99_999, **STRONG)) as server:
        fetch(Job(url=server.url, sink=earlier), limits())
    later = file_sink(tmp_path, held=earlier.held, sha256=SHA256)
    result, requests = fetch_file(later, part(99_999, **STRONG))
    assert_whole(later, result)
    assert [*map(asked, requests)] == [("bytes=99999-", '"one"')]
    assert result.attempts == 1


def test_what_was_said_to_be_kept_and_is_not_there_does_no_harm(tmp_path: Path) -> None:
    sink = file_sink(tmp_path, held=Held(5, '"one"'))
    result, _requests = fetch_file(sink, part(5, **STRONG), whole())
    assert kind(result) in {None, "body"}
    assert names_in(tmp_path) == ([] if result.error else ["file"])


def test_a_validator_that_is_no_header_fails_its_job_only(tmp_path: Path) -> None:
    sink = file_sink(tmp_path, held=Held(5, '"one"\r\nX: 1'))
    result, requests = fetch_file(sink, whole())
    assert (kind(result), requests) == ("url", [])


@pytest.fixture
def cut_once() -> Iterator[RawServer]:
    def stall(connection: Connection, request: Request) -> None:
        size = 99_999 if "range" in request.headers else 0
        connection.send(BODY[size : size + 1])
        connection.wait_for_hangup()

    with RawServer(in_turn(cut_after(99_999, **STRONG), stall)) as server:
        yield server


async def cancel(taker: Any) -> None:
    taker.over.cancel()


async def stop_now(taker: Any) -> None:
    taker.fetcher.stop(0)
    await taker.all()


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("end", [cancel, stop_now])
def test_a_job_that_ends_while_it_waits_for_its_next_try_leaves_no_part(
    tmp_path: Path,
    cut_once: RawServer,
    end: Callable[[Any], Any],
    keep: bool,  # noqa: FBT001
) -> None:
    sink = file_sink(tmp_path, keep=keep)

    async def run() -> None:
        held = HeldSleep()
        async with taking([Job(url=cut_once.url, sink=sink)], TRIES, sleep=held) as taker:
            await held.until(1)
            assert names_in(tmp_path) == [".part"]
            await end(taker)

    asyncio.run(run())
    assert names_in(tmp_path) == ([".part"] if keep else [])
    assert len(cut_once.requests) == 1


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("end", [cancel, stop_now])
def test_a_job_that_ends_in_its_second_try_leaves_no_part(
    tmp_path: Path,
    cut_once: RawServer,
    end: Callable[[Any], Any],
    keep: bool,  # noqa: FBT001
) -> None:
    sink = file_sink(tmp_path, keep=keep)

    async def run() -> None:
        async with taking([Job(url=cut_once.url, sink=sink)], TRIES, sleep=Waits()) as taker:
            await requests(cut_once, 2)
            await end(taker)

    asyncio.run(run())
    assert names_in(tmp_path) == ([".part"] if keep else [])
    assert sink.held == (Held(99_999, '"one"') if keep else None)


def test_a_failing_before_wait_leaves_no_part(tmp_path: Path) -> None:
    def before_wait(*_arguments: object) -> None:
        raise LookupError

    async def run(url: str) -> None:
        effects: dict[str, Any] = {"before_wait": before_wait}
        one = Job(url=url, sink=file_sink(tmp_path))
        async with asyncio.timeout(PATIENCE), Fetcher(TRIES, **effects) as fetcher:
            with pytest.raises(LookupError):
                await anext(fetcher.fetch([one]))

    with RawServer(cut_after(99_999, **STRONG)) as server:
        asyncio.run(run(server.url))
    assert names_in(tmp_path) == []


def test_many_files_that_are_cut_and_go_on_are_each_right(tmp_path: Path) -> None:
    chance = random.Random(9)  # noqa: S311 - a fixed seed

    def answer(connection: Connection, request: Request) -> None:
        match = re.fullmatch(r"bytes=([0-9]+)-", request.headers.get("range", "bytes=0-"))
        assert match is not None
        start = int(match[1])
        sent = None if chance.random() < 0.3 else chance.randrange(1, max(2, len(BODY) - start))
        if start:
            part(start, sent=sent, **STRONG)(connection, request)
        elif sent:
            cut_after(sent, **STRONG)(connection, request)
        else:
            whole(**STRONG)(connection, request)

    async def run(url: str) -> None:
        jobs = []
        for number in range(16):
            folder = tmp_path / str(number)
            jobs.append(Job(url=url, sink=file_sink(folder, sha256=SHA256)))
        patient = limits(concurrency=4, backoff=Backoff(tries=99, total=1e9))
        async with taking(jobs, patient, sleep=Waits()) as taker:
            for result in await taker.all():
                assert_whole(result.job.sink, result)

    with RawServer(answer) as server:
        asyncio.run(run(server.url))
