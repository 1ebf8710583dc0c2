"""Lengths of time in words."""

_YEAR_S = 31_556_952
"""The mean year of the calendar; months are a twelfth of it."""

_SPANS = (
    ("s", 1, 60),
    ("m", 60, 3600),
    ("h", 3600, 86_400),
    ("d", 86_400, _YEAR_S / 12),
    ("mo", _YEAR_S / 12, _YEAR_S),
)


def human_span(seconds: float) -> str:
    """Return a length of time as people say it, in one unit: `45s`, `12m`, `5h`, `9d`, `3y`.

    It is rounded down. The unit grows where the number gets long: 119s, then 2m; 47h, then 2d.
    """
    for unit, size, following in _SPANS:
        if seconds < 2 * following:
            return f"{int(max(seconds, 0) // size)}{unit}"
    return f"{int(seconds // _YEAR_S)}y"
