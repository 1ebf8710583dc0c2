"""Rows that come one after the other: aligned on a terminal, tab-separated elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from toolroll_shared.output import is_terminal, printable, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GAP = "   "


class Table:
    """Writes rows as soon as they are there.

    A terminal gets a header, and columns as wide as the widest cell so far; elsewhere there is
    no header, so that `cut -f` and friends meet data only.

    Args:
        header: the columns' names.
    """

    def __init__(self, header: Sequence[str]) -> None:
        self._header = header
        self._terminal = is_terminal(sys.stdout)
        self._widths: list[int] = []

    def write(self, rows: Iterable[Sequence[str]], *, flush: bool = False) -> None:
        """Write rows; the first ones that there are decide about the widths."""
        safe = [[printable(cell) for cell in row] for row in rows]
        if not self._terminal:
            write("".join("\t".join(row) + "\n" for row in safe), flush=flush)
            return
        if safe and not self._widths:
            self._widths = [0] * len(self._header)
            safe.insert(0, list(self._header))
        for row in safe:
            self._widths = [
                max(old, width_of(cell)) for old, cell in zip(self._widths, row, strict=True)
            ]
        write("".join(self._line(row) for row in safe), flush=flush)

    def _line(self, row: Sequence[str]) -> str:
        pairs = zip(row, self._widths, strict=True)
        cells = (cell + " " * (width - width_of(cell)) for cell, width in pairs)
        return GAP.join(cells).rstrip() + "\n"


def width_of(text: str) -> int:
    """Return the columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    nothing = sum(category(one) in {"Mn", "Me", "Cf"} for one in text)
    return len(text) + sum(east_asian_width(one) in {"W", "F"} for one in text) - nothing
