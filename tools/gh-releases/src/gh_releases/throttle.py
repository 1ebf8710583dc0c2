"""GitHub's ways to say "slow down", and how long that means.

The rules are GitHub's ("Rate limits for the REST API" and "Best practices"), in their order:
Retry-After; else a used-up primary limit with its reset time; else the secondary limit, at
least a minute and doubling. A 403 without any of these is a permission, not a limit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from toolroll_shared.retry import retry_after_seconds

SECONDARY_FIRST_WAIT_S = 60.0
SHORTEST_WAIT_S = 1.0
"""A server that asks for no wait and refuses again must use up `max_wait` in the end."""

RESET_MARGIN_S = 1.0
"""The reset is given in whole seconds: one more, and it is certainly past."""

LATEST_SECOND = 253402300799.0
"""The last that datetime knows."""

_THROTTLING_STATUS = {403, 429}


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


def throttle_of(
    status: int, headers: Mapping[str, str], body: str, *, now: float, earlier: int
) -> Throttle | None:
    """Return the limit that an answer reports, or None if it is not about limits.

    Args:
        status: the HTTP status.
        headers: the answer's headers, case-insensitive.
        body: the start of its body: the secondary limit is recognised by its message.
        now: the server's time, seconds since the epoch.
        earlier: how many waits for a secondary limit came before this one.
    """
    if status not in _THROTTLING_STATUS:
        return None
    exhausted = headers.get("x-ratelimit-remaining") == "0"
    secondary = "secondary rate" in body.lower() or "abuse detection" in body.lower()
    asked = retry_after_seconds(headers.get("retry-after"), now=datetime.fromtimestamp(now, UTC))
    if asked is not None:
        kind = "secondary" if secondary else "primary" if exhausted else "requested"
        seconds = max(asked, SHORTEST_WAIT_S)
        return Throttle(limit=kind, seconds=seconds, detail=f"Retry-After {asked:.0f} s")
    if exhausted and (reset := _number(headers.get("x-ratelimit-reset"))) is not None:
        return _primary(headers, reset=reset, now=now)
    if secondary or status == 429:  # noqa: PLR2004 - 429 is never a permission
        return Throttle(
            limit="secondary",
            seconds=SECONDARY_FIRST_WAIT_S * 2**earlier,
            detail="no time given",
        )
    return None


def _primary(headers: Mapping[str, str], *, reset: float, now: float) -> Throttle:
    until = datetime.fromtimestamp(reset, UTC)
    return Throttle(
        limit="primary",
        seconds=max(0.0, reset - now) + RESET_MARGIN_S,
        detail=f"0/{headers.get('x-ratelimit-limit', '?')} left, resets {until:%H:%M:%S}Z",
    )


def _number(text: str | None) -> float | None:
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    return min(float(text), LATEST_SECOND)
