"""Logs that were compressed when they were rotated: read as if they were not."""

from __future__ import annotations

import os
from io import FileIO

from toolroll_shared.errors import UsageError
from toolroll_shared.streams import Input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAGIC = {".gz": b"\x1f\x8b", ".zst": b"\x28\xb5\x2f\xfd", ".xz": b"\xfd7zXZ\0"}
_LONGEST_MAGIC = 6


class Decompressed(Input):
    """A compressed file's content.

    Args:
        source: the file, opened.
        suffix: how it is compressed: `.gz`, `.zst` or `.xz`.
    """

    seekable = False

    def __init__(self, source: Input, suffix: str) -> None:
        super().__init__(source.descriptor, source.name)
        raw = FileIO(source.descriptor, closefd=False)
        self._content, self._errors = _OPENERS[suffix](raw)

    def read(self, into: memoryview) -> int:
        """As an `Input`.

        Raises:
            UsageError: it cannot be read, is damaged or cut off.
        """
        try:
            return self._content.readinto(into)  # type: ignore[no-any-return]
        except EOFError as error:
            raise UsageError(f"{self.name}: is cut off: its compressed data has no end") from error
        except self._errors as error:
            raise UsageError(f"{self.name}: cannot be decompressed: {error}") from error


def decompressed(source: Input) -> Input:
    """Return what a file holds: decompressed where its name and its first bytes say so.

    What is read from standard input is taken as it is.
    """
    suffix = os.path.splitext(source.name)[1].lower()
    if suffix not in _MAGIC or source.descriptor == 0:
        return source
    try:
        start = os.pread(source.descriptor, _LONGEST_MAGIC, 0)
    except OSError:  # a pipe of that name
        return source
    return Decompressed(source, suffix) if start.startswith(_MAGIC[suffix]) else source


def _gzip(raw: FileIO) -> tuple[Any, tuple[type[Exception], ...]]:
    import gzip
    import zlib

    return gzip.GzipFile(fileobj=raw), (OSError, zlib.error)


def _xz(raw: FileIO) -> tuple[Any, tuple[type[Exception], ...]]:
    import lzma

    return lzma.LZMAFile(raw), (OSError, lzma.LZMAError)


def _zstd(raw: FileIO) -> tuple[Any, tuple[type[Exception], ...]]:
    import sys

    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd

    return zstd.ZstdFile(raw), (OSError, zstd.ZstdError)


_OPENERS = {".gz": _gzip, ".zst": _zstd, ".xz": _xz}
