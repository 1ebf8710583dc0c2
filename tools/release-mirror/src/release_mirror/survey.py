"""What is on disk at the places that matter: looked at, never changed."""

import asyncio
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from .hashing import digests
from .manifest import FileRecord
from .places import Wanted
from .plan import OnDisk, in_doubt, same_content

_NOT_A_PLACE = OnDisk(regular=False)


class Eyes:
    """Looks at paths below DEST.

    A place behind a symbolic link below DEST counts as taken by no file: it is outside, or
    another asset's.
    """

    def __init__(self, dest: Path) -> None:
        self._dest = dest
        self._root = dest.resolve()
        self._real: dict[str, bool] = {}

    def look(self, path: str) -> OnDisk | None:
        """Return what is at a path, without reading it; None if nothing is."""
        if not self.is_real(path.rpartition("/")[0]):
            return _NOT_A_PLACE
        try:
            status = os.lstat(f"{self._root}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return OnDisk(trouble=error.strerror)
        return OnDisk(
            regular=stat.S_ISREG(status.st_mode), size=status.st_size, mtime_ns=status.st_mtime_ns
        )

    def is_real(self, folder: str) -> bool:
        """Tell whether no part of a folder below DEST is a symbolic link."""
        if folder not in self._real:
            self._real[folder] = self._is_real(Path(folder))
        return self._real[folder]

    def folders_in(self, folder: str) -> list[str]:
        """Return the folders in a folder, without links."""
        try:
            with os.scandir(self._root / folder) as entries:
                names = [one.name for one in entries if one.is_dir(follow_symlinks=False)]
        except OSError:
            return []
        return [f"{folder}/{name}" for name in names] if self.is_real(folder) else []

    def _is_real(self, folder: Path) -> bool:
        try:
            return not any((self._root / part).is_symlink() for part in (folder, *folder.parents))
        except OSError:  # a loop of links, or a folder that is not for us: looking will tell
            return True


def is_as_recorded(record: FileRecord, found: OnDisk | None) -> bool:
    """Tell whether a file that was looked at is what was recorded, as far as looking tells."""
    return (
        found is not None
        and found.regular
        and (found.size, found.mtime_ns) == (record.size, record.mtime_ns)
    )


async def survey(
    dest: Path, wanted: Sequence[Wanted], records: Mapping[str, FileRecord]
) -> dict[str, OnDisk]:
    """Return what is at the places of what is wanted, reading only the files in doubt."""
    disk, doubtful = await asyncio.to_thread(_look_at_all, dest, wanted, records)
    await read(dest, disk, doubtful)
    return disk


async def read(dest: Path, disk: dict[str, OnDisk], paths: Iterable[str]) -> None:
    """Add to what was seen at some paths what is in the files there."""
    names = {dest / path: path for path in paths}
    async with aclosing(digests(names)) as results:
        async for path, found in results:
            seen = disk[names[path]]
            if isinstance(found, OSError):
                disk[names[path]] = replace(seen, trouble=found.strerror)
            else:
                disk[names[path]] = replace(seen, sha256=found)


def holders(
    dest: Path, wanted: Iterable[Wanted], records: Mapping[str, FileRecord]
) -> dict[int, FileRecord]:
    """Return the recorded files that are here of what is wanted elsewhere, by their assets."""
    eyes, place_of = Eyes(dest), {item.asset_id: item.path for item in wanted}
    return {
        record.asset_id: record
        for record in records.values()
        if record.asset_id is not None
        and not record.removed_at
        and place_of.get(record.asset_id, record.path) != record.path
        and is_as_recorded(record, eyes.look(record.path))
    }


def _look_at_all(
    dest: Path, wanted: Sequence[Wanted], records: Mapping[str, FileRecord]
) -> tuple[dict[str, OnDisk], list[str]]:
    """Return what is at the places, and at which of them the files have to be read."""
    eyes, disk, doubtful = Eyes(dest), {}, []
    for item in wanted:
        for path, record in _places_of(item, records):
            found = eyes.look(path)
            if found is not None:
                disk[path] = found
                if in_doubt(item, record, found):
                    doubtful.append(path)
    return disk, doubtful


def _places_of(
    wanted: Wanted, records: Mapping[str, FileRecord]
) -> list[tuple[str, FileRecord | None]]:
    """Return where a wanted file may be, and what is recorded of these places."""
    record = records.get(wanted.path)
    if record is not None and record.kind == "checksums":
        record = None
    places = [(wanted.path, record)]
    if record is None or not same_content(wanted, record):
        places.append((wanted.beside, records.get(wanted.beside)))
    return places
