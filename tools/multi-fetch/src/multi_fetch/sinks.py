"""Where bodies go. A sink is told of each attempt's begin, blocks and end.

The engine calls a sink from one thread at a time, never from the event loop where it could
block; `abort` follows every attempt that did not `finish`, also a cancelled one.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from toolroll_shared.streams import AtomicFile, make_folder


class RejectedBody(Exception):
    """The body arrived, and is not what it should be."""


class Sink(Protocol):
    """Where the body of one job goes."""

    def begin(self) -> None:
        """Start an attempt's body, forgetting any earlier one."""

    def write(self, block: memoryview) -> None:
        """Take the next block, which is valid during the call only."""

    def finish(self) -> None:
        """Take the body as complete.

        Raises:
            RejectedBody: it is not what it should be.
        """

    def abort(self) -> None:
        """Forget the attempt; may come at any time, also twice or before `begin`."""


class FileSink:
    """A sink that checks a body and puts it in place as a whole file.

    Args:
        path: the final name; its folder is made if needed.
        temporary: the name while it is incomplete, in the same folder.
        size: what the body must measure, in bytes, or None to take any.
        sha256: what it must hash to, as 64 lower-case hex digits, or None to take any.
        progress: told the number of bytes of each block, and what an abort took back (< 0).

    Attributes:
        digest: the body's SHA-256 in hex, once finished.
        status: the final file's status, once finished.
    """

    def __init__(
        self,
        path: Path,
        *,
        temporary: Path,
        size: int | None = None,
        sha256: str | None = None,
        progress: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        self.path = path
        self._temporary = temporary
        self._size = size
        self._sha256 = sha256
        self._progress = progress
        self._file: AtomicFile | None = None
        self._received = 0
        self.digest: str | None = None
        self.status: os.stat_result | None = None

    def begin(self) -> None:
        """Open the temporary file."""
        self.abort()
        self.digest = self.status = None
        self._received = 0
        self._hash = hashlib.sha256()
        make_folder(self.path.parent)
        self._file = AtomicFile(self.path, temporary=self._temporary)

    def write(self, block: memoryview) -> None:
        """Hash and write a block, refusing one byte more than expected."""
        assert self._file is not None  # noqa: S101 - the engine begins first
        self._received += len(block)
        self._progress(len(block))
        if self._size is not None and self._received > self._size:
            raise RejectedBody(f"more than the {self._size} bytes that it should have")
        self._hash.update(block)
        self._file.write(block)

    def finish(self) -> None:
        """Check the size and digest, and put the file in place durably."""
        assert self._file is not None  # noqa: S101 - the engine begins first
        if self._size is not None and self._received != self._size:
            raise RejectedBody(f"{self._received} bytes, not the {self._size} it should have")
        digest = self._hash.hexdigest()
        if self._sha256 is not None and digest != self._sha256:
            raise RejectedBody(f"sha256 is {digest}, not the {self._sha256} it should be")
        self.status = self._file.commit()
        self.digest = digest
        self._file = None

    def abort(self) -> None:
        """Remove the temporary file of an attempt that did not finish."""
        if self._file is not None:
            self._progress(-self._received)
            unfinished, self._file = self._file, None
            unfinished.discard()
