"""An input in pieces that end where a line ends, so that lines can be looked for in each."""

from __future__ import annotations

from toolroll_shared.kernels import find, rfind
from toolroll_shared.streams import BLOCK, Window

from .cutting import MAX_LINE_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolroll_shared.simd import Text
    from toolroll_shared.streams import Input


class Piece:
    """Whole lines, or a part of a line that is too long for that.

    Attributes:
        view: the bytes; valid until the next piece.
        offset: how many bytes of the input come before.
        begun: they go on with the line of the piece before.
        goes_on: the next piece goes on with their line.
    """

    __slots__ = ("begun", "goes_on", "offset", "view")

    def __init__(self, view: Text, offset: int, *, begun: bool, goes_on: bool) -> None:
        self.view = view
        self.offset = offset
        self.begun = begun
        self.goes_on = goes_on


def pieces_of(
    source: Input, *, longest: int = MAX_LINE_BYTES, block: int = BLOCK
) -> Iterator[Piece]:
    """Yield an input's lines; only the very last one may have no newline.

    Args:
        source: what to read.
        longest: bytes of a line at which it comes in parts.
        block: bytes to read at once.

    Raises:
        UsageError: the input cannot be read.
    """
    window = Window(source, block=block, keep=max(longest, block))
    keep, begun = 0, False
    while window.advance(keep):
        view, offset = window.view, window.offset
        if begun and (end := find(view, b"\n", keep) + 1):  # the long line's end
            yield Piece(view[:end], offset, begun=True, goes_on=False)
            view, offset, begun, keep = view[end:], offset + end, False, 0
        end = rfind(view, b"\n", keep, len(view)) + 1
        if end:
            yield Piece(view[:end], offset, begun=False, goes_on=False)
        elif len(view) >= longest:
            yield Piece(view, offset, begun=begun, goes_on=True)
            end, begun = len(view), True
        keep = len(view) - end
    if keep or begun:
        yield Piece(window.view, window.offset, begun=begun, goes_on=False)
