"""One GET to the API and all that it may take: tries, waits for limits, a word on each."""

import asyncio
import random as random_module
import time
from collections.abc import Callable
from typing import TypedDict, TypeVar

import httpx

from toolroll_shared.errors import ToolError, TryLater, Unreachable
from toolroll_shared.logs import NO_LOG, Log
from toolroll_shared.output import oneline, redact_url
from toolroll_shared.retry import Backoff, Sleep, Transient, retrying

from .answers import Answer, refuse, require_lasting
from .options import ClientOptions
from .origin import Origin, Page, Usage
from .throttle import Throttle, throttle_of

T = TypeVar("T")


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


class Exchange:
    """GETs from one API, between `open` and `close`; `Effects` says what the arguments are."""

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
        self._options = options
        self._notify = notify
        self._log = log
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._random = random
        self._origin = Origin(options, transport=transport, notify=self.say)
        self.address = self._origin.address
        self._said: set[str] = set()

    def open(self) -> None:
        """Get ready for requests.

        Raises:
            UsageError: a proxy in the environment cannot be used.
        """
        self._origin.open()

    async def close(self) -> None:
        """Hang up."""
        await self._origin.close()

    @property
    def usage(self) -> Usage:
        """What was asked for so far, and what is left of the quota."""
        return self._origin.usage

    def say(self, message: str) -> None:
        """Tell the user one line."""
        self._notify(oneline(self._origin.without_token(message)))

    def say_rename(self, name: str, present: str | None) -> None:
        """Tell the user that a repository was renamed, if it was, and once.

        Args:
            name: how it was asked for.
            present: its name now, where it is known.
        """
        if name in self._origin.moved and name not in self._said:
            self._said.add(name)
            now = present or f"at {self._origin.moved[name]}"
            self.say(f"{name} is {now} now: the repository was renamed or moved")

    def say_cap(self, message: str) -> None:
        """Tell the user that GitHub's cap ended a list, and remember it."""
        self._origin.count_cap()
        self.say(message)

    async def get(
        self, url: httpx.URL, kind: type[T], name: str, *, patient: bool = True
    ) -> Page[T]:
        """Return what is at `url`, however many waits and tries it takes.

        Args:
            url: an address of the API's own origin.
            kind: what is expected there.
            name: the repository that it is about, for messages.
            patient: False waits for no limit.

        Raises:
            NotFound, Refused, Unreachable, TryLater: as each says; without the token.
        """
        try:
            return await self._get(url, kind, name, patient=patient)
        except ToolError as error:
            raise type(error)(self._origin.without_token(str(error))) from error.__cause__

    async def _get(self, url: httpx.URL, kind: type[T], name: str, *, patient: bool) -> Page[T]:
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
            await self._wait_for(throttle, patient=patient)

    async def _get_with_retries(self, url: httpx.URL, kind: type[T], name: str) -> Page[T] | Answer:
        tries = 0

        async def attempt() -> Page[T] | Answer:
            nonlocal tries
            tries += 1
            return await self._attempt(url, kind, name, tries)

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

    async def _attempt(
        self, url: httpx.URL, kind: type[T], name: str, number: int
    ) -> Page[T] | Answer:
        """Return the page, or an answer that is none and will not be soon."""
        target = self._origin.without_token(redact_url(str(url)))
        with self._log.action("request", target) as fields:
            fields["attempts"] = number
            try:
                async with asyncio.timeout(self._options.timeout):
                    result = await self._origin.fetch(url, kind, name, fields)
            except (TimeoutError, httpx.TimeoutException) as error:
                raise Transient(f"no answer within {self._options.timeout:g} s") from error
            except (httpx.TransportError, httpx.DecodingError) as error:
                raise Transient(
                    f"connection failed: {str(error) or type(error).__name__}"
                ) from error
            except (httpx.InvalidURL, UnicodeError) as error:
                raise Unreachable(f"{redact_url(str(url))}: {error}") from error
        if isinstance(result, Answer):
            require_lasting(result, now=self._clock())
        return result

    async def _wait_for(self, throttle: Throttle, *, patient: bool) -> None:
        """Say which limit was met and wait for its end, or give up beyond `max_wait`."""
        text = f"{throttle.limit} rate limit met ({throttle.detail})"
        help_ = "" if self._options.token else "; set GH_TOKEN for a higher limit"
        if not patient:
            raise TryLater(f"{text}: not waited for")
        if self.usage.waited + throttle.seconds > self._options.max_wait:
            raise TryLater(
                f"{text}: waiting {throttle.seconds:.0f} s more would pass the "
                f"{self._options.max_wait:g} s of --max-wait{help_}"
            )
        self.say(f"{text}: waiting {throttle.seconds:.0f} s{help_}")
        self._origin.count_wait(throttle.seconds)
        await self._sleep(throttle.seconds)
