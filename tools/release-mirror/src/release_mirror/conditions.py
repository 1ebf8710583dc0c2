"""What the headers of a request ask of a file: is it new, and which part? RFC 9110, 13 and 14."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from typing import NamedTuple

MAX_DIGITS = 18
"""Of a position in a file: beyond it lies no file, and int() grows slow."""

_SPAN = re.compile(r"bytes=([0-9]*)-([0-9]*)", re.IGNORECASE)
_TAG = re.compile(r'(W/)?("[^"]*")')
_NANOSECONDS = 1_000_000_000


class Version(NamedTuple):
    """Which content it is: its strong entity tag, and the second of its last change."""

    etag: str
    modified: datetime

    @property
    def last_modified(self) -> str:
        """The time as a header has it."""
        return format_datetime(self.modified, usegmt=True)


class Part(NamedTuple):
    """What to answer: a status and, with 200 and 206, which bytes."""

    status: int
    start: int
    stop: int


def version_of(sha256: str, mtime_ns: int) -> Version:
    """Return the version of a file."""
    try:
        modified = datetime.fromtimestamp(mtime_ns // _NANOSECONDS, UTC)
    except (ValueError, OverflowError, OSError):  # a year that no header can say
        modified = datetime.fromtimestamp(0, UTC)
    return Version(f'"sha256-{sha256}"', modified)


def part_wanted(headers: Mapping[str, str], version: Version, size: int, *, get: bool) -> Part:
    """Return what to answer to a request for a file.

    Several ranges, or one that makes no sense, are passed over, as RFC 9110 allows: then it
    is the whole file.

    Args:
        headers: of the request; their names are taken in lower case or in any.
        version: of the file.
        size: of the file.
        get: whether the method is GET: ranges mean nothing to HEAD.
    """
    if not _is_expected(headers, version):
        return Part(HTTPStatus.PRECONDITION_FAILED, 0, 0)
    if is_known(headers, version.etag, version.modified):
        return Part(HTTPStatus.NOT_MODIFIED, 0, 0)
    match = _SPAN.fullmatch(headers.get("range", "").replace(" ", ""))
    if not get or match is None or not _is_same(headers.get("if-range"), version):
        return Part(HTTPStatus.OK, 0, size)
    return _span(match[1], match[2], size)


def is_known(headers: Mapping[str, str], etag: str, modified: datetime | None = None) -> bool:
    """Tell whether the client has this already."""
    if (tags := headers.get("if-none-match")) is not None:
        return tags.strip() == "*" or any(tag == etag for _, tag in _TAG.findall(tags))
    since = _date(headers.get("if-modified-since"))
    return modified is not None and since is not None and modified <= since


def _is_expected(headers: Mapping[str, str], version: Version) -> bool:
    if (tags := headers.get("if-match")) is not None:
        return tags.strip() == "*" or ("", version.etag) in _TAG.findall(tags)
    until = _date(headers.get("if-unmodified-since"))
    return until is None or version.modified <= until


def _is_same(validator: str | None, version: Version) -> bool:
    """Compare If-Range: strongly, and a date to the second."""
    if validator is None or validator.strip() == version.etag:
        return True
    return _date(validator) == version.modified


def _span(first: str, last: str, size: int) -> Part:
    if (not first and not last) or (first and last and _number(last) < _number(first)):
        return Part(HTTPStatus.OK, 0, size)
    if not first:
        start, stop = max(size - _number(last), 0), size
    else:
        start, stop = _number(first), min(_number(last) + 1, size) if last else size
    if start >= stop:
        return Part(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, 0)
    return Part(HTTPStatus.PARTIAL_CONTENT, start, stop)


def _number(digits: str) -> int:
    return int(digits) if len(digits) <= MAX_DIGITS else 10**MAX_DIGITS


def _date(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
