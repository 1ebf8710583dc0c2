"""A second name for a file that is here: what is renamed upstream is not downloaded again."""

import errno
import os
from pathlib import Path

from toolroll_shared.files import fsync_folder, make_folder

from .manifest import FileRecord
from .survey import Eyes, is_as_recorded


def link(dest: Path, source: FileRecord, path: str) -> os.stat_result:
    """Give a recorded file another name below DEST, durably; return its status.

    Both names are of one file from then on: nothing that the mirror does changes a file in place.

    Raises:
        OSError: it is not as it was recorded, or cannot have another name.
    """
    if not is_as_recorded(source, Eyes(dest).look(source.path)):
        raise OSError(errno.ENOENT, "is not as it was recorded", source.path)
    final = dest / path
    make_folder(final.parent)
    final.hardlink_to(dest / source.path)
    fsync_folder(final.parent)
    return final.lstat()
