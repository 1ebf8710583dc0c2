"""Where bodies go. A sink is told of each attempt's begin, blocks and end.

The engine calls a sink from one thread at a time. It ends every attempt that did not `finish`
with `abort`, also a cancelled one, and a job that fails for good with `give_up`.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from toolroll_shared.files import AtomicFile, make_folder

SMALL = 64 * 1024
"""Bytes that are hashed, or written where nobody waits for the disk, sooner than a thread has
its turn."""

READ_BLOCK = 1024 * 1024
"""Bytes of a kept part that are hashed at once."""


class RejectedBody(Exception):
    """The body arrived, and is not what it should be."""


class LostPart(Exception):
    """What was held of a body is not there any more: the whole body is requested anew."""


class Held(NamedTuple):
    """The start of a body that a sink has from an earlier attempt."""

    offset: int
    """How many bytes of it."""

    validator: str
    """What names the version they are of: a strong ETag, or a Last-Modified date."""


class Sink:
    """Where the body of one job goes. This one forgets it; the engine counts its bytes.

    Attributes:
        inline_below: less than this, in bytes, is taken on the event loop itself, because a hop
            to a thread would take longer. Nothing there may block for long. 0: always in a thread.
        resumes: whether it holds the start of a body for the next attempt.
    """

    inline_below: float = float("inf")
    resumes: bool = False

    @property
    def held(self) -> Held | None:
        """What the next attempt need not transfer again."""
        return None

    def begin(self, offset: int, validator: str | None) -> None:
        """Start an attempt's body.

        Args:
            offset: where in the body it starts: 0, which forgets what was held, or as held.
            validator: names the version of the body, if the server does.

        Raises:
            LostPart: what was held is of no use any more.
        """

    def write(self, block: memoryview) -> None:
        """Take the next block, which is valid during the call only."""

    def finish(self) -> None:
        """Take the body as complete.

        Raises:
            RejectedBody: it is not what it should be.
        """

    def abort(self) -> None:
        """End an attempt that did not finish; may come at any time, also twice."""

    def give_up(self) -> None:
        """Hear that there will be no further attempt; comes after `abort`."""


class HashSink(Sink):
    """A sink that hashes a body and forgets it.

    Attributes:
        digest: the body's SHA-256 in hex, once finished.
    """

    inline_below = SMALL

    def __init__(self) -> None:
        self.digest: str | None = None

    def begin(self, offset: int, validator: str | None) -> None:
        """Start anew: nothing is ever held."""
        del offset, validator
        self.digest = None
        self._hash = hashlib.sha256()

    def write(self, block: memoryview) -> None:
        """Hash a block."""
        self._hash.update(block)

    def finish(self) -> None:
        """Set the digest."""
        self.digest = self._hash.hexdigest()


class FileSink(Sink):
    """A sink that checks a body and puts it in place as a whole file.

    Args:
        path: the final name; its folder is made if needed.
        temporary: the name while it is incomplete, in the same folder.
        size: what the body must measure, in bytes, or None to take any.
        sha256: what it must hash to, as 64 lower-case hex digits, or None to take any.
        resume: keep what arrived between attempts, and go on from there where the server can.
        held: what `temporary` has already, from an earlier run (see `held`).
        keep: leave `temporary` in place, for a later run, also when there are no more attempts.
        durable: wait until the disk has the file before it gets its name.
        replace: take the place of what has the final name by then. False: that makes it fail.
        hashing: without it there is no digest, which saves the time.
        progress: told the number of bytes of each block, and what an abort took back (< 0).

    Attributes:
        digest: the body's SHA-256 in hex, once finished.
        status: the final file's status, once finished.
    """

    def __init__(  # noqa: PLR0913 - what a file may be asked for, all by name
        self,
        path: Path,
        *,
        temporary: Path,
        size: int | None = None,
        sha256: str | None = None,
        resume: bool = False,
        held: Held | None = None,
        keep: bool = False,
        durable: bool = True,
        replace: bool = True,
        hashing: bool = True,
        progress: Callable[[int], None] = lambda _bytes: None,
    ) -> None:
        self.path = path
        self._temporary = temporary
        self._size = size
        self._sha256 = sha256
        self.resumes = resume
        self._held = held
        self._keep = keep
        self._durable = durable
        self._replace = replace
        self.inline_below = 0 if durable else SMALL
        self._hashing = hashing or sha256 is not None
        self._progress = progress
        self._file: AtomicFile | None = None
        self._validator: str | None = None
        self._received = 0
        self.digest: str | None = None
        self.status: os.stat_result | None = None

    @property
    def held(self) -> Held | None:
        """What an earlier attempt left in `temporary`, if the server named its version."""
        return self._held

    def begin(self, offset: int, validator: str | None) -> None:
        """Open the temporary file, and read again what is kept of it."""
        self.abort()
        self.digest = self.status = None
        self._held, self._validator = None, validator
        self._hash = hashlib.sha256()
        self._received = 0
        if offset:
            self._take_back(offset)
        else:
            self._file = self._new()

    def _new(self) -> AtomicFile:
        try:
            return AtomicFile(self.path, temporary=self._temporary)
        except (FileNotFoundError, NotADirectoryError):
            make_folder(self.path.parent)
            return AtomicFile(self.path, temporary=self._temporary)

    def _take_back(self, offset: int) -> None:
        """Open what is there already, and hash and count it."""
        try:
            self._file = AtomicFile(self.path, temporary=self._temporary, keep=offset)
            self._read_again(self._file, offset)
        except OSError as error:
            raise LostPart from error
        self._received = offset
        self._progress(offset)

    def _read_again(self, file: AtomicFile, size: int) -> None:
        rest = size
        while rest:
            block = file.read(min(rest, READ_BLOCK))
            if not block:
                raise LostPart
            if self._hashing:
                self._hash.update(block)
            rest -= len(block)

    def write(self, block: memoryview) -> None:
        """Hash and write a block, refusing one byte more than expected."""
        assert self._file is not None  # noqa: S101 - the engine begins first
        self._received += len(block)
        self._progress(len(block))
        if self._size is not None and self._received > self._size:
            raise RejectedBody(f"more than the {self._size} bytes that it should have")
        if self._hashing:
            self._hash.update(block)
        self._file.write(block)

    def finish(self) -> None:
        """Check the size and digest, and put the file in place."""
        assert self._file is not None  # noqa: S101 - the engine begins first
        self._validator = None  # a body that is complete and wrong is not gone on with
        if self._size is not None and self._received != self._size:
            raise RejectedBody(f"{self._received} bytes, not the {self._size} it should have")
        digest = self._hash.hexdigest() if self._hashing else None
        if self._sha256 is not None and digest != self._sha256:
            raise RejectedBody(f"sha256 is {digest}, not the {self._sha256} it should be")
        self.status = self._file.commit(durable=self._durable, replace=self._replace)
        self.digest = digest
        self._file = None

    def abort(self) -> None:
        """Remove the temporary file of an attempt that did not finish, or keep it."""
        if self._file is None:
            return
        self._progress(-self._received)
        unfinished, self._file = self._file, None
        too_much = self._size is not None and self._received > self._size
        if self.resumes and self._validator and self._received and not too_much:
            self._held = Held(self._received, self._validator)
            unfinished.leave()
        else:
            unfinished.discard()

    def give_up(self) -> None:
        """Remove what was kept, unless it is for a later run."""
        if self._held is not None and not self._keep:
            self._held = None
            with suppress(FileNotFoundError):
                self._temporary.unlink()
