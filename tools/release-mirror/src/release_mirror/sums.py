"""Our own SHA256SUMS in each release's folder, for `sha256sum -c`."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from .manifest import FileRecord
from .places import sums_path


class Sums(NamedTuple):
    """A SHA256SUMS file as it has to be.

    Attributes:
        path: below DEST.
        content: all of it.
        release_id: of a release whose files it lists.
    """

    path: str
    content: bytes
    release_id: int

    @property
    def sha256(self) -> str:
        """Its own digest."""
        return hashlib.sha256(self.content).hexdigest()


def expected_sums(records: Mapping[str, FileRecord]) -> dict[str, Sums]:
    """Return the SHA256SUMS that belong to the recorded files, by their folders."""
    folders: dict[str, list[FileRecord]] = {}
    for record in records.values():
        if record.kind != "checksums" and not record.removed_at:
            folders.setdefault(record.path.rpartition("/")[0], []).append(record)
    return {folder: _sums(folder, files) for folder, files in folders.items()}


def _sums(folder: str, files: Iterable[FileRecord]) -> Sums:
    ordered = sorted(files, key=lambda record: record.path)
    names = [PurePosixPath(record.path).name for record in ordered]
    lines = [f"{one.sha256}  {name}\n" for one, name in zip(ordered, names, strict=True)]
    path = sums_path(folder, names)
    return Sums(path=path, content="".join(lines).encode(), release_id=ordered[0].release_id)
