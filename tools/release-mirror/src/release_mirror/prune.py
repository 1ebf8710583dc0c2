"""Removing mirrored files by a policy: what to remove is decided first, and shown."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from .account import write_sums
from .hashing import digest_of
from .manifest import FileRecord, Manifest, Mirrored, utc_now
from .plan import OnDisk
from .rules import Release
from .survey import Eyes, is_as_recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What to remove: files that fit every condition that is set.

    Attributes:
        gone: those that are gone upstream, or have another name there now.
        keep_last: none of the newest N releases that are mirrored of each repository.
        before: those of releases published earlier than this.
        tags: those of releases whose tag fits one of these globs.
        prereleases: those of pre-releases.
        include: those whose name fits one of these globs.
        unwanted: those that the rules of a configuration do not want.
    """

    gone: bool = False
    keep_last: int | None = None
    before: datetime | None = None
    tags: tuple[str, ...] = ()
    prereleases: bool = False
    include: tuple[str, ...] = ()
    unwanted: bool = False

    @property
    def is_any(self) -> bool:
        """Whether a condition is set."""
        return self != Policy()


class Removal(NamedTuple):
    """A file to remove, and what became of it: why not, if it was not."""

    repository: str
    record: FileRecord
    trouble: str | None = None


def doomed(
    records: Iterable[FileRecord],
    releases: Sequence[Release],
    policy: Policy,
    *,
    wanted: Collection[str] = (),
    superseded: Collection[str] = (),
) -> list[FileRecord]:
    """Return the recorded files of a repository that the policy removes.

    Args:
        records: all of them.
        releases: of the repository.
        policy: the conditions.
        wanted: the paths that are wanted, for `Policy.unwanted`.
        superseded: the paths of files that have other places by now.
    """
    here = [one for one in records if not one.removed_at and one.kind != "checksums"]
    mirrored = {record.release_id for record in here}
    by_age = sorted(
        (one for one in releases if one.id in mirrored),
        key=lambda release: (release.published_at or "", release.id),
        reverse=True,
    )
    kept = {one.id for one in by_age[: policy.keep_last or 0]}
    release_of = {release.id: release for release in releases}
    return [
        record
        for record in here
        if record.release_id not in kept
        and (not policy.gone or record.gone_at is not None or record.path in superseded)
        and _fits(record, release_of[record.release_id], policy)
        and not (policy.unwanted and record.path in wanted)
    ]


def _fits(record: FileRecord, release: Release, policy: Policy) -> bool:
    name = record.name or record.path.rpartition("/")[2]
    published = release.published_at
    return (
        (not policy.prereleases or release.prerelease)
        and (not policy.tags or any(fnmatchcase(release.tag, glob) for glob in policy.tags))
        and (not policy.include or any(fnmatchcase(name, glob) for glob in policy.include))
        and (
            policy.before is None
            or (published is not None and datetime.fromisoformat(published) < policy.before)
        )
    )


def remove(
    dest: Path,
    manifest: Manifest,
    repository: Mirrored,
    records: Sequence[FileRecord],
    *,
    notify: Callable[[str], None],
) -> list[Removal]:
    """Remove files, if they are what the mirror wrote, and note that they were pruned.

    Args:
        dest: the mirror's folder.
        manifest: learns of it.
        repository: whose files they are.
        records: the files.
        notify: told of SHA256SUMS that cannot be written.

    Raises:
        sqlite3.Error: the manifest cannot be written.
    """
    eyes, at = Eyes(dest), utc_now()
    removals = [
        Removal(repository.name, record, _remove(dest, record, eyes.look(record.path)))
        for record in records
    ]
    manifest.mark_removed([one.record.path for one in removals if one.trouble is None], at)
    write_sums(dest, manifest, repository.id, failed=lambda path, why: notify(f"{path}: {why}"))
    for folder in sorted({Path(record.path).parent for record in records}):
        _remove_if_empty(dest, folder)
    return removals


def _remove(dest: Path, record: FileRecord, seen: OnDisk | None) -> str | None:
    """Remove a file, or return why it is not removed."""
    if seen is None:
        return None
    if not seen.regular:
        return "is no regular file, or behind a link"
    if not is_as_recorded(record, seen):
        try:
            changed = seen.size != record.size or digest_of(dest / record.path) != record.sha256
        except OSError as error:
            return f"cannot be read: {error.strerror}"
        if changed:
            return "is not what the mirror wrote"
    try:
        (dest / record.path).unlink(missing_ok=True)
    except OSError as error:
        return f"cannot be removed: {error.strerror}"
    return None


def _remove_if_empty(dest: Path, folder: Path) -> None:
    """Remove a folder below DEST, and those around it, as far as they are empty."""
    for one in (folder, *folder.parents[:-1]):
        with suppress(OSError):
            (dest / one).rmdir()
