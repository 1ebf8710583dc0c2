"""GitHub's releases API over httpx: pages, retries, limits, and nothing that prints.

A token goes to the API's own origin only. Answers are bounded in size, time and number.
Downloads of assets are not its business: `multi_fetch` moves bytes.
"""

import asyncio
import json
import random as random_module
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, NoReturn, Self, TypeVar

import httpx

from toolroll_shared.errors import Refused, ToolError, TryLater, Unreachable, UsageError
from toolroll_shared.logs import NO_LOG, Log
from toolroll_shared.output import oneline, redact_url
from toolroll_shared.retry import Backoff, Sleep, Transient, retry_after_seconds, retrying

from .models import (
    Release,
    Repository,
    UnexpectedAnswer,
    release_from_json,
    repository_from_json,
)
from .options import API_VERSION, ClientOptions
from .throttle import Throttle, throttle_of

T = TypeVar("T")

USER_AGENT = "toolroll-gh-releases"
PAGE_SIZE = 100
"""Releases per page: GitHub's maximum, so the fewest requests."""

MOST_LISTED = 1000
"""Releases that GitHub lists at most; the page after them answers 422."""

MAX_PAGES = 1000
"""GitHub ends after 10 such pages; another server may have more, none has this many."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A page of 100 releases with 200 assets each is near 30 MB; more is not an answer."""

MAX_REDIRECTS = 5
_RENAMED = {301, 302, 307, 308}
_PASSING = {500, 502, 503, 504}
_GONE = {404, 410, 451}
_OK = 200
_UNAUTHORIZED = 401
_UNPROCESSABLE = 422


class NotFound(ToolError):
    """The repository does not exist, or not for this token."""


class _Unprocessable(Refused):
    """422: among others, a page beyond the 1,000 results that GitHub lists at most."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """One complete answer: `body` is parsed JSON if the status is 200, else raw text."""

    url: httpx.URL
    status: int
    headers: httpx.Headers
    body: Any
    next_url: str | None


class Client:
    """A client of one GitHub API, as an async context manager.

    Args:
        options: where the API is, and how patient to be with it.
        transport: what carries requests instead of the network.
        notify: told one line before each wait and at each surprise that is no error.
        log: records each request.
        clock: seconds since the epoch, to measure the server's clock against.
        sleep: waits.
        random: uniform in [0, 1), for jitter.
    """

    def __init__(  # noqa: PLR0913 - each is an effect that a test replaces
        self,
        options: ClientOptions,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        notify: Callable[[str], None] = lambda _message: None,
        log: Log = NO_LOG,
        clock: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self._options = options
        self._transport = transport
        self._notify = notify
        self._log = log
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._waited = 0.0
        self._secondary_waits = 0
        self._renames: set[str] = set()

    async def __aenter__(self) -> Self:
        try:
            self._http = httpx.AsyncClient(
                headers={
                    "Accept": "application/vnd.github+json",
                    "X-GitHub-Api-Version": API_VERSION,
                    "User-Agent": USER_AGENT,
                },
                timeout=self._options.timeout,
                transport=self._transport,
                verify=ssl.create_default_context(),  # the system's trust store
            )
        except (ImportError, ValueError) as error:
            raise UsageError(f"a proxy in the environment cannot be used: {error}") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def repository(self, name: str) -> Repository:
        """Return the repository `OWNER/REPO` under its present name.

        Raises:
            NotFound: there is none that this token may see.
            Refused, Unreachable, TryLater: as `ToolError` says.
        """
        answer = await self._get(f"{self._root}/repos/{name}", name)
        return _parsed(answer, repository_from_json)

    async def releases(self, name: str) -> AsyncIterator[Release]:
        """Yield every release of `OWNER/REPO`, in GitHub's order, each once.

        The order is that of `created_at` (the date of the tagged commit), newest first: it
        says little about `published_at`, so nothing can be left out early by date.

        Raises:
            As `repository`.
        """
        async with aclosing(self.pages(name)) as pages:
            async for page in pages:
                for release in page:
                    yield release

    async def pages(self, name: str) -> AsyncGenerator[tuple[Release, ...]]:
        """Yield the releases page by page, as they arrive; drifting pages repeat nothing."""
        url: str | None = f"{self._root}/repos/{name}/releases?per_page={PAGE_SIZE}"
        visited: set[str] = set()
        seen: set[int] = set()
        while url is not None:
            if url in visited or len(visited) >= MAX_PAGES:
                raise Unreachable(f"{redact_url(url)}: the pages never end; giving up")
            visited.add(url)
            try:
                answer = await self._get(url, name)
            except _Unprocessable:
                if (len(visited) - 1) * PAGE_SIZE < MOST_LISTED:
                    raise
                self._say(f"{name}: GitHub lists no more than the newest 1,000 releases")
                return
            releases = _parsed(answer, _releases_from_json)
            fresh = {release.id: release for release in releases if release.id not in seen}
            yield tuple(fresh.values())
            seen.update(fresh)
            url = answer.next_url

    @property
    def _root(self) -> str:
        return self._options.api_url

    async def _get(self, url: str, name: str) -> _Answer:
        """Return the 200 answer for `url`, however many waits and retries it takes."""
        while True:
            answer = await self._get_with_retries(url)
            if answer.status == _OK:
                return answer
            throttle = throttle_of(
                answer.status,
                answer.headers,
                answer.body,
                now=self._server_time(answer),
                earlier=self._secondary_waits,
            )
            if throttle is None:
                self._fail(answer, name)
            await self._wait_for(throttle)

    async def _get_with_retries(self, url: str) -> _Answer:
        backoff = Backoff(tries=self._options.retries + 1)
        try:
            return await retrying(
                lambda: self._attempt(url),
                backoff=backoff,
                before_wait=self._say_retry,
                sleep=self._sleep,
                random=self._random,
            )
        except Transient as error:
            tries = f"after {backoff.tries} tries" if self._options.retries else "on the only try"
            raise Unreachable(f"{redact_url(url)}: {error} ({tries})") from error

    def _say(self, message: str) -> None:
        self._notify(oneline(message))  # it may quote the server

    def _say_retry(self, error: Transient, seconds: float) -> None:
        self._say(f"{redact_url(self._root)}: {error}; trying again in {seconds:.1f} s")

    async def _attempt(self, url: str) -> _Answer:
        with self._log.action("request", redact_url(url)) as fields:
            try:
                async with asyncio.timeout(self._options.timeout):
                    answer = await self._follow(httpx.URL(url))
            except (TimeoutError, httpx.TimeoutException) as error:
                raise Transient(f"no answer within {self._options.timeout:g} s") from error
            except (httpx.TransportError, httpx.DecodingError) as error:
                raise Transient(
                    f"connection failed: {str(error) or type(error).__name__}"
                ) from error
            except (httpx.InvalidURL, UnicodeError) as error:
                raise Unreachable(f"{redact_url(url)}: {error}") from error
            fields |= {"status": answer.status, "ok": answer.status == _OK}
        if answer.status in _PASSING:
            now = datetime.fromtimestamp(self._server_time(answer), UTC)
            after = retry_after_seconds(answer.headers.get("retry-after"), now=now)
            raise Transient(f"the server answers {answer.status}", after=after)
        return answer

    async def _follow(self, url: httpx.URL) -> _Answer:
        """Request `url`, following the redirects of renamed repositories within the origin."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._request(url)
            if answer.status not in _RENAMED or "location" not in answer.headers:
                return answer
            url = self._own(url.join(answer.headers["location"]), "redirects")
            self._say_rename(answer.url, url)
        raise Unreachable(f"{redact_url(str(url))}: redirects without end")

    def _say_rename(self, old: httpx.URL, new: httpx.URL) -> None:
        if old.path not in self._renames:
            self._renames.add(old.path)
            self._say(f"{old.path} has moved to {new.path}: the repository was renamed")

    async def _request(self, url: httpx.URL) -> _Answer:
        token = self._options.token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._http.stream("GET", url, headers=headers) as response:
            content = await _bounded(response)
        body: Any = content.decode("utf-8", "replace")
        if response.status_code == _OK:
            try:
                body = json.loads(content)
            except (ValueError, RecursionError) as error:
                raise Transient("the answer is not whole, or no JSON") from error
        return _Answer(
            url=url,
            status=response.status_code,
            headers=response.headers,
            body=body,
            next_url=self._next_page(response),
        )

    def _next_page(self, response: httpx.Response) -> str | None:
        link = response.links.get("next")
        if link is None:
            return None
        return str(self._own(response.url.join(link["url"]), "has its next page"))

    def _own(self, url: httpx.URL, what: str) -> httpx.URL:
        """Return `url` if it is the API's own origin: the token goes nowhere else."""
        home = httpx.URL(self._root)
        if (url.scheme, url.host, url.port) != (home.scheme, home.host, home.port):
            raise Refused(
                f"{redact_url(self._root)}: {what} at another origin, "
                f"{redact_url(str(url))}: not followed"
            )
        return url

    def _server_time(self, answer: _Answer) -> float:
        """Return the server's time, so that a skewed clock here does not matter."""
        try:
            return parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (KeyError, ValueError, OverflowError):
            return self._clock()

    async def _wait_for(self, throttle: Throttle) -> None:
        """Say which limit was met and wait for its end, or give up beyond `max_wait`."""
        text = f"{throttle.limit} rate limit met ({throttle.detail})"
        help_ = "" if self._options.token else "; set GH_TOKEN for a higher limit"
        if self._waited + throttle.seconds > self._options.max_wait:
            raise TryLater(
                f"{text}: waiting {throttle.seconds:.0f} s more would pass the "
                f"{self._options.max_wait:g} s of --max-wait{help_}"
            )
        self._say(f"{text}: waiting {throttle.seconds:.0f} s{help_}")
        self._waited += throttle.seconds
        self._secondary_waits += throttle.limit == "secondary"
        await self._sleep(throttle.seconds)

    def _fail(self, answer: _Answer, name: str) -> NoReturn:
        """Raise what a refusal means; none of these is worth another try."""
        message = _message_in(answer.body)
        with_token = self._options.token is not None
        if answer.status in _GONE:
            sent = "the token that was sent may not see it" if with_token else "no token was sent"
            raise NotFound(f"{name}: not found ({answer.status}), or private: {sent}")
        if answer.status == _UNAUTHORIZED:
            raise Refused(f"{name}: {message} (401): check GH_TOKEN")
        if answer.status == _UNPROCESSABLE:
            raise _Unprocessable(f"{name}: {message} (422)")
        raise Refused(f"{name}: the API refuses: {answer.status}: {message}")


async def _bounded(response: httpx.Response) -> bytes:
    """Return the body, unless it is longer than any answer should be."""
    content = bytearray()
    async for block in response.aiter_bytes():
        content += block
        if len(content) > MAX_ANSWER_BYTES:
            raise Unreachable(
                f"{redact_url(str(response.url))}: the answer exceeds {MAX_ANSWER_BYTES} bytes"
            )
    return bytes(content)


def _parsed(answer: _Answer, parse: Callable[[object], T]) -> T:
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


def _releases_from_json(value: object) -> list[Release]:
    if not isinstance(value, list):
        raise UnexpectedAnswer("the page is not a list")
    return [release_from_json(item) for item in value]


def _message_in(body: str) -> str:
    """Return GitHub's own words for a refusal, or the start of what came instead."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("message"), str):
        return str(value["message"])
    return " ".join(body.split())[:100] or "no message"
