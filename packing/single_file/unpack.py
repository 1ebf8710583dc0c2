"""The first start of a single file: its contents are unpacked, whole or not at all.

Each start unpacks into a folder of its own and renames that, so that any number may do so at
once, and none waits for another. Where there is no place to keep it, a temporary one serves for
this run.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import time
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path

from .start import is_ours, refuse

CONTENTS = "contents.zip"
"""The name, in the file, of what is unpacked."""

ABANDONED_S = 24 * 3600
"""The age of what a killed start left behind, in seconds, from which on it is removed."""

INTERRUPTED = 130


def unpacked(archive: str, folder: str | None, *, command: str, failure: int) -> str:
    """Unpack a file's contents and return the folder; or say why not, and exit.

    Args:
        archive: the file.
        folder: where to keep them; None where there is no such place.
        command: who complains.
        failure: the exit code then.
    """
    try:
        return _kept(archive, Path(folder)) if folder else _for_this_run(archive)
    except OSError as error:
        return _somewhere_else(archive, error, command, failure)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        refuse(command, f"{archive}: damaged ({error}): fetch it once more", failure)
    except KeyboardInterrupt:
        refuse(command, "interrupted", INTERRUPTED)
    raise AssertionError  # refuse() does not return


def _somewhere_else(archive: str, first: OSError, command: str, failure: int) -> str:
    try:
        return _for_this_run(archive)
    except OSError as error:
        refuse(
            command,
            f"there is no place to unpack into: {_text(first)}; {_text(error)}: "
            "set XDG_CACHE_HOME to a folder that can be written",
            failure,
        )
        raise


def _text(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


def _kept(archive: str, folder: Path) -> str:
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(folder.parent)
    ours = _extracted(archive, folder.parent)
    try:
        ours.rename(folder)
    except OSError:  # another start was quicker; what is nobody's of ours is not used
        shutil.rmtree(ours, ignore_errors=True)
        if not is_ours(str(folder)):
            raise
    return str(folder)


def _for_this_run(archive: str) -> str:
    folder = _extracted(archive, Path(tempfile.gettempdir()))
    process = os.getpid()
    sys.dont_write_bytecode = True  # nobody would read it

    def remove() -> None:
        if os.getpid() == process:  # not a fork's end
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return str(folder)


def _extracted(archive: str, parent: Path) -> Path:
    """Unpack into a new folder, which only we can enter."""
    folder = Path(tempfile.mkdtemp(prefix="unpacking-", dir=parent))
    try:
        with zipfile.ZipFile(archive) as outer, outer.open(CONTENTS) as contents:
            zipfile.ZipFile(contents).extractall(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _sweep(root: Path) -> None:
    """Remove what killed starts have left."""
    for folder in root.glob("unpacking-*"):
        with suppress(OSError):
            if folder.stat().st_mtime < time.time() - ABANDONED_S:
                shutil.rmtree(folder, ignore_errors=True)
