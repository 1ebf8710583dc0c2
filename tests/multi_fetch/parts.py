"""Bodies that come in parts, and a file sink that goes on with them."""

import hashlib
import random
from pathlib import Path
from typing import Any

from multi_fetch import FileSink, Job, Result
from tests.multi_fetch.fetching import Waits, fetch, in_turn, limits, names_in
from tests.support.rawserver import (
    Answer,
    Connection,
    RawServer,
    Request,
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
