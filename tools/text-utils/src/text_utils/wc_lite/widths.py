"""The width of the widest line in columns, as a terminal would show it and `wc -L` counts it."""

from __future__ import annotations

from codecs import getincrementaldecoder

from toolroll_shared.kernels import ones, pieces, translate

_TAB = 8
_PLAIN = b"\n" + bytes(range(ord(" "), ord("~") + 1))
_IS_ODD = bytes(byte not in _PLAIN for byte in range(256))
_NO_ROOM = dict.fromkeys([*range(ord(" ")), 0x7F])  # of ASCII; tabs, returns are split at before
_WIDE = {"W", "F"}
_NO_WIDTH = {"Cc", "Cs", "Co", "Cn", "Mn", "Me", "Cf", "Zl", "Zp"}


class Widest:
    """The widest line: tabs go on to a multiple of 8, East Asian letters are two columns wide.

    Control and combining characters take no room; a carriage return or form feed goes back to
    the first column. Bytes that are not UTF-8 are not counted.
    """

    def __init__(self) -> None:
        self.total = 0
        self._column = 0
        self._flags = memoryview(bytearray())
        self._decoder = getincrementaldecoder("utf-8")("ignore")

    def __call__(self, view: memoryview) -> None:
        if self._is_plain(view) and not self._decoder.getstate()[0]:
            lengths = [len(piece) for piece in pieces(view, b"\n")]
            lengths[0] += self._column
            self._column = lengths[-1]
            self.total = max(self.total, *lengths)
            return
        first, *others = self._decoder.decode(view).split("\n")
        self._advance(first)
        for line in others:
            self._column = 0
            self._advance(line)

    def _is_plain(self, view: memoryview) -> bool:
        """Tell whether there are but newlines and the printable characters of ASCII."""
        if len(self._flags) < len(view):
            self._flags = memoryview(bytearray(len(view)))
        flags = self._flags[: len(view)]
        translate(view, _IS_ODD, flags)
        return not ones(flags)

    def _advance(self, text: str) -> None:
        """Move over a line's text, or the part of it that this block has."""
        first, *others = text.replace("\f", "\r").split("\r")
        self._move(first)
        for part in others:
            self._column = 0
            self._move(part)

    def _move(self, text: str) -> None:
        first, *others = text.split("\t")
        self._column += _width(first)
        for part in others:
            self._column += _TAB - self._column % _TAB + _width(part)
        self.total = max(self.total, self._column)


class _Widths(dict[str, int]):
    """The width of each character met so far."""

    def __missing__(self, character: str) -> int:
        from unicodedata import category, east_asian_width

        width = 2 if east_asian_width(character) in _WIDE else 1
        self[character] = 0 if category(character) in _NO_WIDTH else width
        return self[character]


_widths = _Widths()


def _width(text: str) -> int:
    """Return the columns that a text without tabs takes."""
    if text.isascii():
        return len(text if text.isprintable() else text.translate(_NO_ROOM))
    return sum(map(_widths.__getitem__, text))
