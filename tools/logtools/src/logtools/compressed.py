"""Inputs that were compressed when their log was rotated: read as if they were not."""

from __future__ import annotations

import os

from toolroll_shared.errors import UsageError
from toolroll_shared.streams import Input

from .packing import split_packed, unpacking
from .portable import read_at

_MAGIC = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".zst": b"\x28\xb5\x2f\xfd", ".xz": b"\xfd7zXZ\0"}
_LONGEST_MAGIC = 6


class Decompressed(Input):
    """A compressed file's content.

    Args:
        source: the file, opened.
        packed: how it is compressed, told by its ending.
    """

    def __init__(self, source: Input, packed: str) -> None:
        super().__init__(source.descriptor, source.name)
        self._content = unpacking(os.fdopen(source.descriptor, "rb", closefd=False), packed)

    def read(self, into: memoryview) -> int:
        """As an `Input`.

        Raises:
            UsageError: it cannot be read, is damaged or cut off.
        """
        try:
            return self._content.readinto(into)  # type: ignore[attr-defined, no-any-return]
        except EOFError as error:
            raise UsageError(f"{self.name}: is cut off: its compressed data has no end") from error
        except Exception as error:  # each format has its own
            raise UsageError(f"{self.name}: cannot be decompressed: {error}") from error


def decompressed(source: Input) -> Input:
    """Return what a file holds: decompressed where its name and its first bytes say so.

    What is read from standard input is taken as it is.
    """
    packed = split_packed(source.name)[1]
    if not packed or source.descriptor == 0:
        return source
    try:
        start = read_at(source.descriptor, _LONGEST_MAGIC, 0)
    except OSError:  # a pipe of that name
        return source
    return Decompressed(source, packed) if start.startswith(_MAGIC[packed]) else source
