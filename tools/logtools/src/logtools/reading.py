"""One generation of a log that is read on: where it stopped, and proof that it is still it."""

from __future__ import annotations

import errno
import os
import stat

from .cutting import Lines
from .packing import reading_at
from .positions import PROOF_BYTES, Position, fingerprint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .packing import ReadAt

BLOCK_BYTES = 256 * 1024
"""Read at once."""


_BINARY = getattr(os, "O_BINARY", 0)  # else Windows takes carriage returns away


class Truncated(Exception):
    """The file does not hold any more what was read of it."""


class Reader:
    """An open generation; `reader_at` makes one.

    Args:
        path: where it was when it was opened.
        descriptor: the open file, which the reader closes.
        read_at: reads it, also where it is compressed.
        offset: where to read on, in bytes of the log.
        proof: bytes just before the offset, or at 0 the first bytes.
    """

    def __init__(
        self, path: str, descriptor: int, read_at: ReadAt, offset: int, proof: bytes
    ) -> None:
        self.path = path
        self.offset = offset
        self.lines = Lines()
        self.finished = False  # nothing more is to be read of it
        self.is_copy = False  # nobody writes to it
        self.limit: int | None = None
        self.quiet_since = 0.0
        self.descriptor = descriptor
        self._read_at = read_at
        self._proof = proof
        self.head = b"" if offset else proof

    @property
    def identity(self) -> tuple[int, int]:
        """Return device and inode."""
        status = self.status()
        return status.st_dev, status.st_ino

    @property
    def is_provable(self) -> bool:
        """Whether it can be known again by its content."""
        return bool(self._proof)

    @property
    def _proof_at(self) -> int:
        return max(self.offset - len(self._proof), 0)

    def status(self) -> os.stat_result:
        """Return what the system says of the open file."""
        return os.fstat(self.descriptor)

    def read(self, size: int = BLOCK_BYTES) -> bytes:
        """Return the next bytes, none at the end.

        Raises:
            Truncated: they are not those of the file that was read.
            OSError: it cannot be read, or its compressed data is damaged.
        """
        if self.limit is not None:
            size = max(min(size, self.limit - self.offset), 0)
        block = self._read_at(size, self.offset)
        self.prove()  # after reading: so what was read is of the proven file
        if block:
            before = self._proof if self.offset else b""
            self._proof = (before + block[-PROOF_BYTES:])[-PROOF_BYTES:]
            self.offset += len(block)
        return block

    def prove(self) -> None:
        """Check that the file still holds what was read of it; nobody writes to a copy.

        Raises:
            Truncated: it does not.
        """
        if not self.is_copy and self._read_at(len(self._proof), self._proof_at) != self._proof:
            raise Truncated

    def position(self, *, whole_lines: bool = True) -> Position:
        """Return where its last whole line ends, or with the unfinished one, where reading is."""
        status = self.status()
        return Position(
            path=os.path.realpath(self.path),
            device=status.st_dev,
            inode=status.st_ino,
            modified=int(status.st_mtime),
            offset=self.offset - (self.lines.pending if whole_lines else 0),
            proof_at=self._proof_at,
            proof_length=len(self._proof),
            proof=fingerprint(self._proof),
            finished=self.finished,
        )

    def go_on_in(self, copy: Reader) -> None:
        """Read on in a copy of the file, and forget the file."""
        os.close(self.descriptor)
        self.path, self.descriptor = copy.path, copy.descriptor
        self._read_at = copy._read_at
        self.is_copy, self.limit = True, None

    def as_mark(self) -> Reader:
        """Return another reader of the same file, which only tells where it stands."""
        descriptor = os.dup(self.descriptor)
        mark = Reader(self.path, descriptor, reading_at(descriptor), self.offset, self._proof)
        mark.finished = True
        return mark

    def begins_like(self, other: Reader) -> bool:
        """Whether this one has bytes, and the other one begins with them: it may become a copy."""
        size = self.status().st_size
        if not size:
            return False
        for at in (0, max(size - PROOF_BYTES, 0)):
            ours = self._read_at(min(PROOF_BYTES, size), at)
            if ours != other._read_at(len(ours), at):
                return False
        return True

    def is_copy_of(self, others: Iterable[Reader], block: bytes) -> bool:
        """Whether a file that was empty turns out, by its first block, to become another's copy."""
        if self.head or self.offset > len(block):
            return False
        heads = [one.head for one in others if one is not self]
        return any(head and head[: len(block)] == block[: len(head)] for head in heads)

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)


def open_regular(path: str) -> int:
    """Open a regular file for reading and nothing else; never wait for a pipe's writer.

    Raises:
        OSError: it cannot be opened, or is something else.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    raise OSError(errno.EINVAL, "Not a regular file", path)


def reader_at(
    path: str,
    offset: int | Callable[[int], int],
    *,
    packed: str = "",
    holding: Position | None = None,
    empty: bool = False,
) -> Reader | None:
    """Open a generation at an offset; None if it is empty, shorter, or not the one.

    Args:
        path: the file.
        offset: in bytes of the log, or what finds it in the open file.
        packed: how the file is compressed, told by its ending.
        holding: what it must hold.
        empty: whether an empty file will do: it is known by being open only.

    Raises:
        OSError: it cannot be opened or read, or its compressed data is damaged.
    """
    descriptor = open_regular(path)
    read_at = reading_at(descriptor, packed)
    try:
        at = offset if isinstance(offset, int) else offset(descriptor)
        proof = _proof_before(at, read_at)
        if (proof or (empty and not at)) and (holding is None or holding.is_in(read_at)):
            reader = Reader(path, descriptor, read_at, at, proof)
            reader.is_copy = bool(packed)
            descriptor = -1
            return reader
        return None
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _proof_before(offset: int, read_at: ReadAt) -> bytes:
    """Return what proves a file to be the same at an offset, or nothing if it is shorter."""
    if not offset:
        return read_at(PROOF_BYTES, 0)
    length = min(offset, PROOF_BYTES)
    proof = read_at(length, offset - length)
    return proof if len(proof) == length else b""
