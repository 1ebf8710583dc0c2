"""What is printed for each line: one JSON record, or one readable line."""

import json
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple, Self

from toolroll_shared.output import human_size, oneline

from .jobs import Method, Result, Timing
from .sinks import FileSink, HashSink, Sink


class Outcome(NamedTuple):
    """What became of a URL, as far as it is shown; its URLs are fit to be."""

    final_url: str | None
    status: int | None
    bytes: int
    ms: float
    timing: Timing | None
    attempts: int
    sha256: str | None
    path: str | None
    size: int | None
    kind: str | None
    message: str | None

    @classmethod
    def of_record(cls, fields: Mapping[str, Any]) -> Self:
        """Return what the record of a URL that succeeded tells; what it lacks is nothing."""
        status, size = fields.get("status"), fields.get("bytes")
        return cls(
            final_url=None,
            status=status if isinstance(status, int) else None,
            bytes=size if isinstance(size, int) else 0,
            ms=0.0,
            timing=None,
            attempts=0,
            sha256=None,
            path=None,
            size=None,
            kind=None,
            message=None,
        )


def outcome_of(result: Result[Sink], final_url: str | None) -> Outcome:
    """Return the outcome of a fetch.

    Args:
        result: the engine's.
        final_url: its final URL as it may be shown.
    """
    sink, error = result.job.sink, result.error
    done = error is None
    return Outcome(
        final_url,
        result.status,
        result.bytes,
        result.duration_s * 1000,
        result.timing,
        0 if result.final_url is None else result.attempts,  # nothing was requested: no attempt
        sink.digest if done and isinstance(sink, (HashSink, FileSink)) else None,
        str(sink.path) if done and isinstance(sink, FileSink) else None,
        sink.status.st_size if isinstance(sink, FileSink) and sink.status else None,
        None if error is None else error.kind,
        None if error is None else str(error),
    )


def failure(kind: str, message: str) -> Outcome:
    """Return the outcome of a line that was never fetched."""
    return Outcome(None, None, 0, 0.0, None, 0, None, None, None, kind, message)


def record(
    index: int,
    url: str,
    outcome: Outcome,
    *,
    method: Method,
    key: str | None,
    duplicate_of: int | None,
) -> str:
    """Return a line's JSON record, as one line.

    It is filled in by hand, which takes a third of the time of an encoder: there may be
    thousands in a second.
    """
    final_url, status, size, ms, timing, attempts, sha256, path, stored, kind, message = outcome
    address = _text(url)
    return (
        f'{{"index": {index}, "method": "{method}", "url": {address}, '
        f'"final_url": {address if final_url == url else _text(final_url)}, '
        f'"status": {_number(status)}, "bytes": {size}, "ms": {ms:.3f}, {_times(timing)}, '
        f'"attempts": {attempts}, "sha256": {_text(sha256)}, "path": {_text(path)}, '
        f'"size": {_number(stored)}, '
        f'"key": {_text(key)}, "duplicate_of": {_number(duplicate_of)}, "resumed": false, '
        f'"error": {_error(kind, message)}}}\n'
    )


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring_ascii(value)


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _times(timing: Timing | None) -> str:
    if timing is None:
        return '"dns_ms": null, "connect_ms": null, "tls_ms": null, "ttfb_ms": null'
    dns, connect, tls, first = timing
    return (
        f'"dns_ms": {dns * 1000:.3f}, "connect_ms": {connect * 1000:.3f}, '
        f'"tls_ms": {tls * 1000:.3f}, "ttfb_ms": {first * 1000:.3f}'
    )


def _error(kind: str | None, message: str | None) -> str:
    return "null" if kind is None else f'{{"kind": "{kind}", "message": {_text(message)}}}'


def encoded(fields: dict[str, Any]) -> str:
    """Return one JSON object as one line, in ASCII."""
    return json.dumps(fields) + "\n"


def readable(url: str, outcome: Outcome, *, note: str = "") -> str:
    """Return a line's result as people read it."""
    what = str(outcome.status or "-") if outcome.kind in {None, "http"} else str(outcome.kind)
    message = "" if outcome.kind in {None, "http", "cancelled"} else outcome.message
    size = human_size(outcome.bytes)
    text = f"{what:<9} {size:>9} {outcome.ms:>8.0f} ms  {url}"
    return text + "".join(f": {oneline(part)}" for part in (message, note) if part) + "\n"
