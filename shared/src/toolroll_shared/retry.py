"""Trying again: exponential backoff with full jitter, a cap on tries and a total deadline.

The loop is tenacity's; the policy is ours. What may be retried is the caller's to say, by
raising `Transient`. Clock, sleep and randomness are arguments.
"""

import math
import random as random_module
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import tenacity

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


class Transient(Exception):
    """A failure that may pass, so that trying again makes sense.

    Attributes:
        after: seconds that the other side asked to wait at least, if it did.
    """

    def __init__(self, message: str, *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How often and how patiently to try.

    Attributes:
        tries: attempts in all, the first included.
        first: upper bound of the first wait, in seconds; it doubles with each further one.
        cap: upper bound of any wait that we choose, in seconds.
        total: no wait is begun that would end later than this many seconds after the start.
        longest: no longer wait than this is begun, whatever the other side asks for; seconds.
    """

    tries: int = 5
    first: float = 0.5
    cap: float = 30.0
    total: float = 300.0
    longest: float = math.inf

    def wait(self, number: int, *, after: float | None, random: Callable[[], float]) -> float:
        """Return the seconds before retry `number` (from 1), never less than `after`."""
        ceiling: float = min(self.cap, self.first * 2.0 ** min(number - 1, 64))
        return max(random() * ceiling, after or 0.0)

    def allows(self, number: int, seconds: float, *, elapsed: float) -> bool:
        """Tell whether retry `number` may come after a wait of so many seconds.

        Args:
            number: from 1.
            seconds: the wait.
            elapsed: seconds since the first attempt began.
        """
        ends_in_time = elapsed + seconds <= self.total and seconds <= self.longest
        return number < self.tries and ends_in_time


async def _sleep(seconds: float) -> None:
    import asyncio  # noqa: PLC0415 - who only wants the policy starts faster

    await asyncio.sleep(seconds)


async def retrying(
    attempt: Callable[[], Awaitable[T]],
    *,
    backoff: Backoff,
    before_wait: Callable[[Transient, float], None] = lambda _error, _seconds: None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Sleep = _sleep,
    random: Callable[[], float] = random_module.random,
) -> T:
    """Return what `attempt` returns, trying again after each `Transient` as `backoff` says.

    Args:
        attempt: one try; raises `Transient` where another may help, anything else to stop.
        backoff: the policy.
        before_wait: told the failure and the seconds to wait, before each wait.
        clock: monotonic seconds.
        sleep: waits.
        random: uniform in [0, 1).

    Raises:
        Transient: the last failure, when tries or time are used up.
    """
    import tenacity  # noqa: PLC0415 - who has a loop of its own starts faster

    started = clock()

    def wait(state: "tenacity.RetryCallState") -> float:
        return backoff.wait(state.attempt_number, after=_failure(state).after, random=random)

    def stop(state: "tenacity.RetryCallState") -> bool:
        elapsed = clock() - started
        return not backoff.allows(state.attempt_number, state.upcoming_sleep, elapsed=elapsed)

    async def once() -> T:  # tenacity awaits only what is declared as a coroutine function
        return await attempt()

    loop = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(Transient),
        wait=wait,
        stop=stop,
        before_sleep=lambda state: before_wait(_failure(state), state.upcoming_sleep),
        sleep=sleep,
        reraise=True,
    )
    return await loop(once)


def _failure(state: "tenacity.RetryCallState") -> Transient:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, Transient)  # noqa: S101 - nothing else is retried
    return error


def retry_after_seconds(value: str | None, *, now: datetime) -> float | None:
    """Return what a Retry-After header asks for, in seconds, or None if it says nothing.

    It holds seconds or an HTTP date (RFC 9110, 10.2.3); a date in the past means 0.

    Args:
        value: the header's value.
        now: the server's idea of now, so that clock skew cancels out.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - dates are rare

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
