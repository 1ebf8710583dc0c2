"""Action records as `observe` reads them: only the fields that count, checked as they are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

MAX_LINE_BYTES = 1024 * 1024
"""A longer line is no record: ours have 4 KiB at most."""

TOO_LONG = b"\0"
"""Stands for a line that is too long."""

MAX_DURATION_MS = 1e13
"""Three hundred years: what takes longer is no time, and would spoil every sum."""

MAX_BYTES = 2**63 - 1
"""Of one action, likewise."""

Bytes = bytes | bytearray | memoryview


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
    duration_ms: Annotated[float, Meta(ge=0, le=MAX_DURATION_MS)]
    ok: bool
    outcome: str | None = None
    bytes: Annotated[int, Meta(ge=0, le=MAX_BYTES)] | None = None
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


_decoder = msgspec.json.Decoder(Record)
_NONE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def record_of(line: Bytes) -> Record | None:
    """Return the record that a line is; None if it is none."""
    try:
        return _decoder.decode(line)
    except _NONE:
        return None


def records_of(lines: Bytes) -> Sequence[Record | None]:
    """Return what each of some whole lines is, the empty ones left out.

    That all are records is tried first, and is twice as quick as one by one.
    """
    text = bytes(lines)
    with suppress(*_NONE):
        found = _decoder.decode_lines(text)
        if len(found) == text.count(b"\n") + (not text.endswith(b"\n")):
            return found
    return [record_of(line) for line in text.split(b"\n") if line]


class Lines:
    """Makes lines of what comes in blocks of any size."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._is_too_long = False

    def whole(self, block: Bytes) -> Iterator[bytes]:
        """Yield the lines that a block ends, as one piece but for the first; see `TOO_LONG`."""
        text = bytes(block)
        first = text.find(b"\n") + 1
        if not first:
            self._keep(text)
            return
        self._keep(text[: first - 1])
        yield self._taken() + b"\n"
        last = text.rfind(b"\n") + 1
        if first < last:
            yield text[first:last]
        self._keep(text[last:])

    def split(self, block: Bytes) -> Iterator[bytes]:
        """Yield the lines that a block ends, without their ends; see `TOO_LONG`."""
        for piece in self.whole(block):
            for line in piece[:-1].split(b"\n"):
                yield line if len(line) <= MAX_LINE_BYTES else TOO_LONG

    def rest(self) -> Iterator[bytes]:
        """Yield what came after the last line's end, if anything."""
        if self._rest or self._is_too_long:
            yield self._taken()

    def _taken(self) -> bytes:
        line = TOO_LONG if self._is_too_long else bytes(self._rest)
        self._rest.clear()
        self._is_too_long = False
        return line

    def _keep(self, piece: bytes) -> None:
        self._is_too_long = self._is_too_long or len(self._rest) + len(piece) > MAX_LINE_BYTES
        if self._is_too_long:
            self._rest.clear()
        else:
            self._rest += piece


def lines_of(blocks: Iterable[Bytes]) -> Iterator[bytes]:
    """Yield the lines of a stream, without their ends; see `Lines.split`."""
    lines = Lines()
    for block in blocks:
        yield from lines.split(block)
    yield from lines.rest()


def pieces_of(blocks: Iterable[Bytes]) -> Iterator[bytes]:
    """Yield a stream in pieces of whole lines; the last one may have no end."""
    lines = Lines()
    for block in blocks:
        yield from lines.whole(block)
    yield from lines.rest()
