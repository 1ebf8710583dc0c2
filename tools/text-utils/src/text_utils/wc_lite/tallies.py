"""What can be counted of a text: one small class each, called with block after block.

Each takes views that are not empty and keeps its count in `total`.

A word is a run of bytes other than ASCII white space: space, tab, newline, vertical tab, form
feed, carriage return. A line is what ends with a newline.
"""

from __future__ import annotations

from codecs import getincrementaldecoder

from toolroll_shared.kernels import count, pieces, runs, translate

_NEWLINE, _RETURN = b"\n\r"
_SPACE = b"\t\n\v\f\r "
_IS_SPACE = bytes(byte in _SPACE for byte in range(256))
_BOMS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_LONGEST_BOM = 4


class Bytes:
    """The bytes."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, view: memoryview) -> None:
        self.total += len(view)


class Lines:
    """The newlines."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, view: memoryview) -> None:
        self.total += count(view, b"\n")


class Words:
    """The runs of bytes other than white space."""

    def __init__(self) -> None:
        self.total = 0
        self._flags = memoryview(bytearray())
        self._after_space = 1

    def __call__(self, view: memoryview) -> None:
        if len(self._flags) < len(view):
            self._flags = memoryview(bytearray(len(view)))
        spaces = self._flags[: len(view)]
        translate(view, _IS_SPACE, spaces)
        first, last = spaces[0], spaces[-1]
        self.total += runs(spaces) + 1 - first - last
        if not first and not self._after_space:  # a word goes on over the border
            self.total -= 1
        self._after_space = last


class Characters:
    """The characters of UTF-8; bytes that belong to none are not counted."""

    def __init__(self) -> None:
        self.total = 0
        self._decoder = getincrementaldecoder("utf-8")("ignore")

    def __call__(self, view: memoryview) -> None:
        self.total += len(self._decoder.decode(view))


class LongestLine:
    """The bytes of the longest line without its newline."""

    def __init__(self) -> None:
        self.total = 0
        self._begun = 0  # of a line that goes on over the border

    def __call__(self, view: memoryview) -> None:
        lengths = [len(piece) for piece in pieces(view, b"\n")]
        lengths[0] += self._begun
        self._begun = lengths[-1]
        self.total = max(self.total, *lengths)


class LineEnds:
    r"""How many lines end with `\n`, with `\r\n`, and how many `\r` stand alone."""

    def __init__(self) -> None:
        self._newlines = self._returns = self._both = 0
        self._after_return = False

    def __call__(self, view: memoryview) -> None:
        self._newlines += count(view, b"\n")
        self._returns += count(view, b"\r")
        self._both += count(view, b"\r\n") + (self._after_return and view[0] == _NEWLINE)
        self._after_return = view[-1] == _RETURN

    @property
    def total(self) -> dict[str, int]:
        """The three numbers."""
        return {
            "lf": self._newlines - self._both,
            "crlf": self._both,
            "cr": self._returns - self._both,
        }


class ByteOrderMark:
    """The encoding that a byte order mark at the start names, if there is one."""

    def __init__(self) -> None:
        self._start = b""

    def __call__(self, view: memoryview) -> None:
        if len(self._start) < _LONGEST_BOM:
            self._start += bytes(view[:_LONGEST_BOM])

    @property
    def total(self) -> str | None:
        """The encoding's name."""
        return next((name for mark, name in _BOMS.items() if self._start.startswith(mark)), None)


class ValidUtf8:
    """Whether all of it is UTF-8."""

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")()
        self._valid = True

    def __call__(self, view: memoryview) -> None:
        if self._valid:
            self._decode(view)

    def _decode(self, view: memoryview | bytes, *, final: bool = False) -> None:
        try:
            self._decoder.decode(view, final)
        except UnicodeDecodeError:
            self._valid = False

    @property
    def total(self) -> bool:
        """Whether it is; nothing more is to come."""
        if self._valid:
            self._decode(b"", final=True)
        return self._valid


class FinalNewline:
    """Whether the last byte is a newline; where there is no byte, none is missing."""

    def __init__(self) -> None:
        self.total = True

    def __call__(self, view: memoryview) -> None:
        self.total = view[-1] == _NEWLINE
