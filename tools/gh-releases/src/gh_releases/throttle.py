"""GitHub's ways to say "slow down", how long that means, and what is left of the quota.

The rules are GitHub's ("Rate limits for the REST API" and "Best practices"), in their order:
Retry-After; else a used-up primary limit with its reset time; else the secondary limit, at
least a minute and doubling. A 403 without any of these is a permission, not a limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from toolroll_shared.retry import retry_after_seconds
from toolroll_shared.spans import human_span

from .answers import LATEST_SECOND

SECONDARY_FIRST_WAIT_S = 60.0
SHORTEST_WAIT_S = 1.0
"""A server that asks for no wait and refuses again must use up `max_wait` in the end."""

RESET_MARGIN_S = 1.0
"""The reset is given in whole seconds: one more, and it is certainly past."""

_FORBIDDEN = 403
_TOO_MANY_REQUESTS = 429  # never a permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What an answer tells about the primary limit; None where it does not say.

    Attributes:
        limit: requests in an hour.
        remaining: requests that are left of them.
        reset: when they are all there again, in seconds since the epoch.
    """

    limit: int | None
    remaining: int | None
    reset: int | None

    def describe(self, *, now: float) -> str:
        """Return it in words: `0/60 left, resets 14:05:00Z in 23m`."""
        limit = "?" if self.limit is None else self.limit
        left = None if self.remaining is None else f"{self.remaining}/{limit} left"
        resets = None if self.reset is None else f"resets {_clock_time(self.reset, now=now)}"
        return ", ".join(filter(None, (left, resets)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """A limit that was met.

    Attributes:
        limit: which one: `primary`, `secondary` or `requested` (a bare Retry-After).
        seconds: how long to wait at least.
        detail: what the answer said of it, for people.
    """

    limit: str
    seconds: float
    detail: str


def quota_of(headers: Mapping[str, str]) -> Quota:
    """Return the quota that an answer's headers tell of."""
    return Quota(
        limit=_number(headers.get("x-ratelimit-limit")),
        remaining=_number(headers.get("x-ratelimit-remaining")),
        reset=_number(headers.get("x-ratelimit-reset")),
    )


def throttle_of(
    status: int, headers: Mapping[str, str], body: str, *, now: float, earlier: int
) -> Throttle | None:
    """Return the limit that an answer reports, or None if it is not about limits.

    Args:
        status: the HTTP status.
        headers: the answer's headers, case-insensitive.
        body: the start of its body: the secondary limit is recognised by its message.
        now: the server's time, seconds since the epoch.
        earlier: how many waits for a secondary limit this request had before.
    """
    if status not in {_FORBIDDEN, _TOO_MANY_REQUESTS}:
        return None
    quota = quota_of(headers)
    exhausted = quota.remaining == 0
    secondary = "secondary rate" in body.lower() or "abuse detection" in body.lower()
    kind = "secondary" if secondary else "primary" if exhausted else "requested"
    asked = retry_after_seconds(headers.get("retry-after"), now=datetime.fromtimestamp(now, UTC))
    if asked is not None:
        seconds, reason = max(asked, SHORTEST_WAIT_S), f"Retry-After {asked:.0f} s"
    elif exhausted and quota.reset is not None:
        kind, reason = "primary", ""
        seconds = max(0.0, quota.reset - now) + RESET_MARGIN_S
    elif exhausted or secondary or _is_about_limits(status, body):
        kind, reason = "primary" if exhausted else "secondary", "no time given"
        seconds = SECONDARY_FIRST_WAIT_S * 2**earlier
    else:
        return None
    detail = "; ".join(filter(None, (quota.describe(now=now), reason)))
    return Throttle(limit=kind, seconds=seconds, detail=detail)


def _is_about_limits(status: int, body: str) -> bool:
    return status == _TOO_MANY_REQUESTS or "rate limit exceeded" in body.lower()


def _clock_time(reset: int, *, now: float) -> str:
    moment = datetime.fromtimestamp(reset, UTC)
    return f"{moment:%H:%M:%S}Z in {human_span(reset - now)}"


def _number(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return int(min(float(text), LATEST_SECOND))
