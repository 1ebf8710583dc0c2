"""Search for a literal needle, exactly or caselessly, in blocks of bytes.

Caseless means: Unicode's full case folding (`straße` is `STRASSE`, `K` may be the Kelvin sign, the
final sigma is a sigma, İ is an i with a dot above) where the text is UTF-8; bytes that are not
UTF-8 fit nothing. A needle that is itself not UTF-8 is compared byte by byte, letters of ASCII
caselessly. There are no patterns, no locales, and no folding of accents.
"""

from __future__ import annotations

from itertools import compress, islice, repeat
from operator import contains, not_, truth

from .kernels import (
    count,
    find,
    find_caseless,
    has_continuations,
    lines,
    matches_caseless,
    pieces,
    rfind,
    searchable,
    translate,
)
from .streams import BLOCK, Input, Window

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .simd import Find, Text


_LOWER = bytes(range(256)).lower()
_LONGEST_CHARACTER = 4  # bytes, in UTF-8
_CONTINUATIONS = range(0x80, 0xC0)  # the bytes that go on with a character
_SAMPLE = 8 * 1024  # bytes: about a hundred lines
_MANY, _MOST = 0.15, 0.9  # from so many hits a line on, going through all lines is faster
_FILLERS = "?\0\1\2"


def needle_for(needle: bytes, *, caseless: bool) -> Needle:
    """Return what searches for these bytes."""
    if not caseless:
        return Needle(needle)
    try:
        return CaselessNeedle(str(needle, "utf-8"))
    except UnicodeDecodeError:
        return CaselessBytes(needle)


class Needle:
    """Bytes to search for, exactly.

    Attributes:
        overlap: where a text is searched in windows, so many bytes of one have to stand before
            the next, lest a hit over the border is lost.
    """

    def __init__(self, needle: bytes) -> None:
        self._needle = needle
        self.overlap = max(0, len(needle) - 1)

    def _ready(self, text: Text) -> tuple[Text, Find]:
        """Return what is to be searched, as long as the text, and by which kernel."""
        return searchable(text), find

    def find(self, text: Text) -> int:
        """Return where the first hit begins, or -1."""
        ready, find_in = self._ready(text)
        return find_in(ready, self._needle, 0)

    def matches(self, line: bytes) -> Iterator[tuple[int, int]]:
        """Yield start and end of each hit in a line; they do not overlap and are not empty."""
        ready, find_in = self._ready(line)
        size = len(self._needle)
        at = find_in(ready, self._needle, 0) if size else -1
        while at >= 0:
            yield at, at + size
            at = find_in(ready, self._needle, at + size)

    def lines(self, text: Text) -> Iterator[tuple[int, int]]:
        """Yield start and end of each line that has a hit, its newline included.

        Args:
            text: from the beginning of a line on.
        """
        (ready, find_in), needle = self._ready(text), self._needle
        size, end = len(text), 0
        while end < size and (at := find_in(ready, needle, end)) >= 0:
            start = rfind(ready, b"\n", end, at) + 1 or end
            end = find(ready, b"\n", at) + 1 or size
            yield start, end

    def lines_without(self, text: Text) -> Iterator[tuple[int, int]]:
        """Yield start and end of each run of lines that have no hit; see `lines`."""
        at = 0
        for start, end in self.lines(text):
            if at < start:
                yield at, start
            at = end
        if at < len(text):
            yield at, len(text)

    def text_of_lines(self, text: Text, *, invert: bool = False) -> bytes:
        """Return the lines that have a hit, one behind the other; the text is as for `lines`.

        Args:
            text: as for `lines`.
            invert: those that have none instead.
        """
        ready, find_in = self._ready(text)
        if find_in is not find or not self._is_dense(ready, _MANY):
            spans = self.lines_without(text) if invert else self.lines(text)
            return b"".join([text[start:end] for start, end in spans])
        wanted = map(not_ if invert else truth, map(contains, lines(ready), repeat(self._needle)))
        return b"".join(compress(lines(text), wanted))  # type: ignore[arg-type] # they are buffers

    def count_lines(self, text: Text) -> int:
        """Return how many lines have a hit; the text is as for `lines`."""
        if text[-1:] != b"\n":
            return sum(1 for _ in self.lines(text))
        if not self._needle:
            return count(text, b"\n")
        ready, find_in = self._ready(text)
        if find_in is not find:
            return sum(1 for _ in self.lines(text))
        if self._is_dense(ready, _MOST):
            return sum(map(contains, pieces(ready, b"\n"), repeat(self._needle)))
        behind_hits = islice(pieces(ready, self._needle), 1, None)
        return sum(map(contains, behind_hits, repeat(b"\n")))

    def _is_dense(self, text: Text, share: float) -> bool:
        """Tell by its beginning whether a text has more hits than a share of its lines."""
        start = text[:_SAMPLE]
        return not self._needle or count(start, self._needle) > share * count(start, b"\n")


class CaselessBytes(Needle):
    """A needle that is not UTF-8: bytes, of which the letters of ASCII are compared caselessly."""

    def __init__(self, needle: bytes) -> None:
        super().__init__(needle.lower())
        self._lowered = memoryview(bytearray())

    def _ready(self, text: Text) -> tuple[Text, Find]:
        if isinstance(text, bytes):  # a line, maybe of a text that is gone through meanwhile
            return text.lower(), find
        if len(self._lowered) < len(text):
            self._lowered = memoryview(bytearray(len(text)))
        lowered = self._lowered[: len(text)]
        translate(text, _LOWER, lowered)
        return searchable(lowered), find


class CaselessNeedle(CaselessBytes):
    """A needle in UTF-8, compared caselessly with what is UTF-8 in a text."""

    def __init__(self, needle: str) -> None:
        folded = needle.casefold()
        super().__init__(folded.encode())
        self.overlap = _LONGEST_CHARACTER * len(self._needle)
        self._filler = next((one for one in _FILLERS if one not in folded), "\3")

    def _ready(self, text: Text) -> tuple[Text, Find]:
        if not has_continuations(text):  # so no letter but those of ASCII
            return super()._ready(text)
        return self._valid(text), find_caseless

    def find(self, text: Text) -> int:
        """As a `Needle`; what is cut at either end of the text is no character."""
        start, end = _whole_characters(text)
        at = super().find(text[start:end])
        return at if at < 0 else start + at

    def _valid(self, text: Text) -> Text:
        """Return the text with a byte that the needle has not in the place of each invalid one."""
        try:
            str(text, "utf-8")
        except UnicodeDecodeError:
            marked = str(text, "utf-8", "surrogateescape")
            if self._filler != "?":
                marked = marked.translate(dict.fromkeys(range(0xDC80, 0xDD00), self._filler))
            return marked.encode("utf-8", "replace")  # each with a question mark
        return searchable(text)

    def matches(self, line: bytes) -> Iterator[tuple[int, int]]:
        """As a `Needle`."""
        ready, find_in = self._ready(line)
        if find_in is find or not self._needle:
            return super().matches(line)
        return matches_caseless(bytes(ready), self._needle)


def _whole_characters(text: Text) -> tuple[int, int]:
    """Return start and end of the text without a character cut at its start or its end."""
    start, end = 0, len(text)
    while start < min(end, _LONGEST_CHARACTER - 1) and text[start] in _CONTINUATIONS:
        start += 1
    for size in range(1, min(end - start, _LONGEST_CHARACTER - 1) + 1):
        if text[end - size] not in _CONTINUATIONS:
            return start, end - size if size < _size_of_character(text[end - size]) else end
    return start, end


def _size_of_character(first: int) -> int:
    """Return how many bytes a character takes that begins with this one."""
    return 1 + sum(first >= least for least in (0xC0, 0xE0, 0xF0))


def first_hit(
    source: Input, needle: Needle, *, lines: bool = False, block: int = BLOCK
) -> tuple[int, int] | None:
    """Search an input from its present position on, up to the first hit.

    Args:
        source: what to read.
        needle: what to search for.
        lines: whether the line is wanted.
        block: bytes to read at once.

    Returns:
        How many bytes come before it, and which line it begins in (1 is the first; 0 where that
        was not asked for); None if there is no hit.

    Raises:
        UsageError: the input cannot be read.
    """
    window = Window(source, block=block, keep=needle.overlap)
    keep, line = 0, 1 if lines else 0
    while window.advance(keep):
        view = window.view
        at = needle.find(view)
        if at >= 0:
            return window.offset + at, line + (count(view[:at], b"\n") if lines else 0)
        keep = min(needle.overlap, len(view))
        if lines:
            line += count(view[: len(view) - keep], b"\n")
    return None
