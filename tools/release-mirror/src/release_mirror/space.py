"""Whether what is to be downloaded fits on the disk."""

import os
from collections.abc import Iterable
from pathlib import Path

from toolroll_shared.errors import ToolError
from toolroll_shared.output import human_size

from .plan import Action


def room_at(dest: Path) -> int:
    """Return the free bytes where DEST is, or will be.

    Raises:
        ToolError: nobody can say.
    """
    folder = dest.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        status = os.statvfs(folder)
    except OSError as error:
        raise ToolError(f"{dest}: cannot be looked at: {error.strerror}") from error
    return status.f_bavail * status.f_frsize


def check_room(dest: Path, actions: Iterable[Action]) -> None:
    """Refuse a plan that does not fit.

    Raises:
        ToolError: it does not.
    """
    needed, room = sum(action.missing for action in actions), room_at(dest)
    if needed > room:
        raise ToolError(
            f"{dest}: {human_size(needed)} are to be downloaded, and {human_size(room)} are free; "
            "nothing was downloaded (make room, or narrow the choice)"
        )
