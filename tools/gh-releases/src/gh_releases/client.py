"""GitHub's releases API over httpx: pages, retries, limits, and nothing that prints.

A token goes to the API's own origin only. Answers are bounded in size, time and number.
Downloads of assets are not its business: `multi_fetch` moves bytes.
"""

import asyncio
import random as random_module
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Self

import httpx

from toolroll_shared.errors import Refused, TryLater, Unreachable, UsageError
from toolroll_shared.logs import NO_LOG, Log
from toolroll_shared.output import oneline, redact_url
from toolroll_shared.retry import Backoff, Sleep, Transient, retrying

from .answers import (
    HIDDEN,
    OK,
    Answer,
    Unprocessable,
    parsed,
    read_answer,
    refuse,
    releases_from_json,
    require_lasting,
)
from .models import Release, Repository, repository_from_json
from .options import API_VERSION, ClientOptions
from .throttle import Throttle, throttle_of

USER_AGENT = "toolroll-gh-releases"
PAGE_SIZE = 100
"""Releases per page: GitHub's maximum, so the fewest requests."""

MOST_LISTED = 1000
"""Releases that GitHub lists at most; the page after them answers 422."""

MAX_PAGES = 1000
"""GitHub ends after 10 such pages; another server may have more, none has this many."""

MAX_REDIRECTS = 5


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
        return parsed(answer, repository_from_json)

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
            except Unprocessable:
                if (len(visited) - 1) * PAGE_SIZE < MOST_LISTED:
                    raise
                self._say(f"{name}: GitHub lists no more than the newest 1,000 releases")
                return
            releases = parsed(answer, releases_from_json)
            fresh = {release.id: release for release in releases if release.id not in seen}
            yield tuple(fresh.values())
            seen.update(fresh)
            url = self._next_page(answer)

    @property
    def _root(self) -> str:
        return self._options.api_url

    async def _get(self, url: str, name: str) -> Answer:
        """Return the 200 answer for `url`, however many waits and retries it takes."""
        while True:
            answer = await self._get_with_retries(url)
            if answer.status == OK:
                return answer
            throttle = throttle_of(
                answer.status,
                answer.headers,
                answer.body,
                now=answer.server_time(otherwise=self._clock()),
                earlier=self._secondary_waits,
            )
            if throttle is None:
                refuse(answer, name, with_token=self._options.token is not None)
            await self._wait_for(throttle)

    async def _get_with_retries(self, url: str) -> Answer:
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
        if self._options.token:  # the message may quote the server, and that our token
            message = message.replace(self._options.token, HIDDEN)
        self._notify(oneline(message))

    def _say_retry(self, error: Transient, seconds: float) -> None:
        self._say(f"{redact_url(self._root)}: {error}; trying again in {seconds:.1f} s")

    async def _attempt(self, url: str) -> Answer:
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
            fields |= {"status": answer.status, "ok": answer.status == OK}
        require_lasting(answer, now=self._clock())
        return answer

    async def _follow(self, url: httpx.URL) -> Answer:
        """Request `url`, following the redirects of renamed repositories within the origin."""
        for _ in range(MAX_REDIRECTS + 1):
            answer = await self._request(url)
            if answer.moved_to is None:
                return answer
            url = self._own(answer.moved_to, "redirects")
            self._say_rename(answer.url, url)
        raise Unreachable(f"{redact_url(str(url))}: redirects without end")

    def _say_rename(self, old: httpx.URL, new: httpx.URL) -> None:
        if old.path not in self._renames:
            self._renames.add(old.path)
            self._say(f"{old.path} has moved to {new.path}: the repository was renamed")

    async def _request(self, url: httpx.URL) -> Answer:
        token = self._options.token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._http.stream("GET", url, headers=headers) as response:
            return await read_answer(response, secret=token)

    def _next_page(self, answer: Answer) -> str | None:
        try:
            link = answer.next_page
        except (httpx.InvalidURL, UnicodeError) as error:
            raise Unreachable(f"{redact_url(self._root)}: no address of a next page") from error
        return None if link is None else str(self._own(link, "has its next page"))

    def _own(self, url: httpx.URL, what: str) -> httpx.URL:
        """Return `url` if it is the API's own origin: the token goes nowhere else."""
        home = httpx.URL(self._root)
        if (url.scheme, url.raw_host, url.port) != (home.scheme, home.raw_host, home.port):
            raise Refused(
                f"{redact_url(self._root)}: {what} at another origin, "
                f"{redact_url(str(url))}: not followed"
            )
        return url

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
