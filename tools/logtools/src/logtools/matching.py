"""Which lines have a needle: counted, copied, or one by one with the lines around them."""

from __future__ import annotations

from collections import deque

from toolroll_shared.kernels import count, find, rfind, searchable

from .cutting import MAX_LINE_BYTES, mark

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from toolroll_shared.search import Needle
    from toolroll_shared.simd import Text

    from .lines import Piece


_NEWLINE = ord("\n")


class Search:
    """What is searched for.

    Args:
        needle: what selects a line.
        invert: select the lines without it instead.
        most: stop after so many selected lines; None: never.
        longest: bytes of a line that are kept.
    """

    def __init__(
        self,
        needle: Needle,
        *,
        invert: bool = False,
        most: int | None = None,
        longest: int = MAX_LINE_BYTES,
    ) -> None:
        self.needle = needle
        self.invert = invert
        self.most = most
        self.longest = longest

    def spans(self, view: Text) -> Iterator[tuple[int, int]]:
        """Yield start and end of each selected line; of several at once where all are."""
        return self.needle.lines_without(view) if self.invert else self.needle.lines(view)

    def count(self, view: Text) -> int:
        """Return how many lines are selected."""
        with_needle = self.needle.count_lines(view)
        return _lines_in(view) - with_needle if self.invert else with_needle

    def text(self, view: Text) -> bytes:
        """Return the selected lines, one behind the other."""
        return self.needle.text_of_lines(view, invert=self.invert)


class Line:
    """A line that is to be shown.

    Attributes:
        number: 1 is the first of its input.
        offset: how many bytes of the input come before.
        text: its bytes, without its newline; the beginning of a line that is too long.
        cut: how many more bytes such a line has.
        selected: it was searched for, and is not just near such a line.
    """

    __slots__ = ("cut", "number", "offset", "selected", "text")

    def __init__(self, number: int, offset: int, text: bytes, *, cut: int, selected: bool) -> None:
        self.number = number
        self.offset = offset
        self.text = text
        self.cut = cut
        self.selected = selected

    def marked(self) -> bytes:
        """Return the text with a newline, and a mark where it is cut."""
        return self.text + mark(self.cut) + b"\n"


class LongLine:
    """A line that comes in parts: its beginning, and whether the needle is in it."""

    def __init__(self, search: Search, offset: int) -> None:
        self._needle = search.needle
        self._longest = search.longest
        self._has_needle = False
        self._invert = search.invert
        self._overlap = max(1, search.needle.overlap)
        self._last = b""
        self._size = 0
        self.text = b""
        self.offset = offset

    def add(self, view: Text) -> None:
        """Take the next part."""
        body = view[:-1] if len(view) > 0 and view[-1] == _NEWLINE else view
        self.text += body[: self._longest - len(self.text)]
        self._size += len(body)
        if not self._has_needle:
            border = self._last + view[: self._overlap]
            self._has_needle = self._needle.find(border) >= 0 or self._needle.find(body) >= 0
            self._last = (self._last + view[-self._overlap :])[-self._overlap :]

    @property
    def selected(self) -> bool:
        """Whether it is searched for, once it is whole."""
        return self._has_needle != self._invert

    def line(self, number: int) -> Line:
        """Return it as a line."""
        cut = self._size - len(self.text)
        return Line(number, self.offset, self.text, cut=cut, selected=self.selected)


def _joined(pieces: Iterable[Piece], search: Search) -> Iterator[Piece | LongLine]:
    """Yield the pieces of whole lines, and the lines that come in parts."""
    long: LongLine | None = None
    for piece in pieces:
        if not piece.begun and not piece.goes_on:
            piece.view = searchable(piece.view)
            yield piece
            continue
        long = long or LongLine(search, piece.offset)
        long.add(piece.view)
        if not piece.goes_on:
            yield long
            long = None


def count_selected(pieces: Iterable[Piece], search: Search) -> int:
    """Return how many lines are selected, at most as many as the search wants."""
    total = 0
    for part in _joined(pieces, search):
        total += part.selected if isinstance(part, LongLine) else search.count(part.view)
        if search.most is not None and total >= search.most:
            return search.most
    return total


def selected_text(pieces: Iterable[Piece], search: Search) -> Iterator[bytes]:
    """Yield the selected lines, many at once; `search.most` is not heeded."""
    for part in _joined(pieces, search):
        if isinstance(part, LongLine):
            if part.selected:
                yield part.line(0).marked()
            continue
        text = search.text(part.view)
        if len(text) > search.longest:
            yield b"".join(_clipped(text, search.longest))
        elif text:
            yield text if text[-1] == _NEWLINE else text + b"\n"


def _clipped(text: bytes, longest: int) -> Iterator[bytes]:
    for line in text.removesuffix(b"\n").split(b"\n"):
        cut = max(0, len(line) - longest)
        yield Line(0, 0, line[:longest], cut=cut, selected=True).marked()


def selected_lines(
    pieces: Iterable[Piece], search: Search, *, before: int = 0, after: int = 0
) -> Iterator[Line]:
    """Yield the selected lines, and so many lines before and after each, in order."""
    walk = _Walk(search, before, after)
    for part in _joined(pieces, search):
        yield from walk.long(part) if isinstance(part, LongLine) else walk.lines(part)
        if walk.is_over:
            return


class _Walk:
    """Goes through lines, and knows which around the selected ones are to be shown."""

    def __init__(self, search: Search, before: int, after: int) -> None:
        self._search = search
        self._after = after
        self._before = before
        self._held: deque[Line] = deque(maxlen=before)
        self._owed = 0  # lines after a selected one that are still to be shown
        self._left = search.most
        self._number = 1

    @property
    def is_over(self) -> bool:
        return self._left == 0 and not self._owed

    def lines(self, piece: Piece) -> Iterator[Line]:
        at = 0
        for start, end in self._search.spans(piece.view):
            yield from self._between(piece, at, start)
            at = start
            while at < end and self._left != 0:
                stop = find(piece.view, b"\n", at) + 1 or end
                yield from self._select(self._line(piece, at, stop, selected=True))
                at = stop
            if self._left == 0:
                break
        yield from self._between(piece, at, len(piece.view))

    def long(self, line: LongLine) -> Iterator[Line]:
        if line.selected and self._left != 0:
            yield from self._select(line.line(self._number))
        elif self._owed:
            self._owed -= 1
            yield self._near(line.line(self._number))
        else:
            self._held.append(self._near(line.line(self._number)))
        self._number += 1

    def _select(self, line: Line) -> Iterator[Line]:
        yield from self._held
        self._held.clear()
        yield line
        self._owed = self._after
        if self._left is not None:
            self._left -= 1

    def _between(self, piece: Piece, start: int, end: int) -> Iterator[Line]:
        """Go through lines that are not selected."""
        while self._owed and start < end:
            stop = find(piece.view, b"\n", start) + 1 or end
            self._owed -= 1
            yield self._line(piece, start, stop, selected=False)
            start = stop
        if start < end:
            self._hold(piece, start, end)

    def _hold(self, piece: Piece, start: int, end: int) -> None:
        """Keep the last lines: they may come before a selected one."""
        spans: list[tuple[int, int]] = []
        at = end
        while at > start and len(spans) < self._before:
            begin = max(start, rfind(piece.view, b"\n", start, at - 1) + 1)
            spans.append((begin, at))
            at = begin
        self._number += _lines_in(piece.view[start:at])
        for begin, stop in reversed(spans):
            self._held.append(self._line(piece, begin, stop, selected=False))

    def _line(self, piece: Piece, start: int, end: int, *, selected: bool) -> Line:
        text = bytes(piece.view[start:end]).removesuffix(b"\n")
        longest = self._search.longest
        number, self._number = self._number, self._number + 1
        cut = max(0, len(text) - longest)
        return Line(number, piece.offset + start, text[:longest], cut=cut, selected=selected)

    @staticmethod
    def _near(line: Line) -> Line:
        line.selected = False
        return line


def _lines_in(view: Text) -> int:
    return count(view, b"\n") + (len(view) > 0 and view[-1] != _NEWLINE)
