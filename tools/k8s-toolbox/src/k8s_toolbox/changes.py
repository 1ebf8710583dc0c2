"""What a watch sends: a JSON object a line, which is a change, a bookmark or an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import Raw

from toolroll_shared.errors import ToolError, Unreachable

from .models import Change, Metadata, Object
from .troubles import Busy, Expired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import HTTPResponse

READ_BYTES = 1 << 16
BOOKMARK = "BOOKMARK"
GONE = 410


class Report(NamedTuple):
    """A line of a watch.

    Attributes:
        type: `ADDED`, `MODIFIED`, `DELETED` or `BOOKMARK`.
        version: of the list after it; None where it does not say.
        object: JSON.
    """

    type: str
    version: str | None
    object: Raw


class _Status(Object, frozen=True):
    """An error inside a watch (API: Status)."""

    code: int = 0
    message: str | None = None


class _Versioned(Object, frozen=True):
    metadata: Metadata


_CHANGE = msgspec.json.Decoder(Change)
_STATUS = msgspec.json.Decoder(_Status)
_VERSIONED = msgspec.json.Decoder(_Versioned)


def reports_of(response: HTTPResponse, what: str) -> Iterator[Report]:
    """Yield what a watch reports until it ends.

    Args:
        response: of the watch.
        what: is watched, for messages.

    Raises:
        Expired: the version that was asked for is too old.
        Busy: the server reports another error.
        Unreachable: this is no watch.
    """
    for line in lines_of(response):
        try:
            change = _CHANGE.decode(line)
            if change.type == "ERROR":
                raise _reported_error(_STATUS.decode(change.object), what)
            version = _VERSIONED.decode(change.object).metadata.resource_version
        except msgspec.MsgspecError as error:
            raise nonsense(what, error) from error
        yield Report(change.type, version, change.object)


def _reported_error(status: _Status, what: str) -> ToolError:
    message = f"{what}: {status.message or status.code}"
    return Expired(message) if status.code == GONE else Busy(message, after=None)


def nonsense(what: str, error: Exception) -> ToolError:
    """Return the error for an answer that is not one of the API's."""
    return Unreachable(f"{what}: the answer is not one of the API's: {error}")


def lines_of(response: HTTPResponse) -> Iterator[bytes]:
    """Yield the lines of an answer as they come; what has no end yet is no line."""
    rest = b""
    while block := response.read1(READ_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        yield from filter(None, lines)
