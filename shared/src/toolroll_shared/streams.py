"""Files that appear whole or not at all."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self


class AtomicFile:
    """A file written under a temporary name and renamed into place when it is whole.

    Leaving the `with` block without `commit` removes the temporary file; a process that is
    killed leaves it behind, never a partial file under the final name.

    Args:
        path: the final name; an existing file is replaced at `commit`.
        temporary: the name until then, in the same folder. A leftover there is overwritten.
        keep: of the leftover, so many bytes stay; whoever asks for it reads them first.

    Raises:
        OSError: the file cannot be made, or there is no leftover to keep something of.
    """

    def __init__(self, path: Path, *, temporary: Path, keep: int = 0) -> None:
        if path.parent != temporary.parent:
            raise ValueError("a rename is atomic only within one folder")
        self.path = path
        self.temporary = temporary
        self._file = temporary.open("r+b" if keep else "w+b", buffering=0)
        self._pending = True
        if keep and os.fstat(self._file.fileno()).st_size > keep:
            self._file.truncate(keep)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.discard()

    def read(self, size: int) -> bytes:
        """Return the next bytes of what was kept."""
        return self._file.read(size) or b""

    def write(self, block: "bytes | bytearray | memoryview") -> None:
        """Append a block.

        Raises:
            OSError: the disk is full or broken.
        """
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]

    def commit(self, *, durable: bool = True) -> os.stat_result:
        """Give the file its final name and return its status.

        The order is file, rename, folder: after a crash there is the old file or the new.

        Args:
            durable: False leaves it to the system when to write; after a crash there may
                then be a broken file. That is quicker, and enough for a cache.
        """
        if durable:
            os.fsync(self._file.fileno())
        status = os.fstat(self._file.fileno())
        self._file.close()
        self.temporary.replace(self.path)
        self._pending = False
        if durable:
            fsync_folder(self.path.parent)
        return status

    def leave(self) -> None:
        """Close the file and leave it under its temporary name, for a later one to go on with."""
        self._pending = False
        self._file.close()

    def discard(self) -> None:
        """Remove what was written, unless it is committed; doing so twice is fine."""
        self._file.close()
        if self._pending:
            self._pending = False
            with suppress(FileNotFoundError):
                self.temporary.unlink()


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable (a no-op where folders cannot be opened)."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, each durably.

    Raises:
        OSError: one of them is a file, or cannot be written.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        fsync_folder(new.parent)
