"""The width of the widest line in columns, as a terminal would show it and `wc -L` counts it."""

from __future__ import annotations

from codecs import getincrementaldecoder

from toolroll_shared.kernels import ones, pieces, translate

_TAB = 8
_PLAIN = b"\n" + bytes(range(ord(" "), ord("~") + 1))
_IS_ODD = bytes(byte not in _PLAIN for byte in range(256))
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
        if text.isascii() and text.isprintable():
            self._column += len(text)
        else:
            for character in text:
                self._move(character)
        self.total = max(self.total, self._column)

    def _move(self, character: str) -> None:
        if character == "\t":
            self._column += _TAB - self._column % _TAB
        elif character in "\r\f":
            self.total = max(self.total, self._column)
            self._column = 0
        else:
            self._column += _width(character)


def _width(character: str) -> int:
    if " " <= character <= "~":
        return 1
    from unicodedata import category, east_asian_width

    if category(character) in _NO_WIDTH:
        return 0
    return 2 if east_asian_width(character) in _WIDE else 1
