"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path

TYPE_CHECKING = False  # normalize starts with this module: typing itself is not loaded
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

AT_ONCE = 64 * 1024
"""Bytes written by one call: with 1 MiB, a large file took Linux 6.18 (ext4) twice as long."""


class AtomicFile:
    """A file written under a temporary name and renamed into place when it is whole.

    Leaving the `with` block without `commit` removes the temporary file; a process that is
    killed leaves it behind, never a partial file under the final name.

    Args:
        path: the final name.
        temporary: the name until then, in the same folder. A leftover there is removed; what it
            links to is left alone.
        keep: of the leftover, so many bytes stay; whoever asks for it reads them first.

    Raises:
        OSError: the file cannot be made, or there is no leftover to keep something of: a link,
            or a file that has another name too, is none.
    """

    def __init__(self, path: Path, *, temporary: Path, keep: int = 0) -> None:
        if path.parent != temporary.parent:
            raise ValueError("a rename is atomic only within one folder")
        self.path = path
        self.temporary = temporary
        self._file = _leftover(temporary) if keep else _new(temporary)
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

    def write(self, block: bytes | bytearray | memoryview) -> None:
        """Append a block.

        Raises:
            OSError: the disk is full or broken.
        """
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest[:AT_ONCE]) :]

    def sync(self) -> None:
        """Make durable what was written, so that nothing of `commit` takes long.

        Raises:
            OSError: the disk is full or broken.
        """
        os.fsync(self._file.fileno())

    def commit(self, *, durable: bool = True, replace: bool = True) -> os.stat_result:
        """Give the file its final name and return its status.

        The order is file, rename, folder: after a crash there is the old file or the new.

        Args:
            durable: False leaves it to the system when to write; after a crash there may
                then be a broken file. That is quicker, and enough for a cache.
            replace: put it in the place of what has that name. False: see `rename_new`; a crash
                may leave the temporary name as another one of the file.

        Raises:
            FileExistsError: the name is taken, and what has it is not to be replaced.
            OSError: the disk is full or broken, or the name cannot be had; or the temporary name
                is another file's by now, which would be renamed unseen.
        """
        if durable:
            os.fsync(self._file.fileno())
        status = os.fstat(self._file.fileno())
        if not os.path.samestat(status, self.temporary.lstat()):
            raise OSError(errno.ESTALE, "was replaced while it was written", str(self.temporary))
        self._file.close()
        if replace:
            self.temporary.replace(self.path)
        else:
            rename_new(self.temporary, self.path)
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


def _new(path: Path) -> FileIO:
    """Make a file that has no other name, so that nobody else's is written."""
    try:
        return path.open("x+b", buffering=0)
    except FileExistsError:
        path.unlink()
        return path.open("x+b", buffering=0)


def _leftover(path: Path) -> FileIO:
    """Open a file that can only be a leftover of ours: no link, with one name."""
    flags = os.O_RDWR | getattr(os, "O_BINARY", 0)
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe would wait
    file = FileIO(os.open(path, flags), "r+b")
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        file.close()
        raise OSError(errno.EINVAL, "not a file of its own", str(path))
    return file


def rename_new(old: Path, new: Path) -> None:
    """Rename a file unless the new name is taken, also by a link that leads nowhere.

    That is atomic: the file has both names for a moment. Only where the file system has no
    hard links, a name that somebody takes between our look and the renaming is lost.

    Raises:
        FileExistsError: the new name, which it tells, is taken.
        OSError: the file cannot be renamed.
    """
    try:
        new.hardlink_to(old)
    except OSError as error:
        if isinstance(error, FileExistsError) or os.path.lexists(new):
            reason = os.strerror(errno.EEXIST)
            raise FileExistsError(errno.EEXIST, reason, str(new)) from error
        old.rename(new)
    else:
        old.unlink()


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
