"""One GET to the API and all that it may take: retries, limits, redirects, conditions.

A token goes to the API's own origin only. Answers are bounded in size, time and number.
"""

import asyncio
import random as random_module
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Generic, Self, TypedDict, TypeVar

import httpx

from toolroll_shared.errors import Refused, ToolError, TryLater, Unreachable, UsageError
from toolroll_shared.logs import NO_LOG, Log
from toolroll_shared.output import oneline, redact_url
from toolroll_shared.retry import Backoff, Sleep, Transient, retrying

from .answers import (
    HIDDEN,
    NOT_MODIFIED,
    OK,
    Answer,
    parsed,
    read_answer,
    refuse,
    require_lasting,
)
from .cache import Cache, Entry, is_etag
from .options import API_VERSION, ClientOptions
from .throttle import Quota, Throttle, quota_of, throttle_of

T = TypeVar("T")

USER_AGENT = "toolroll-gh-releases"
PAGE_SIZE = 100
"""Items per page: GitHub's maximum, so the fewest requests."""

MAX_REDIRECTS = 5


class Effects(TypedDict, total=False):
    """What a user of the client may listen to, and a test replace.

    Attributes:
        transport: what carries requests instead of the network.
        notify: told one line before each wait and at each surprise that is no error.
        log: records each request.
        clock: seconds since the epoch, where the server does not tell its own time.
        monotonic: seconds of a clock that is never set, for deadlines.
        sleep: waits.
        random: uniform in [0, 1), for jitter.
    """

    transport: httpx.AsyncBaseTransport | None
    notify: Callable[[str], None]
    log: Log
    clock: Callable[[], float]
    monotonic: Callable[[], float]
    sleep: Sleep
    random: Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a client asked for so far.

    Attributes:
        requests: all that were answered, redirects and refusals among them.
        not_modified: those that cost no quota because a kept page had not changed.
        received: bytes of their answers, after decompression.
        waited: seconds spent waiting for rate limits.
        quota: what the last answer told of the primary limit.
        request_ids: GitHub's own ids of the requests, for its support.
    """

    requests: int = 0
    not_modified: int = 0
    received: int = 0
    waited: float = 0.0
    quota: Quota = field(default=Quota(limit=None, remaining=None, reset=None))
    request_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """A parsed answer, where it came from after all redirects, and which page is next."""

    value: T
    url: httpx.URL
    next_url: httpx.URL | None


class Exchange:
    """GETs from one API, as an async context manager; `Effects` says what the rest is."""

    def __init__(  # noqa: PLR0913 - each is an effect that a test replaces
        self,
        options: ClientOptions,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        notify: Callable[[str], None] = lambda _message: None,
        log: Log = NO_LOG,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        self.usage = Usage()
        self._options = options
        self._transport = transport
        self._notify = notify
        self._log = log
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._random = random
        self._home = _address(options.api_url)
        self._cache = Cache(options.cache, token=options.token, notify=self.say)
        self._renames: set[str] = set()

    async def __aenter__(self) -> Self:
        headers = {
            "Accept": "application/vnd.github+json",
            "Accept-Encoding": "gzip",
            "User-Agent": USER_AGENT,
            "X-GitHub-Api-Version": API_VERSION,
        }
        if self._options.token:
            headers["Authorization"] = f"Bearer {self._options.token}"
        try:
            self._http = httpx.AsyncClient(
                headers=headers,
                timeout=self._options.timeout,
                transport=self._transport,
                trust_env=not self._is_plain_and_secret(),
                verify=ssl.create_default_context(),  # the system's trust store
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise UsageError(f"a proxy in the environment cannot be used: {error}") from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cache.close()
        await self._http.aclose()

    def _is_plain_and_secret(self) -> bool:
        """Tell whether a proxy would see a token that must not leave this machine."""
        return self._home.scheme == "http" and self._options.token is not None

    def address(self, path: str, **query: int) -> httpx.URL:
        """Return the address of a path below the API's root."""
        root = self._home.path.rstrip("/")
        return self._home.copy_with(path=root + path, params=query or None)

    async def get(self, url: httpx.URL, kind: type[T], name: str) -> Page[T]:
        """Return what is at `url`, however many waits and retries it takes.

        Args:
            url: an address of the API's own origin.
            kind: what is expected there.
            name: the repository that it is about, for messages.

        Raises:
            NotFound, Refused, Unreachable, TryLater: as each says; without the token.
        """
        try:
            return await self._get(url, kind, name)
        except ToolError as error:
            raise type(error)(self._without_token(str(error))) from error.__cause__

    async def _get(self, url: httpx.URL, kind: type[T], name: str) -> Page[T]:
        secondary_waits = 0
        while True:
            result = await self._get_with_retries(url, kind, name)
            if isinstance(result, Page):
                return result
            throttle = throttle_of(
                result.status,
                result.headers,
                result.text,
                now=result.server_time(otherwise=self._clock()),
                earlier=secondary_waits,
            )
            if throttle is None:
                refuse(result, name, with_token=bool(self._options.token))
            secondary_waits += throttle.limit == "secondary"
            await self._wait_for(throttle)

    def say(self, message: str) -> None:
        """Tell the user one line."""
        self._notify(oneline(self._without_token(message)))

    def _without_token(self, text: str) -> str:
        """Return a text that may quote the server, and that our token, without it."""
        return text.replace(self._options.token, HIDDEN) if self._options.token else text

    async def _get_with_retries(self, url: httpx.URL, kind: type[T], name: str) -> Page[T] | Answer:
        tries = 0

        async def attempt() -> Page[T] | Answer:
            nonlocal tries
            tries += 1
            return await self._attempt(url, kind, name)

        try:
            return await retrying(
                attempt,
                backoff=Backoff(tries=self._options.retries + 1),
                before_wait=self._say_retry,
                clock=self._monotonic,
                sleep=self._sleep,
                random=self._random,
            )
        except Transient as error:
            asks = "" if error.after is None else f" and asks for {error.after:.0f} s"
            count = "on the only try" if tries == 1 else f"after {tries} tries"
            text = f"{redact_url(str(url))}: {error}{asks} ({count})"
            raise (TryLater(text) if asks else Unreachable(text)) from error

    def _say_retry(self, error: Transient, seconds: float) -> None:
        self.say(f"{redact_url(self._options.api_url)}: {error}; trying again in {seconds:.1f} s")

    async def _attempt(self, url: httpx.URL, kind: type[T], name: str) -> Page[T] | Answer:
        """Return the page, or an answer that is none and will not be soon."""
        target = self._without_token(redact_url(str(url)))
        with self._log.action("request", target) as fields:
            try:
                async with asyncio.timeout(self._options.timeout):
                    return await self._follow(url, kind, name, fields)
            except (TimeoutError, httpx.TimeoutException) as error:
                raise Transient(f"no answer within {self._options.timeout:g} s") from error
            except (httpx.TransportError, httpx.DecodingError) as error:
                raise Transient(
                    f"connection failed: {str(error) or type(error).__name__}"
                ) from error
            except (httpx.InvalidURL, UnicodeError) as error:
                raise Unreachable(f"{redact_url(str(url))}: {error}") from error

    async def _follow(
        self, url: httpx.URL, kind: type[T], name: str, fields: dict[str, Any]
    ) -> Page[T] | Answer:
        """Request `url`, following the redirects of renamed repositories within the origin."""
        for _ in range(MAX_REDIRECTS + 1):
            kept = self._cache.load(str(url), kind)
            answer = await self._request(url, None if kept is None else kept.etag)
            fields |= {"status": answer.status, "ok": answer.status in {OK, NOT_MODIFIED}}
            if answer.moved_to is None:
                break
            url = self._own(answer.moved_to, "redirects")
            self._say_rename(name, url)
        else:
            raise Unreachable(f"{redact_url(str(url))}: redirects without end")
        require_lasting(answer, now=self._clock())
        if answer.status == NOT_MODIFIED and kept is not None:
            return await self._kept_page(answer, kept)
        return self._fresh_page(answer, kind) if answer.status == OK else answer

    async def _kept_page(self, answer: Answer, kept: Entry[T]) -> Page[T] | Answer:
        """Return a page that has not changed.

        A full page that was the last may have a next one by now: that is told in a header,
        and the ETag is the body's, so the header is asked for.
        """
        self.usage = replace(self.usage, not_modified=self.usage.not_modified + 1)
        next_url = answer.next_page or (httpx.URL(kept.next_url) if kept.next_url else None)
        if next_url is None and _is_full(kept.value) and "link" not in answer.headers:
            answer = await self._request(answer.url, None, method="HEAD")
            require_lasting(answer, now=self._clock())
            if answer.status != OK:
                return answer
            next_url = answer.next_page
        return Page(value=kept.value, url=answer.url, next_url=self._own_next(next_url))

    def _fresh_page(self, answer: Answer, kind: type[T]) -> Page[T]:
        page = Page(
            value=parsed(answer, kind),
            url=answer.url,
            next_url=self._own_next(answer.next_page),
        )
        etag = answer.headers.get("etag", "")
        next_url = None if page.next_url is None else str(page.next_url)
        if is_etag(etag):
            entry = Entry(url=str(page.url), etag=etag, next_url=next_url, value=page.value)
            self._cache.store(entry)
        return page

    async def _request(self, url: httpx.URL, etag: str | None, *, method: str = "GET") -> Answer:
        headers = {} if etag is None else {"If-None-Match": etag}
        async with self._http.stream(method, url, headers=headers) as response:
            answer = await read_answer(response)
        request_id = self._without_token(answer.headers.get("x-github-request-id", ""))
        self.usage = replace(
            self.usage,
            requests=self.usage.requests + 1,
            received=self.usage.received + len(answer.content),
            quota=quota_of(answer.headers),
            request_ids=(*self.usage.request_ids, *([request_id] if request_id else [])),
        )
        return answer

    def _say_rename(self, name: str, new: httpx.URL) -> None:
        if name not in self._renames:
            self._renames.add(name)
            self.say(f"{name} has moved to {new.path}: the repository was renamed")

    def _own_next(self, url: httpx.URL | None) -> httpx.URL | None:
        return None if url is None else self._own(url, "has its next page")

    def _own(self, url: httpx.URL, what: str) -> httpx.URL:
        """Return `url` if it is the API's own origin: the token goes nowhere else."""
        home = self._home
        if (url.scheme, url.raw_host, url.port) != (home.scheme, home.raw_host, home.port):
            raise Refused(
                f"{redact_url(self._options.api_url)}: {what} at another origin, "
                f"{redact_url(str(url))}: not followed"
            )
        return url

    async def _wait_for(self, throttle: Throttle) -> None:
        """Say which limit was met and wait for its end, or give up beyond `max_wait`."""
        text = f"{throttle.limit} rate limit met ({throttle.detail})"
        help_ = "" if self._options.token else "; set GH_TOKEN for a higher limit"
        waited = self.usage.waited + throttle.seconds
        if waited > self._options.max_wait:
            raise TryLater(
                f"{text}: waiting {throttle.seconds:.0f} s more would pass the "
                f"{self._options.max_wait:g} s of --max-wait{help_}"
            )
        self.say(f"{text}: waiting {throttle.seconds:.0f} s{help_}")
        self.usage = replace(self.usage, waited=waited)
        await self._sleep(throttle.seconds)


def _address(url: str) -> httpx.URL:
    try:
        return httpx.URL(url)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UsageError(f"{redact_url(url)}: no address of an API: {error}") from error


def _is_full(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= PAGE_SIZE
