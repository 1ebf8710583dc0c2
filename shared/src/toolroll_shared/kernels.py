"""The few loops over bytes that take the time, each over a whole block at once.

They are those of `simd` where stringzilla has a wheel for the platform, else those of `plain`.
"""

try:
    from .simd import (
        count,
        find,
        find_caseless,
        has_continuations,
        lines,
        matches_caseless,
        ones,
        pieces,
        rfind,
        runs,
        searchable,
        translate,
    )
except ImportError:
    from .plain import (
        count,
        find,
        find_caseless,
        has_continuations,
        lines,
        matches_caseless,
        ones,
        pieces,
        rfind,
        runs,
        searchable,
        translate,
    )

__all__ = [
    "count",
    "find",
    "find_caseless",
    "has_continuations",
    "lines",
    "matches_caseless",
    "ones",
    "pieces",
    "rfind",
    "runs",
    "searchable",
    "translate",
]
