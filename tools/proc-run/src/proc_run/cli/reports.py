"""The file that a report goes to."""

from __future__ import annotations

import os
import stat
from contextlib import suppress

from proc_run.outlets import Outlet, pour
from toolroll_shared.errors import UsageError
from toolroll_shared.output import oneline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from proc_run.hearing import Hearing
    from toolroll_shared.files import AtomicFile

_GIVEN = range(10)
"""The descriptors that a shell can redirect."""


class ReportFile:
    """A file that has the whole report or what it had before; a pipe or device is written to.

    So is a file that we were given open, such as /dev/stdout: it has output in it.

    Whether it can be written is tried before the command runs; nothing of that stays.

    Args:
        path: the file; what it links to is meant.

    Raises:
        UsageError: it cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._descriptor = -1
        self._path = os.path.realpath(path)
        try:
            if os.path.exists(path) and _must_stay(os.stat(path)):
                flags = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOCTTY
                self._descriptor = os.open(path, flags)
            else:
                _atomic_file(self._path).discard()
        except OSError as error:
            raise UsageError(oneline(f"--json-file {path}: {error.strerror}")) from error

    def write(self, document: bytes, hearing: Hearing) -> None:
        """Write the report.

        Raises:
            OSError: the disk is full or broken, or the reader of a pipe has gone.
        """
        if self._descriptor >= 0:
            pour(memoryview(document), Outlet(self._descriptor), hearing)
            return
        with _atomic_file(self._path) as file:
            file.write(document)
            file.commit()

    def close(self) -> None:
        """Close what was opened."""
        if self._descriptor >= 0:
            os.close(self._descriptor)


def _must_stay(status: os.stat_result) -> bool:
    """Tell whether a file is not to be replaced by another one."""
    return not stat.S_ISREG(status.st_mode) or any(
        os.path.samestat(status, one) for one in _given_files()
    )


def _given_files() -> Iterator[os.stat_result]:
    for descriptor in _GIVEN:
        with suppress(OSError):
            yield os.fstat(descriptor)


def _atomic_file(path: str) -> AtomicFile:
    from pathlib import Path

    from toolroll_shared.files import AtomicFile

    target = Path(path)
    return AtomicFile(target, temporary=target.with_name(f".{target.name}.{os.getpid()}.part"))
