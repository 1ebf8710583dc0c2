"""How long ago something was, as kubectl writes it: `45s`, `5m10s`, `3h`, `2d4h`, `400d`."""

from __future__ import annotations

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
YEAR = 365 * DAY

_UNITS = {"s": 1, "m": MINUTE, "h": HOUR, "d": DAY, "y": YEAR}
_STEPS: tuple[tuple[int, str, str | None], ...] = (
    (2 * MINUTE, "s", None),
    (10 * MINUTE, "m", "s"),
    (3 * HOUR, "m", None),
    (8 * HOUR, "h", "m"),
    (2 * DAY, "h", None),
    (8 * DAY, "d", "h"),
    (2 * YEAR, "d", None),
    (8 * YEAR, "y", "d"),
)
"""Below so many seconds: the unit, and the finer one that is told with it."""


def human_age(seconds: float) -> str:
    """Return an age in at most two units, the finer one only while it matters.

    The steps are those of apimachinery's `duration.HumanDuration`; up to a second in the future
    is 0s, for clocks differ, and more than that is no age.
    """
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    unit, part = next(((one, two) for below, one, two in _STEPS if whole < below), ("y", None))
    rest = whole % _UNITS[unit] // _UNITS[part] if part else 0
    return f"{whole // _UNITS[unit]}{unit}" + (f"{rest}{part}" if rest else "")
