"""Where a normalized text goes: a new file, or the place of the old one; whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from toolroll_shared.errors import ToolError, UsageError
from toolroll_shared.files import AtomicFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PRIVATE = 0o600  # until the file is whole and gets its own mode


def write_new(source: int, blocks: Iterator[bytes], output: str, *, force: bool = False) -> None:
    """Write a text to a file of its own, with the mode and times of the file it is made from.

    A device or a pipe of that name is written to; a link is followed.

    Args:
        source: the descriptor that the blocks come from.
        blocks: the text.
        output: the file's name.
        force: replace what has that name.

    Raises:
        UsageError: the name is taken, or is the source's, by whatever path.
        ToolError: the file cannot be written.
    """
    original = os.fstat(source)
    present = _status(output)
    if present and os.path.samestat(present, original):
        raise UsageError(f"{output}: is the input itself: use --in-place")
    if present and stat.S_ISDIR(present.st_mode):
        raise UsageError(f"{output}: is a folder")
    if present and not stat.S_ISREG(present.st_mode):
        _write_through(output, blocks)
        return
    if os.path.lexists(output) and not force:
        raise UsageError(f"{output}: exists: --force replaces it")
    _write(Path(os.path.realpath(output)), blocks, original, replace=force)


def check_has_place(source: int, name: str) -> None:
    """Refuse what cannot be replaced.

    Raises:
        UsageError: it is no regular file.
    """
    if not stat.S_ISREG(os.fstat(source).st_mode):
        raise UsageError(f"{name}: is no regular file: it has no place")


def write_in_place(
    source: int,
    blocks: Iterator[bytes],
    name: str,
    *,
    backup: str | None = None,
    force: bool = False,
) -> None:
    """Put a text in the place of the file that it is made from, with its mode, times and owner.

    Args:
        source: the descriptor that the blocks come from.
        blocks: the text.
        name: the file's name; where it is a link, the file that it leads to is replaced.
        backup: what to add to that file's name for the old text; None: it is not kept.
        force: replace an old backup.

    Raises:
        UsageError: the backup's name is taken.
        ToolError: the file was changed meanwhile, or cannot be written; it stays as it is.
    """
    original = os.fstat(source)
    path = Path(os.path.realpath(name))
    kept = path.with_name(path.name + backup) if backup else None
    if kept and os.path.lexists(kept) and not force:
        raise UsageError(f"{kept}: exists: --force replaces it")

    def ready() -> None:
        now = path.stat()
        if not os.path.samestat(now, original) or _moment(now) != _moment(original):
            raise ToolError(f"{name}: was changed meanwhile, and is left as it is")
        if kept:
            _keep(path, kept)

    _write(path, blocks, original, replace=True, ready=ready)


def _write(
    path: Path,
    blocks: Iterator[bytes],
    original: os.stat_result,
    *,
    replace: bool,
    ready: Callable[[], None] = lambda: None,
) -> None:
    temporary = path.with_name(f".toolroll-{os.urandom(8).hex()}.new")
    dressed = stat.S_ISREG(original.st_mode)  # a pipe's mode and times are not meant for files
    with _naming(path), AtomicFile(path, temporary=temporary) as file:
        if dressed:
            temporary.chmod(_PRIVATE)
        for block in blocks:
            file.write(block)
        if dressed:
            _dress(temporary, original)
        file.sync()  # which may take long, so what may change meanwhile is looked at after it
        ready()
        file.commit(replace=replace)


def _write_through(name: str, blocks: Iterator[bytes]) -> None:
    with _naming(name), open(name, "wb", buffering=0) as file:
        for block in blocks:
            rest = memoryview(block)
            while rest:
                rest = rest[file.write(rest) :]


@contextmanager
def _naming(path: Path | str) -> Iterator[None]:
    """Say of which file it is that it cannot be written."""
    try:
        yield
    except FileExistsError as error:
        raise UsageError(f"{path}: exists: --force replaces it") from error
    except OSError as error:
        raise ToolError(f"{path}: {error.strerror or error}") from error


def _dress(path: Path, original: os.stat_result) -> None:
    """Give a file the owner, mode and times of another one, as far as we may."""
    with suppress(OSError):
        if sys.platform != "win32":
            os.chown(path, original.st_uid, original.st_gid)
    path.chmod(stat.S_IMODE(original.st_mode))
    os.utime(path, ns=(original.st_atime_ns, original.st_mtime_ns))


def _keep(path: Path, kept: Path) -> None:
    """Give the old file another name too, or where that cannot be, copy it."""
    with suppress(FileNotFoundError):
        kept.unlink()
    try:
        kept.hardlink_to(path)
    except OSError:
        from shutil import copy2

        copy2(path, kept)


def _status(name: str) -> os.stat_result | None:
    with _naming(name), suppress(FileNotFoundError):
        return os.stat(name)
    return None


def _moment(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns
