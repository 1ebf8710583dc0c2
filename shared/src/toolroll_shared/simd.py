"""The loops of `kernels` by stringzilla, which takes a millisecond to import."""

from __future__ import annotations

import stringzilla as sz

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import Protocol

    Text = bytes | bytearray | memoryview
    Piece = Collection[object]  # bytes as far as it knows `len`, `in`, and how to be joined

    class Find(Protocol):
        """Finds a needle in a text, from a place on."""

        def __call__(self, text: Text, needle: bytes, start: int = 0, /) -> int:
            """Return where it is, or -1."""


def searchable(text: Text) -> Text:
    """Return a text as what the others take best; the same bytes."""
    return text


find: Find = sz.find
"""(text, needle, start=0) -> where the needle is at `start` or later, or -1."""

rfind: Callable[[Text, bytes, int, int], int] = sz.rfind
"""(text, needle, start, end) -> where the needle is last between `start` and `end`, or -1."""

find_caseless: Find = sz.utf8_uncased_search
"""(text, needle, start=0) -> where the first character of the first hit begins, or -1.

Text and needle are valid UTF-8, `start` is where a character begins. They are compared by
Unicode's full case folding.
"""

count: Callable[[Text, bytes], int] = sz.count
"""(text, needle) -> how often the needle is there, without overlaps."""

pieces: Callable[[Text, bytes], Iterable[Piece]] = sz.split_iter
"""(text, separator) -> what lies between separators, one by one."""


def lines(text: Text) -> Iterable[Piece]:
    """Return lines with their newlines, and what comes behind the last one, be it nothing."""
    found: Iterable[Piece] = sz.split_iter(text, b"\n", keepseparator=True)
    return found


def matches_caseless(text: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each hit as `find_caseless` finds them; they do not overlap."""
    whole = sz.Str(text)
    for hit in sz.utf8_uncased_matches(whole, needle):
        start = hit.offset_within(whole)
        yield start, start + len(hit)


def translate(text: Text, table: bytes, out: memoryview) -> None:
    """Write each byte's entry of the table to `out`, which is as long as the text."""
    sz.translate(text, table, out=out)


def ones(flags: memoryview) -> int:
    """Return the number of ones among bytes that are 0 or 1."""
    number: int = sz.bytesum(flags)
    return number


def runs(flags: memoryview) -> int:
    """Return the number of runs of ones among bytes that are 0 or 1; there is at least one byte.

    A run's ones less its pairs of neighbours are one; but where most are ones, there are too
    many pairs, and few ends to count.
    """
    total = ones(flags)
    if total * 2 > len(flags):
        return count(flags, b"\1\0") + flags[-1]
    return total - int(sz.count(flags, b"\1\1", allowoverlap=True))


def has_continuations(text: Text) -> bool:
    """Tell whether there are bytes that, in UTF-8, go on with a character: 0x80 to 0xBF."""
    return bool(sz.utf8_count(text) != len(text))
