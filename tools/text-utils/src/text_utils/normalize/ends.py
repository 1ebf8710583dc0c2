r"""Line ends of a text made uniform, block by block; no files, no options.

What ends a line is `\n` with all the carriage returns right before it: `\r\r\n`, which converting
twice has made, is one end. Any other carriage return is left alone. With `mac`, `\r\n`, `\r` and
`\n` are an end each. So doing it twice is doing it once.
"""

from __future__ import annotations

import re

from toolroll_shared.kernels import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

ENDS = {"lf": b"\n", "crlf": b"\r\n"}
"""What a line can be made to end with."""

_AT_ONCE = 64 * 1024  # returns that are written at once
_RETURNS = rb"(?<!\r)\r+\n"  # the first lets no search begin within a run, of which each is long


class Mender:
    """Makes line ends uniform.

    Args:
        to: a key of `ENDS`.
        mac: a lone carriage return ends a line too.

    Attributes:
        changed: whether what was yielded is something else than what was taken.
    """

    def __init__(self, to: str, *, mac: bool = False) -> None:
        self._end = ENDS[to]
        self._mac = mac
        self.changed = False
        self._returns = 0  # at the end of what came: a newline may follow

    def feed(self, view: memoryview) -> Iterator[bytes]:
        """Yield what the next bytes become, as far as is known yet."""
        text = bytes(view)
        if self._returns:
            text = text.lstrip(b"\r")
            self._returns += len(view) - len(text)
            if not text:
                return
            yield from self._held_back(newline_follows=text[:1] == b"\n")
            text = text[1:] if text[:1] == b"\n" else text
        body = text.rstrip(b"\r")
        self._returns = len(text) - len(body)
        yield self._mended(body)

    def finish(self) -> Iterator[bytes]:
        """Yield what was held back; nothing more is to come."""
        yield from self._held_back(newline_follows=False)

    def _held_back(self, *, newline_follows: bool) -> Iterator[bytes]:
        returns, self._returns = self._returns, 0
        if newline_follows:
            self.changed |= returns > 1 or self._end == b"\n"
            yield from _repeated(self._end, returns if self._mac else 1)
        elif returns:
            self.changed |= self._mac
            yield from _repeated(self._end if self._mac else b"\r", returns)

    def _mended(self, text: bytes) -> bytes:
        """Return what a text becomes that ends with no carriage return."""
        mended = self._with_newlines(text, count(text, b"\r"))
        if self._end != b"\n":
            mended = mended.replace(b"\n", self._end)
        self.changed = self.changed or mended != text
        return mended

    def _with_newlines(self, text: bytes, returns: int) -> bytes:
        if not returns:
            return text
        if count(text, b"\r\n") == returns:  # none stands elsewhere: much faster
            return text.replace(b"\r", b"")
        if self._mac:
            return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return re.sub(_RETURNS, b"\n", text)


def _repeated(piece: bytes, number: int) -> Iterator[bytes]:
    for done in range(0, number, _AT_ONCE):
        yield piece * min(_AT_ONCE, number - done)
