"""Count what is asked for of one input, in one pass and bounded memory."""

from __future__ import annotations

import os
import stat

from toolroll_shared.streams import BLOCK, Input, Window

from . import tallies
from .widths import Widest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any

COLUMNS = {
    "lines": tallies.Lines,
    "words": tallies.Words,
    "chars": tallies.Characters,
    "bytes": tallies.Bytes,
    "width": Widest,
}
"""What `wc` can print, in its order."""

FACTS = {
    "lines": tallies.Lines,
    "words": tallies.Words,
    "bytes": tallies.Bytes,
    "longest_line_bytes": tallies.LongestLine,
    "line_ends": tallies.LineEnds,
    "bom": tallies.ByteOrderMark,
    "valid_utf8": tallies.ValidUtf8,
    "final_newline": tallies.FinalNewline,
}
"""What `--json` tells."""


def facts(source: Input, *, block: int = BLOCK) -> dict[str, Any]:
    """Return all `FACTS` of an input, from its present position on.

    Raises:
        UsageError: the input cannot be read.
    """
    return _tally(source, {name: tally() for name, tally in FACTS.items()}, block)


def counts(source: Input, columns: Collection[str], *, block: int = BLOCK) -> dict[str, int]:
    """Return some `COLUMNS` of an input, from its present position on.

    Raises:
        UsageError: the input cannot be read.
    """
    if list(columns) == ["bytes"]:
        skipped = _skip(source.descriptor, block)
        rest = _tally(source, {"bytes": tallies.Bytes()}, block)
        return {"bytes": skipped + rest["bytes"]}
    return _tally(source, {name: COLUMNS[name]() for name in columns}, block)


def _tally(source: Input, wanted: dict[str, Any], block: int) -> dict[str, Any]:
    window = Window(source, block=block)
    while window.advance():
        for tally in wanted.values():
            tally(window.view)
    return {name: tally.total for name, tally in wanted.items()}


def _skip(descriptor: int, block: int) -> int:
    """Move near the end of a regular file, and return how many bytes that was.

    Its last block is read: the sizes that files in /proc and /sys name are not true.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        return 0
    here = os.lseek(descriptor, 0, os.SEEK_CUR)
    near_end = status.st_size - status.st_size % (block + 1)
    return os.lseek(descriptor, near_end, os.SEEK_SET) - here if near_end > here else 0


def add(totals: dict[str, int], row: dict[str, int]) -> None:
    """Add a row to the totals; of widths the greatest counts."""
    for name, number in row.items():
        before = totals.get(name, 0)
        totals[name] = max(before, number) if name == "width" else before + number
