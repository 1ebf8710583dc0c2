"""A file for node_exporter's textfile collector, whose counters grow from run to run.

The file itself is what is remembered; it is replaced as a whole, under a lock.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from toolroll_shared.errors import CorruptStore
from toolroll_shared.files import AtomicFile

from .locking import PATIENCE_S, locked
from .samples import Foreign, Samples, accumulated, exposition, ours_in, parsed

SUFFIX = ".prom"
"""node_exporter reads no other files."""

MODE = 0o644
"""node_exporter runs as somebody else."""

MAX_BYTES = 16 * 1024 * 1024
"""Of a file that is read; ours are some kilobytes, and a few megabytes at most."""


def add_to(
    path: Path,
    new: Samples,
    *,
    notify: Callable[[str], None] = lambda _text: None,
    patience: float = PATIENCE_S,
) -> Samples:
    """Add what one run has counted to a file, and return what all of them have.

    Args:
        path: the file, which is made if it is not there.
        new: what the run has counted.
        notify: told where node_exporter will find the same series elsewhere, too.
        patience: how long other runs are waited for, in seconds.

    Raises:
        CorruptStore: the file is damaged, or somebody else's.
        TryLater: other runs have had it all the time.
        OSError: it cannot be read or written.
    """
    path = Path(os.path.realpath(path))  # resolve() takes a link to itself for a bug
    with locked(path.with_name(f".{path.name}.lock"), within=patience):
        total = accumulated(read(path), new)
        with AtomicFile(path, temporary=path.with_name(f".{path.name}.tmp")) as file:
            file.temporary.chmod(MODE)
            file.write(exposition(total).encode())
            file.commit()
    for other in _twins(path, total):
        notify(f"{other}: has series that {path.name} has, too: node_exporter drops one of them")
    return total


def read(path: Path) -> Samples:
    """Return what a file has; nothing if it is not there.

    Raises:
        CorruptStore: it is damaged, or somebody else's.
        OSError: it cannot be read.
    """
    try:
        return parsed(_content(path).decode())
    except FileNotFoundError:
        return {}
    except (Foreign, UnicodeDecodeError) as error:
        raise CorruptStore(
            f"{path}: not written by observe: {error}; remove it, or name another file"
        ) from error


def _content(path: Path) -> bytes:
    with open(path, "rb", opener=_opened) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise CorruptStore(f"{path}: is no file")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise CorruptStore(f"{path}: is too large to be ours")
    return content


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe would wait for somebody


def _twins(path: Path, samples: Samples) -> list[Path]:
    """Return files beside it that have a series of its own, which node_exporter refuses."""
    found = []
    for other in sorted(path.parent.glob(f"*{SUFFIX}")):
        if other != path:
            with suppress(OSError, CorruptStore, Foreign, UnicodeDecodeError):
                if samples.keys() & parsed(ours_in(_content(other).decode())).keys():
                    found.append(other)
    return found
