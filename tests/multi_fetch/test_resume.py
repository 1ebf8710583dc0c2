from pathlib import Path
from typing import Any

import pytest

from tests.multi_fetch.fetching import kind, names_in
from tests.multi_fetch.parts import (
    BODY,
    DATED,
    SHA256,
    STRONG,
    asked,
    assert_whole,
    cut_after,
    fetch_file,
    file_sink,
    part,
    whole,
)
from tests.support.rawserver import (
    Answer,
    redirects,
    response,
    sends,
)


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
