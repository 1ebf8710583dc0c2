"""Compressed logs, read as if they were not; what that takes is loaded only then."""

from __future__ import annotations

import errno
import os
import sys

from .portable import read_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO, Any, TypeAlias

    ReadAt: TypeAlias = Callable[[int, int], bytes]

PACKED = (".gz", ".bz2", ".xz", ".zst")
"""What compressed files end with."""


class Damaged(OSError):
    """Compressed data that is none, or is cut short."""


def reading_at(descriptor: int, packed: str = "") -> ReadAt:
    """Return what reads a number of bytes at an offset, as `os.pread` does.

    Args:
        descriptor: the open file; it stays the caller's.
        packed: how it is compressed, told by its ending. Going back starts from its beginning.

    Raises:
        OSError: in what is returned: it cannot be read.
        Damaged: likewise: its data is damaged.
    """
    if not packed:
        return lambda size, at: read_at(descriptor, size, at)
    file = unpacking(os.fdopen(descriptor, "rb", closefd=False), packed)

    def read_unpacked_at(size: int, at: int) -> bytes:
        try:
            if file.tell() != at:
                file.seek(at)
            return file.read(size)
        except Exception as error:  # each format has its own
            raise Damaged(errno.EIO, f"Damaged: {error}") from error

    return read_unpacked_at


def unpacking(file: IO[bytes], packed: str) -> IO[bytes]:
    """Return the content of a compressed file, whose reading raises what its library does."""
    opened: Any
    if packed == ".gz":
        from gzip import GzipFile

        opened = GzipFile(fileobj=file)
    elif packed == ".bz2":
        from bz2 import BZ2File

        opened = BZ2File(file)
    elif packed == ".xz":
        from lzma import LZMAFile

        opened = LZMAFile(file)  # noqa: SIM115 - read for as long as the log is
    elif sys.version_info >= (3, 14):
        from compression.zstd import ZstdFile

        opened = ZstdFile(file)
    else:
        from backports.zstd import ZstdFile

        opened = ZstdFile(file)
    return opened  # type: ignore[no-any-return] # all of them are alike


def split_packed(name: str) -> tuple[str, str]:
    """Return a name without the ending of compression, and that ending."""
    for ending in PACKED:
        if name.endswith(ending):
            return name.removesuffix(ending), ending
    return name, ""
