"""A folder of files that are worth nothing once we have ended, also where we were killed."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

_OURS = re.compile(r"[0-9]+(\.lock|\.tmp)?")


def emptied(folder: Path) -> Path:
    """Make a folder anew, without what an earlier process has left there.

    Raises:
        OSError: it cannot be made, or somebody else has files there.
    """
    removed(folder)
    folder.mkdir(mode=0o700)
    return folder


def removed(folder: Path) -> None:
    """Remove a folder with what we had in it; if there is more, it is somebody else's and stays."""
    with suppress(OSError):
        if not folder.is_symlink():
            for path in folder.iterdir():
                if _OURS.fullmatch(path.name):
                    path.unlink()
            folder.rmdir()
