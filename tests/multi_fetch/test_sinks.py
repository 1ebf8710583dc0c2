import errno
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from multi_fetch import FileSink, Job, RejectedBody, Result, Sink
from tests.multi_fetch.fetching import (
    MemorySink,
    Waits,
    by_path,
    fetch,
    fetch_all,
    in_turn,
    job,
    kind,
    limits,
    names_in,
)
from tests.support.rawserver import TIMEOUT, Answer, Connection, RawServer, Request, response, sends
from toolroll_shared.retry import Backoff

BODY = random.Random(7).randbytes(300_000)  # noqa: S311 - content, not a secret
SHA256 = hashlib.sha256(BODY).hexdigest()
WHOLE = sends(response(BODY))
NOBODY = 65534


def file_sink(folder: Path, **expectations: Any) -> FileSink:
    return FileSink(folder / "file", temporary=folder / ".part", **expectations)


def fetch_file(answer: Answer, sink: FileSink, **changes: Any) -> Result[FileSink]:
    with RawServer(answer) as server:
        return fetch(Job(url=server.url, sink=sink), limits(**changes), sleep=Waits())


def cut_after(size: int) -> Answer:
    def answer(connection: Connection, _request: Request) -> None:
        connection.send(response(BODY[:size], length=len(BODY)))
        connection.cut()

    return answer


def endless(connection: Connection, _request: Request) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.send(BODY)


@pytest.mark.parametrize(
    "expectations",
    [{}, {"size": len(BODY)}, {"sha256": SHA256}, {"size": 300_000, "sha256": SHA256}],
)
def test_a_body_that_is_as_expected_is_in_place(
    tmp_path: Path, expectations: dict[str, Any]
) -> None:
    sink = file_sink(tmp_path / "new" / "folder", **expectations)
    result = fetch_file(WHOLE, sink)
    assert (result.error, result.bytes) == (None, len(BODY))
    assert sink.path.read_bytes() == BODY
    assert sink.digest == SHA256
    assert sink.status is not None
    assert os.path.samestat(sink.status, sink.path.stat())
    assert names_in(sink.path.parent) == ["file"]


FAILURES = [
    pytest.param(WHOLE, {"size": 300_001}, "body", "300000 bytes, not the 300001", id="too short"),
    pytest.param(WHOLE, {"size": 299_999}, "body", "more than the 299999 bytes", id="too long"),
    pytest.param(WHOLE, {"size": 0}, "body", "more than the 0 bytes", id="should be empty"),
    pytest.param(sends(response()), {"size": 1}, "body", "0 bytes, not the 1", id="empty"),
    pytest.param(endless, {"size": 300_000}, "body", "more than the 300000", id="endless"),
    pytest.param(WHOLE, {"sha256": "0" * 64}, "body", f"sha256 is {SHA256}", id="wrong digest"),
    pytest.param(cut_after(200_000), {}, "reset", "", id="cut short"),
    pytest.param(sends(response(BODY, status=404)), {}, "http", "404", id="not found"),
]


@pytest.mark.parametrize(("answer", "expectations", "expected", "message"), FAILURES)
def test_a_failed_body_leaves_nothing(
    tmp_path: Path, answer: Answer, expectations: dict[str, Any], expected: str, message: str
) -> None:
    counted: list[int] = []
    sink = file_sink(tmp_path, **expectations, progress=counted.append)
    result = fetch_file(answer, sink)
    assert kind(result) == expected
    assert message in str(result.error)
    assert list(tmp_path.iterdir()) == []
    assert (sink.digest, sink.status) == (None, None)
    assert sum(counted) == 0


@pytest.mark.parametrize(("answer", "expectations", "expected", "message"), FAILURES)
def test_a_failed_body_leaves_the_old_file_alone(
    tmp_path: Path, answer: Answer, expectations: dict[str, Any], expected: str, message: str
) -> None:
    del expected, message
    (tmp_path / "file").write_bytes(b"old")
    fetch_file(answer, file_sink(tmp_path, **expectations))
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_a_refused_body_is_not_tried_again(tmp_path: Path) -> None:
    sink = file_sink(tmp_path, sha256="0" * 64)
    assert fetch_file(WHOLE, sink, backoff=Backoff(tries=3)).attempts == 1


def test_an_existing_file_is_replaced_only_at_the_end(tmp_path: Path) -> None:
    seen: list[tuple[bytes, int]] = []
    partly_written = threading.Event()
    sink = file_sink(tmp_path, progress=lambda _count: partly_written.set())
    sink.path.write_bytes(b"old")

    def answer(connection: Connection, _request: Request) -> None:
        connection.send(response(BODY * 2, length=len(BODY) * 3))
        if partly_written.wait(TIMEOUT):
            seen.append((sink.path.read_bytes(), len(names_in(tmp_path))))
        connection.send(BODY)

    assert fetch_file(answer, sink).error is None
    assert seen == [(b"old", 2)]
    assert sink.path.read_bytes() == BODY * 3


@pytest.mark.parametrize("first", [1_000, 100_000, 299_999])
def test_another_attempt_begins_the_file_anew(tmp_path: Path, first: int) -> None:
    counted: list[int] = []
    sink = file_sink(tmp_path, size=len(BODY), sha256=SHA256, progress=counted.append)
    result = fetch_file(in_turn(cut_after(first), WHOLE), sink, backoff=Backoff(tries=2))
    assert (result.error, result.attempts, result.bytes) == (None, 2, len(BODY))
    assert sink.path.read_bytes() == BODY
    assert sum(counted) == len(BODY)


def test_a_file_that_replaces_none_gets_a_name_that_is_free(tmp_path: Path) -> None:
    assert fetch_file(WHOLE, file_sink(tmp_path, replace=False)).error is None
    assert (tmp_path / "file").read_bytes() == BODY
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("settings", [{}, {"resume": True, "keep": True}])
def test_a_name_that_somebody_takes_meanwhile_stays_theirs(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    def answer(connection: Connection, request: Request) -> None:
        (tmp_path / "file").write_bytes(b"somebody's")
        sends(response(BODY, etag='"one"'))(connection, request)

    result = fetch_file(
        answer, file_sink(tmp_path, replace=False, **settings), backoff=Backoff(tries=3)
    )
    assert (kind(result), result.attempts) == ("body", 1)
    assert str(result.error) == f"{tmp_path / 'file'}: File exists"
    assert names_in(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"somebody's"


def test_a_leftover_temporary_file_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".part").write_bytes(b"left by a killed process" * 99_999)
    fetch_file(WHOLE, file_sink(tmp_path, sha256=SHA256))
    assert names_in(tmp_path) == ["file"]


DISK_FULL = """
import resource, sys
from pathlib import Path
from multi_fetch import FileSink, Job
from tests.multi_fetch.fetching import fetch_all, kind, limits

resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
folder, large, small = Path(sys.argv[1]), *sys.argv[2:]
jobs = [Job(url=url, sink=FileSink(folder / n, temporary=folder / f".{n}"))
        for n, url in (("large", large), ("small", small))]
for result in fetch_all(jobs, limits(concurrency=1)):
    print(kind(result), result.error)
"""


def test_a_disk_that_takes_no_more_fails_that_body_only(tmp_path: Path) -> None:
    with RawServer(by_path(large=WHOLE, small=sends(response(b"fits")))) as server:
        urls = [f"{server.url}/large", f"{server.url}/small"]
        done = subprocess.run(
            [sys.executable, "-c", DISK_FULL, tmp_path, *urls],
            capture_output=True,
            text=True,
            check=True,
        )
    reason = os.strerror(errno.EFBIG)
    assert done.stdout.splitlines() == [f"body the body: {reason}", "None None"]
    assert names_in(tmp_path) == ["small"]


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    """A folder in which this process, even if it is root's, may not make anything."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(user)
            folder.chmod(0o755)


def beside_a_good_one(sink: Sink) -> Result[Sink]:
    """Fetch into `sink` and into a good one; return the result of the first."""
    with RawServer(WHOLE) as server:
        bad, good = Job(url=server.url, sink=sink), job(server.url)
        jobs: list[Job[Any]] = [bad, good]
        results = {id(result.job): result for result in fetch_all(jobs)}
    assert results[id(good)].job.sink.body == BODY
    return results[id(bad)]


def test_a_folder_that_cannot_be_written_fails_its_own_body(read_only_folder: Path) -> None:
    result = beside_a_good_one(file_sink(read_only_folder / "new"))
    assert kind(result) == "body"
    assert str(result.error) == f"{read_only_folder / 'new'}: Permission denied"


def test_a_file_in_the_folders_place_fails_its_own_body(tmp_path: Path) -> None:
    (tmp_path / "folder").write_bytes(b"a file")
    result = beside_a_good_one(file_sink(tmp_path / "folder"))
    assert (kind(result), str(result.error)) == ("body", f"{tmp_path / 'folder'}: File exists")


def test_a_folder_in_the_files_place_fails_its_own_body_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    result = beside_a_good_one(file_sink(tmp_path))
    assert kind(result) == "body"
    assert "Is a directory" in str(result.error)
    assert names_in(tmp_path) == ["file"]


def test_a_name_that_no_file_can_have_fails_its_own_body(tmp_path: Path) -> None:
    sink = FileSink(tmp_path / ("n" * 300), temporary=tmp_path / ".part")
    assert kind(beside_a_good_one(sink)) == "body"
    assert names_in(tmp_path) == []


class Raising(MemorySink):
    """Raises in one of its methods, each time."""

    def __init__(self, method: str, error: Exception) -> None:
        super().__init__()
        self.error = error
        setattr(self, method, self._raise)

    def _raise(self, *_arguments: object) -> None:
        raise self.error


@pytest.mark.parametrize("method", ["begin", "write", "finish"])
@pytest.mark.parametrize(
    "error",
    [
        RejectedBody("not this"),
        OSError(errno.ENOSPC, "No space left on device"),
        TimeoutError(errno.ETIMEDOUT, "Connection timed out"),  # a network file system's
        ValueError("a bug in the sink"),
        AssertionError("another"),
    ],
    ids=repr,
)
def test_whatever_a_sink_raises_fails_its_own_body_once(method: str, error: Exception) -> None:
    sink = Raising(method, error)
    result = beside_a_good_one(sink)
    assert (kind(result), result.attempts) == ("body", 1)
    assert sink.calls[-1] == "abort"


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), ValueError("a bug")])
def test_an_abort_that_raises_does_not_hide_why_the_body_failed(error: Exception) -> None:
    sink = Raising("abort", error)
    reject: Callable[[], None] = Raising("finish", RejectedBody("not this"))._raise
    sink.finish = reject  # type: ignore[method-assign]
    result = beside_a_good_one(sink)
    assert (kind(result), str(result.error)) == ("body", "not this")


def test_a_sink_is_aborted_after_each_attempt_that_failed_in_its_body() -> None:
    with RawServer(in_turn(cut_after(200_000), cut_after(200_000), WHOLE)) as server:
        result = fetch(job(server.url), limits(backoff=Backoff(tries=3)), sleep=Waits())
    assert result.job.sink.calls == ["begin", "abort", "begin", "abort", "begin", "finish"]
    assert result.job.sink.body == BODY


def test_a_file_sink_may_be_aborted_at_any_time(tmp_path: Path) -> None:
    sink = file_sink(tmp_path)
    sink.abort()
    sink.begin(0, None)
    sink.write(memoryview(b"half"))
    sink.abort()
    sink.abort()
    assert names_in(tmp_path) == []


def test_a_file_sink_forgets_an_earlier_body_when_it_begins_again(tmp_path: Path) -> None:
    sink = file_sink(tmp_path)
    sink.begin(0, None)
    sink.write(memoryview(b"first"))
    sink.finish()
    sink.begin(0, None)
    sink.write(memoryview(b"second"))
    sink.abort()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"first"]
