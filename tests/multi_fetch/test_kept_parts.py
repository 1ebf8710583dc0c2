import asyncio
import os
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from multi_fetch import Fetcher, FileSink, Held, Job, LostPart, Result, Sink
from tests.multi_fetch.fetching import PATIENCE, Waits, fetch, in_turn, kind, limits, names_in
from tests.multi_fetch.parts import (
    BODY,
    SHA256,
    STRONG,
    TRIES,
    asked,
    assert_whole,
    cut_after,
    fetch_file,
    file_sink,
    part,
    whole,
)
from tests.multi_fetch.steps import Held as HeldSleep
from tests.multi_fetch.steps import requests, taking
from tests.support.rawserver import (
    Connection,
    RawServer,
    Request,
    response,
    sends,
)
from toolroll_shared.retry import Backoff


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


def link(folder: Path) -> None:
    (folder / ".part").rename(folder / "other")
    (folder / ".part").symlink_to("other")


def link_hard(folder: Path) -> None:
    os.link(folder / ".part", folder / "other")


def link_to_nothing(folder: Path) -> None:
    (folder / ".part").unlink()
    (folder / ".part").symlink_to("nothing")


def become_a_pipe(folder: Path) -> None:
    (folder / ".part").unlink()
    os.mkfifo(folder / ".part")


SPOILS = [vanish, shorten, empty, link, link_hard, link_to_nothing, become_a_pipe]


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_kept_part_that_is_not_there_any_more_does_no_harm(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    sink = file_sink(tmp_path)

    async def sleep(_seconds: float) -> None:
        spoil(tmp_path)

    with RawServer(in_turn(cut_after(99_999, **STRONG), part(99_999), whole())) as server:
        result = fetch(Job(url=server.url, sink=sink), TRIES, sleep=sleep)
    assert_is_whole_beside_another(sink, result, BODY[:99_999])
    assert result.attempts == 2


def assert_is_whole_beside_another(sink: FileSink, result: Result[FileSink], other: bytes) -> None:
    """Check that the file is right, and that what a link led to was left alone."""
    place = sink.path.with_name("other")
    if place.exists():
        assert place.read_bytes() == other
        place.unlink()
    assert_whole(sink, result)


@pytest.mark.parametrize("spoil", SPOILS)
@pytest.mark.parametrize("keep", [False, True])
def test_what_an_earlier_run_kept_and_is_spoilt_is_fetched_anew_in_the_same_attempt(
    tmp_path: Path,
    spoil: Callable[[Path], None],
    keep: bool,  # noqa: FBT001
) -> None:
    (tmp_path / ".part").write_bytes(BODY[:5000])
    spoil(tmp_path)
    sink = file_sink(tmp_path, held=Held(5000, '"one"'), keep=keep, sha256=SHA256)
    result, requests = fetch_file(sink, part(5000, **STRONG), whole(**STRONG))
    assert [*map(asked, requests)] == [("bytes=5000-", '"one"'), (None, None)]
    assert_is_whole_beside_another(sink, result, BODY[:5000])
    assert result.attempts == 1


def test_a_folder_in_the_place_of_a_kept_part_fails_its_job_only(tmp_path: Path) -> None:
    (tmp_path / ".part").mkdir()
    sink = file_sink(tmp_path, held=Held(5, '"one"'), keep=True)
    result, _requests = fetch_file(sink, part(5, **STRONG), whole())
    assert kind(result) == "body"
    assert names_in(tmp_path) == [".part"]


@pytest.mark.parametrize("size", [len(BODY), len(BODY) + 1, 10 * len(BODY)])
def test_who_holds_as_much_as_there_is_or_more_starts_over(tmp_path: Path, size: int) -> None:
    (tmp_path / ".part").write_bytes(bytes(size))
    sink = file_sink(tmp_path, held=Held(size, '"one"'), keep=True, sha256=SHA256, size=len(BODY))
    no_such_part = sends(response(status=416, content_range=f"bytes */{len(BODY)}"))
    result, requests = fetch_file(sink, no_such_part, whole(**STRONG))
    assert_whole(sink, result)
    assert [*map(asked, requests)] == [(f"bytes={size}-", '"one"'), (None, None)]
    assert result.attempts == 1


def test_a_sink_that_loses_what_it_never_held_fails_its_job_only() -> None:
    class Confused(Sink):
        def begin(self, offset: int, validator: str | None) -> None:
            del offset, validator
            raise LostPart

    with RawServer(whole()) as server:
        assert kind(fetch(Job(url=server.url, sink=Confused()))) == "body"
        assert len(server.requests) == 1


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
    assert_whole(sink, result)


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
