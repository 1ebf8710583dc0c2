"""One answer of the API: read within bounds, checked, and what a refusal means.

Nothing here sends a request.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, TypeVar

import httpx

from toolroll_shared.errors import Refused, ToolError, Unreachable
from toolroll_shared.output import redact_url
from toolroll_shared.retry import Transient, retry_after_seconds

from .models import Release, UnexpectedAnswer, release_from_json

T = TypeVar("T")

OK = 200
HIDDEN = "[token]"

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A page of 100 releases with 200 assets each is near 30 MB; more is not an answer."""

_MOVED = {301, 302, 307, 308}
_PASSING = {500, 502, 503, 504}
_GONE = {404, 410, 451}
_UNAUTHORIZED = 401
_UNPROCESSABLE = 422


class NotFound(ToolError):
    """The repository does not exist, or not for this token."""


class Unprocessable(Refused):
    """422: among others, a page beyond the 1,000 results that GitHub lists at most."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: `body` is parsed JSON if the status is 200, else raw text."""

    url: httpx.URL
    status: int
    headers: httpx.Headers
    body: Any
    links: Mapping[str | None, Mapping[str, str]]

    @property
    def next_page(self) -> httpx.URL | None:
        """Where the next page is, if there is one."""
        link = self.links.get("next")
        return None if link is None else self.url.join(link["url"])

    @property
    def moved_to(self) -> httpx.URL | None:
        """Where a redirect leads, if it is one."""
        location = self.headers.get("location")
        if self.status not in _MOVED or location is None:
            return None
        return self.url.join(location)

    def server_time(self, *, otherwise: float) -> float:
        """Return the server's clock in seconds since the epoch, whatever ours says."""
        try:
            return parsedate_to_datetime(self.headers["date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            return otherwise


async def read_answer(response: httpx.Response, *, secret: str | None = None) -> Answer:
    """Read a response to its end.

    Raises:
        Transient: it has status 200 and is no JSON.
        Unreachable: it is longer than any answer should be.
    """
    content = await _bounded(response)
    body: Any = content.decode("utf-8", "replace")
    if secret:
        body = body.replace(secret, HIDDEN)  # it will be quoted if it is a refusal
    if response.status_code == OK:
        try:
            body = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise Transient("the answer is not whole, or no JSON") from error
    return Answer(response.url, response.status_code, response.headers, body, response.links)


def require_lasting(answer: Answer, *, now: float) -> None:
    """Let an answer pass unless its status may be another one soon.

    Raises:
        Transient: a server error, with what its Retry-After asks for.
    """
    if answer.status in _PASSING:
        moment = datetime.fromtimestamp(answer.server_time(otherwise=now), UTC)
        after = retry_after_seconds(answer.headers.get("retry-after"), now=moment)
        raise Transient(f"the server answers {answer.status}", after=after)


def parsed(answer: Answer, parse: Callable[[object], T]) -> T:
    """Return the values in an answer.

    Raises:
        Unreachable: whatever answers there, it is not GitHub's API.
    """
    try:
        return parse(answer.body)
    except UnexpectedAnswer as error:
        raise Unreachable(
            f"{redact_url(str(answer.url))}: the answer is not GitHub's: {error}"
        ) from error


def releases_from_json(value: object) -> list[Release]:
    """Return the releases of a page.

    Raises:
        UnexpectedAnswer: it is none.
    """
    if not isinstance(value, list):
        raise UnexpectedAnswer("the page is not a list")
    return [release_from_json(item) for item in value]


def refuse(answer: Answer, name: str, *, with_token: bool) -> NoReturn:
    """Raise what a refusal means for the repository `name`; no other try would help.

    Raises:
        NotFound, Unprocessable, Refused.
    """
    message = _message_in(answer.body)
    if answer.status in _GONE:
        sent = "the token that was sent may not see it" if with_token else "no token was sent"
        raise NotFound(f"{name}: not found ({answer.status}), or private: {sent}")
    if answer.status == _UNAUTHORIZED:
        raise Refused(f"{name}: {message} (401): check GH_TOKEN")
    if answer.status == _UNPROCESSABLE:
        raise Unprocessable(f"{name}: {message} (422)")
    raise Refused(f"{name}: the API refuses: {answer.status}: {message}")


async def _bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    async for block in response.aiter_bytes():
        content += block
        if len(content) > MAX_ANSWER_BYTES:
            raise Unreachable(
                f"{redact_url(str(response.url))}: the answer exceeds {MAX_ANSWER_BYTES} bytes"
            )
    return bytes(content)


def _message_in(body: str) -> str:
    """Return GitHub's own words for a refusal, or the start of what came instead."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("message"), str):
        return str(value["message"])
    return " ".join(body.split())[:100] or "no message"
