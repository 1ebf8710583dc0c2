"""The loops of `kernels` in plain Python, where stringzilla has no wheel: slower, the same.

What each is for, `simd` says.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .simd import Piece, Text

_NO_CONTINUATION = bytes(byte for byte in range(256) if byte not in range(0x80, 0xC0))


def searchable(text: Text) -> bytes:
    """See `simd.searchable`."""
    return bytes(text)


def find(text: Text, needle: bytes, start: int = 0, /) -> int:
    """See `simd.find`."""
    return bytes(text).find(needle, start)


def rfind(text: Text, needle: bytes, start: int, end: int) -> int:
    """See `simd.rfind`."""
    return bytes(text).rfind(needle, start, end)


def find_caseless(text: Text, needle: bytes, start: int = 0, /) -> int:
    """See `simd.find_caseless`."""
    hits = matches_caseless(bytes(text)[start:], needle)
    return next((start + at for at, _ in hits), -1)


def matches_caseless(text: bytes, needle: bytes) -> Iterator[tuple[int, int]]:
    """See `simd.matches_caseless`."""
    folded = str(text, "utf-8").casefold()
    wanted = str(needle, "utf-8").casefold()
    at = folded.find(wanted)
    if at < 0:
        return
    owners = [
        (start, start + len(character.encode()))
        for start, character in _characters(text)
        for _ in character.casefold()
    ]
    end = 0
    while at >= 0:
        start, last = owners[at][0], owners[at + len(wanted) - 1][1]
        if start >= end:
            yield start, last
            end = last
        at = folded.find(wanted, at + 1)


def _characters(text: bytes) -> Iterator[tuple[int, str]]:
    offset = 0
    for character in str(text, "utf-8"):
        yield offset, character
        offset += len(character.encode())


def count(text: Text, needle: bytes) -> int:
    """See `simd.count`."""
    return bytes(text).count(needle)


def pieces(text: Text, separator: bytes) -> Iterable[Piece]:
    """See `simd.pieces`."""
    return bytes(text).split(separator)


def lines(text: Text) -> Iterable[Piece]:
    """See `simd.lines`."""
    *whole, last = bytes(text).split(b"\n")
    return [line + b"\n" for line in whole] + [last]


def translate(text: Text, table: bytes, out: memoryview) -> None:
    """See `simd.translate`."""
    out[:] = bytes(text).translate(table)


def ones(flags: memoryview) -> int:
    """See `simd.ones`."""
    return bytes(flags).count(1)


def runs(flags: memoryview) -> int:
    """See `simd.runs`."""
    return bytes(flags).count(b"\1\0") + flags[-1]


def has_continuations(text: Text) -> bool:
    """See `simd.has_continuations`."""
    return bool(bytes(text).translate(None, _NO_CONTINUATION))
