"""The loops of `kernels` by stringzilla, which takes a millisecond to import."""

from __future__ import annotations

import stringzilla as sz

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    Text = bytes | bytearray | memoryview
    Piece = Collection[object]  # it knows `len` and `in`


def searchable(text: Text) -> Text:
    """Return a text as what the others take best; the same bytes."""
    return text


def find(text: Text, needle: bytes, start: int = 0) -> int:
    """Return where the needle is at `start` or later, or -1."""
    at: int = sz.find(text, needle, start)
    return at


def rfind(text: Text, needle: bytes, start: int, end: int) -> int:
    """Return where the needle is last between `start` and `end`, or -1."""
    at: int = sz.rfind(text, needle, start, end)
    return at


def find_caseless(text: Text, needle: bytes, start: int = 0) -> int:
    """Return where the first character of the first hit at `start` or later begins, or -1.

    Args:
        text: valid UTF-8.
        needle: valid UTF-8 too. Both are compared by Unicode's full case folding.
        start: where a character begins.
    """
    at: int = sz.utf8_uncased_search(text, needle, start)
    return at


def matches_caseless(text: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each hit as `find_caseless` finds them; they do not overlap."""
    whole = sz.Str(text)
    for hit in sz.utf8_uncased_matches(whole, needle):
        start = hit.offset_within(whole)
        yield start, start + len(hit)


def count(text: Text, needle: bytes) -> int:
    """Return how often the needle is there, without overlaps."""
    number: int = sz.count(text, needle)
    return number


def pieces(text: Text, separator: bytes) -> Iterable[Piece]:
    """Return what lies between separators, one by one."""
    parts: Iterable[Piece] = sz.split_iter(text, separator)
    return parts


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
