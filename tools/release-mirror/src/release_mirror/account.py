"""Keeping our own SHA256SUMS in each release's folder true to the manifest."""

import errno
from collections.abc import Callable, Mapping
from pathlib import Path

from toolroll_shared.files import AtomicFile

from .manifest import FileRecord, Manifest
from .parts import part_path
from .plan import OnDisk
from .sums import Sums, expected_sums
from .survey import Eyes, is_as_recorded


def write_sums(
    dest: Path, manifest: Manifest, repository_id: int, *, failed: Callable[[str, str], None]
) -> None:
    """Write the SHA256SUMS that are not as the manifest has it, and remove those of no file.

    They can be made anew at any time, so nothing waits for the disk.

    Args:
        dest: the mirror's folder.
        manifest: says what is there, and learns of them.
        repository_id: whose folders are meant.
        failed: told of a path, and why it could not be written.

    Raises:
        sqlite3.Error: the manifest cannot be written.
    """
    records, eyes = manifest.files(repository_id), Eyes(dest)
    expected = {sums.path: sums for sums in expected_sums(records).values()}
    written, forgotten = [], []
    for sums in expected.values():
        found, record = eyes.look(sums.path), records.get(sums.path)
        if not _is_current(sums, record, found):
            try:
                written.append(_write(dest, sums, record, found))
            except OSError as error:
                failed(sums.path, error.strerror or str(error))
    for record in _superfluous(records, expected):
        if is_as_recorded(record, eyes.look(record.path)):
            (dest / record.path).unlink(missing_ok=True)
        forgotten.append(record.path)
    if written:
        manifest.record(written)
    if forgotten:
        manifest.forget(forgotten)


def _superfluous(
    records: Mapping[str, FileRecord], expected: Mapping[str, Sums]
) -> list[FileRecord]:
    return [
        record
        for record in records.values()
        if record.kind == "checksums" and record.path not in expected
    ]


def _is_current(sums: Sums, record: FileRecord | None, found: OnDisk | None) -> bool:
    return record is not None and record.sha256 == sums.sha256 and is_as_recorded(record, found)


def _write(dest: Path, sums: Sums, record: FileRecord | None, found: OnDisk | None) -> FileRecord:
    """Write the file, unless somebody else's is in its place.

    Raises:
        OSError: it cannot be written.
    """
    path = dest / sums.path
    if found is not None and (record is None or not found.regular):
        if not found.regular or path.read_bytes() != sums.content:
            raise FileExistsError(
                errno.EEXIST, "another file is in its place; move it away", str(path)
            )
        status = path.stat()
    else:
        with AtomicFile(path, temporary=part_path(path)) as file:
            file.write(sums.content)
            status = file.commit(durable=False)
    return FileRecord(
        path=sums.path,
        release_id=sums.release_id,
        asset_id=None,
        kind="checksums",
        size=status.st_size,
        sha256=sums.sha256,
        mtime_ns=status.st_mtime_ns,
        verified_by="nothing",
    )
