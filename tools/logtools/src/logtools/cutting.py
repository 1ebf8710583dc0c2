r"""Whole lines out of blocks, none longer in memory than a limit allows.

Nothing here reads or writes. Only `\n` ends a line: `\r`, NULs and invalid UTF-8 pass through.
"""

from __future__ import annotations

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Bytes of one line that are held in memory; what is beyond is dropped, and the line says so."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Piece: TypeAlias = bytes | bytearray | memoryview


class Lines:
    """Collects blocks and gives back what is whole lines, each ending with one newline.

    Args:
        max_line_bytes: the longest line, without its newline. A longer one keeps its beginning,
            followed by a mark such as ` [... 123456 bytes cut]`.
    """

    __slots__ = ("_cut", "_kept", "_limit")

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._limit = max_line_bytes
        self._kept = bytearray()
        self._cut = 0

    @property
    def pending(self) -> int:
        """How many bytes of an unfinished line came so far."""
        return len(self._kept) + self._cut

    def whole(self, block: bytes) -> list[Piece]:
        """Take a block and return the lines that are whole now, in pieces of one or many."""
        start, end = 0, block.rfind(b"\n") + 1
        pieces: list[Piece] = []
        if end and self.pending:
            start = block.find(b"\n") + 1
            self._keep(memoryview(block)[: start - 1])
            pieces.append(self._finished())
        if start < end:
            if end - start > self._limit:
                pieces += self._each(block[start:end])
            else:
                pieces.append(memoryview(block)[start:end] if start else block[:end])
        self._keep(memoryview(block)[end:])
        return pieces

    def rest(self) -> list[Piece]:
        """Return the unfinished line with a newline, if there is one: no more is to come."""
        return [self._finished()] if self.pending else []

    def _keep(self, piece: memoryview) -> None:
        room = self._limit - len(self._kept)
        self._kept += piece[:room]
        self._cut += len(piece[room:])

    def _finished(self) -> bytearray:
        line, cut = self._kept, self._cut
        self._kept, self._cut = bytearray(), 0
        line += mark(cut) + b"\n"
        return line

    def _each(self, lines: bytes) -> list[Piece]:
        pieces: list[Piece] = []
        for line in lines[:-1].split(b"\n"):
            self._keep(memoryview(line))
            pieces.append(self._finished())
        return pieces


def mark(cut: int) -> bytes:
    """Return what stands where a line was cut: nothing if it was not."""
    return b" [... %d bytes cut]" % cut if cut else b""
