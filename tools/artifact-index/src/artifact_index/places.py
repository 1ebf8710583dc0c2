"""Where things are: the database if nothing else is said, and where an export goes."""

import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from toolroll_shared.errors import ToolError, UsageError
from toolroll_shared.files import AtomicFile

STDOUT = Path("-")
_JOURNALS = ("-journal", "-wal", "-shm")


def default_database(environ: Mapping[str, str]) -> Path:
    """Return where the database is if nothing else is said.

    The rule is that of the XDG base directory specification: a relative path counts as none.
    Windows has LOCALAPPDATA instead.

    Args:
        environ: the environment.

    Raises:
        UsageError: there is no home to have it in.
    """
    root = Path(environ.get("XDG_DATA_HOME", ""))
    if not root.is_absolute() and sys.platform == "win32":
        root = Path(environ.get("LOCALAPPDATA", ""))
    elif not root.is_absolute():
        root = Path(environ.get("HOME", ""), ".local/share")
    if not root.is_absolute():
        raise UsageError("neither --db nor HOME says where the database is")
    return root / "toolroll" / "artifact-index.sqlite"


@contextmanager
def writing_to(path: Path, *, source: Path) -> Iterator[Callable[[bytes], object]]:
    """Yield what writes to a path; a file is put in place when the block ends well.

    A link is followed, so that it stays one; a file that is replaced keeps its mode. What is
    no regular file, such as a pipe, is written as it is.

    Args:
        path: where to.
        source: the database, which is never written over.

    Raises:
        UsageError: the path is the database, one of its journals, or a folder.
        ToolError: it cannot be written.
    """
    try:
        with _opened(path, source) as write:
            yield write
    except OSError as error:  # in the user's words: the temporary name is our affair
        raise ToolError(f"{path}: {error.strerror or error}") from error


@contextmanager
def _opened(path: Path, source: Path) -> Iterator[Callable[[bytes], object]]:
    mode = None
    if os.path.realpath(path) in {os.path.realpath(source) + suffix for suffix in _JOURNALS}:
        raise UsageError(f"{path}: is a name that the database uses itself")
    with suppress(FileNotFoundError):
        status = path.stat()
        if os.path.samestat(status, source.stat()):
            raise UsageError(f"{path}: is the database itself")
        if stat.S_ISDIR(status.st_mode):
            raise UsageError(f"{path}: is a folder")
        mode = status.st_mode
    if mode is not None and not stat.S_ISREG(mode):
        with path.open("wb", buffering=0) as stream:
            yield _all_of(stream.write)
        return
    path = Path(os.path.realpath(path))  # not before: /dev/stdout leads to no path at all
    temporary = path.with_name(f".toolroll-{os.urandom(8).hex()}.new")
    with AtomicFile(path, temporary=temporary) as file:
        if mode is not None:  # at once: what nobody else might read stays so
            temporary.chmod(stat.S_IMODE(mode))
        yield file.write
        file.commit()


def _all_of(write: Callable[[memoryview], int | None]) -> Callable[[bytes], None]:
    """Return a write that goes on until all is written."""

    def write_all(block: bytes) -> None:
        rest = memoryview(block)
        while rest:
            rest = rest[write(rest) or 0 :]

    return write_all
