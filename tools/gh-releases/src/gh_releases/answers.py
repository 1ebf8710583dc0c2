"""One answer of the API: read within bounds, parsed, and what a refusal means.

Nothing here sends a request.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NoReturn, TypeVar

import httpx
import msgspec

from toolroll_shared.errors import Refused, ToolError, Unreachable
from toolroll_shared.output import redact_url
from toolroll_shared.retry import Transient, retry_after_seconds

from .links import next_link

T = TypeVar("T")

OK = 200
NOT_MODIFIED = 304
HIDDEN = "[token]"

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A page of 100 releases with 200 assets each is near 30 MB; more is not an answer."""

MAX_REFUSAL_BYTES = 64 * 1024
"""What is read of an answer that will only be quoted."""

MAX_MESSAGE = 500
"""Characters of the server's words that are quoted."""

LATEST_SECOND = 253402300799.0 - 86_400
"""The last that datetime knows in any zone, since the epoch."""

_MOVED = {301, 302, 307, 308}
_PASSING = {408, 500, 502, 503, 504}
_GONE = {404, 410, 451}
_UNAUTHORIZED = 401
_UNPROCESSABLE = 422
_REFUSALS = range(400, 500)
_ENCODINGS = {"", "identity", "gzip"}


class NotFound(ToolError):
    """The repository does not exist, or not for this token."""


class Unprocessable(Refused):
    """422: among others, a page beyond the 1,000 results that GitHub lists at most."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer; its content is not looked into yet."""

    url: httpx.URL
    status: int
    headers: httpx.Headers
    content: bytearray

    @property
    def next_page(self) -> httpx.URL | None:
        """Where the next page is, if there is one.

        Raises:
            Unreachable: what is named as the next page is no address.
        """
        target = next_link(self.headers.get("link", ""))
        return None if target is None else self._join(target)

    @property
    def moved_to(self) -> httpx.URL | None:
        """Where a redirect leads, if it is one.

        Raises:
            Unreachable: it leads to what is no address.
        """
        location = self.headers.get("location")
        if self.status not in _MOVED or location is None:
            return None
        return self._join(location)

    def server_time(self, *, otherwise: float) -> float:
        """Return the server's clock in seconds since the epoch, whatever ours says."""
        try:
            moment = parsedate_to_datetime(self.headers["date"])
            if moment.tzinfo is None:  # "-0000": in UTC, says RFC 5322
                moment = moment.replace(tzinfo=UTC)
            return min(max(moment.timestamp(), 0.0), LATEST_SECOND)
        except (KeyError, ValueError, OverflowError):
            return otherwise

    @property
    def text(self) -> str:
        """The content as text to be quoted."""
        return self.content.decode("utf-8", "replace")

    def _join(self, reference: str) -> httpx.URL:
        try:
            return self.url.join(reference)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise Unreachable(
                f"{redact_url(str(self.url))}: leads to what is no address: {error}"
            ) from error


async def read_answer(response: httpx.Response) -> Answer:
    """Read a response to its end, or the beginning of one that says nothing but no.

    Raises:
        Unreachable: it is longer than any answer should be, or packed in a way that nobody
            asked for: layers of compression can make much out of nothing at once.
    """
    url = redact_url(str(response.url))
    if (encoding := response.headers.get("content-encoding", "").lower()) not in _ENCODINGS:
        raise Unreachable(f"{url}: the answer is encoded as {encoding[:50]!r}, not asked for")
    content = bytearray()
    async for block in response.aiter_bytes():
        content += block
        if response.status_code != OK and len(content) > MAX_REFUSAL_BYTES:
            break
        if len(content) > MAX_ANSWER_BYTES:
            raise Unreachable(f"{url}: the answer exceeds {MAX_ANSWER_BYTES} bytes")
    return Answer(response.url, response.status_code, response.headers, content)


def parsed(answer: Answer, kind: type[T]) -> T:
    """Return the values in an answer with status 200.

    Raises:
        Transient: it is cut off, or no JSON: the next one may be whole.
        Unreachable: it is JSON, but whatever answers there, it is not GitHub's API.
    """
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.ValidationError as error:
        raise Unreachable(
            f"{redact_url(str(answer.url))}: the answer is not GitHub's: {error}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise Transient("the answer is not whole, or no JSON") from error


def require_lasting(answer: Answer, *, now: float) -> None:
    """Let an answer pass unless its status may be another one soon.

    Raises:
        Transient: a server error, with what its Retry-After asks for.
    """
    if answer.status in _PASSING:
        moment = datetime.fromtimestamp(answer.server_time(otherwise=now), UTC)
        after = retry_after_seconds(answer.headers.get("retry-after"), now=moment)
        raise Transient(f"the server answers {answer.status}", after=after)


def refuse(answer: Answer, name: str, *, with_token: bool) -> NoReturn:
    """Raise what an answer that is none means for `name`; no other try would help.

    Args:
        answer: with another status than 200; its words are quoted.
        name: the repository that was asked for.
        with_token: whether a token was sent.

    Raises:
        NotFound, Unprocessable, Refused, Unreachable.
    """
    message = _message_in(answer.text)[:MAX_MESSAGE]
    if answer.status in _GONE:
        sent = "the token that was sent may not see it" if with_token else "no token was sent"
        raise NotFound(f"{name}: not found ({answer.status}), or private: {sent}")
    if answer.status == _UNAUTHORIZED:
        raise Refused(f"{name}: {message} (401): check GH_TOKEN")
    if answer.status == _UNPROCESSABLE:
        raise Unprocessable(f"{name}: {message} (422)")
    if answer.status in _REFUSALS:
        raise Refused(f"{name}: the API refuses: {answer.status}: {message}")
    raise Unreachable(f"{name}: the API answers {answer.status}, which makes no sense: {message}")


def _message_in(body: str) -> str:
    """Return GitHub's own words for a refusal, or the start of what came instead."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("message"), str):
        return str(value["message"])
    return " ".join(body.split())[:100] or "no message"
