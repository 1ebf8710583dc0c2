"""Reading the checksums that releases publish, from where the mirror keeps them."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from .manifest import FileRecord
from .places import Wanted
from .published import MAX_BYTES, checksums_in, is_checksums
from .survey import Eyes, is_as_recorded


def published_by(
    dest: Path,
    records: Mapping[str, FileRecord],
    wanted: Iterable[Wanted],
    releases: Collection[int],
) -> dict[str, frozenset[str]]:
    """Return what the stored checksums of some releases say of their files, by the files' paths.

    More than one digest for a file says that the checksums disagree.

    Args:
        dest: the mirror's folder.
        records: the manifest's files.
        wanted: the files that may be spoken of.
        releases: the ids of the releases.
    """
    items: dict[int, list[Wanted]] = {}
    for item in wanted:
        if item.release_id in releases and item.kind == "asset":
            items.setdefault(item.release_id, []).append(item)
    said: dict[str, set[str]] = {}
    eyes = Eyes(dest)
    for record in records.values():
        of_release = items.get(record.release_id)
        if of_release and _speaks(record) and is_as_recorded(record, eyes.look(record.path)):
            paths = {item.name: item.path for item in of_release if item.path != record.path}
            for name, digest in checksums_in(record.name, _text(dest / record.path), paths).items():
                said.setdefault(paths[name], set()).add(digest)
    return {path: frozenset(digests) for path, digests in said.items()}


def _speaks(record: FileRecord) -> bool:
    return (
        record.kind == "asset"
        and not record.removed_at
        and not record.gone_at
        and record.size <= MAX_BYTES
        and is_checksums(record.name)
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="replace")
    except OSError:
        return ""
