"""Action records as `observe` reads them: only the fields that count, checked as they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated

import msgspec

MAX_LINE_BYTES = 1024 * 1024
"""A longer line is no record: ours have 4 KiB at most."""

MAX_DURATION_MS = 1e13
"""Three hundred years: what takes longer is no time, and would spoil every sum."""

MAX_BYTES = 2**63 - 1
"""Of one action, likewise."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a log.

    Attributes:
        ts: when it was written, as RFC 3339 has it.
        tool: whose record it is.
        action: what was done; `run` is a run as a whole.
        duration_ms: how long it took.
        ok: whether it went well.
        outcome: in a word, where there are more than two.
        bytes: how many it moved or looked at.
        target: what it was done to.
        request_id: of the run.
    """

    ts: str
    tool: str
    action: str
    duration_ms: Annotated[float, msgspec.Meta(ge=0, le=MAX_DURATION_MS)]
    ok: bool
    outcome: str | None = None
    bytes: Annotated[int, msgspec.Meta(ge=0, le=MAX_BYTES)] | None = None
    target: str = ""
    request_id: str = ""

    @property
    def result(self) -> str:
        """The outcome, also where there are only two."""
        return self.outcome or ("ok" if self.ok else "failed")

    @property
    def written_at(self) -> float:
        """When, in seconds since 1970; 0 if nobody can say."""
        try:
            return datetime.fromisoformat(self.ts).timestamp()
        except (ValueError, OverflowError):
            return 0.0


_decode = msgspec.json.Decoder(Record).decode


def record_of(line: bytes | bytearray | memoryview) -> Record | None:
    """Return the record that a line is; None if it is none."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class Lines:
    """Makes lines of what comes in blocks of any size."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._is_too_long = False

    def split(self, block: bytes | bytearray | memoryview) -> Iterator[bytes]:
        """Yield the lines that a block ends, without their ends; of one that is too long, a NUL."""
        first, *others = bytes(block).split(b"\n")
        self._keep(first)
        for other in others:
            yield b"\0" if self._is_too_long else bytes(self._rest)
            self._rest.clear()
            self._is_too_long = False
            self._keep(other)

    def rest(self) -> Iterator[bytes]:
        """Yield what came after the last line's end, if anything."""
        if self._rest or self._is_too_long:
            yield b"\0" if self._is_too_long else bytes(self._rest)

    def _keep(self, piece: bytes) -> None:
        self._is_too_long = self._is_too_long or len(self._rest) + len(piece) > MAX_LINE_BYTES
        if self._is_too_long:
            self._rest.clear()
        else:
            self._rest += piece


def lines_of(blocks: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    """Yield the lines of a stream, without their ends; see `Lines.split`."""
    lines = Lines()
    for block in blocks:
        yield from lines.split(block)
    yield from lines.rest()
