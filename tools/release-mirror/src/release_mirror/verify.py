"""Holding every file against the manifest, by reading all of it; nothing is changed here."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from toolroll_shared.errors import ToolError

from .hashing import DEFAULT_JOBS, digests
from .lock import LOCK_NAME
from .manifest import MANIFEST_NAME, FileKind, FileRecord, Manifest, Mirrored
from .parts import PREFIX
from .plan import OnDisk
from .progress import Nobody, Watcher
from .survey import Eyes

FindingKind = Literal["missing", "changed", "orphaned", "unrecorded"]
"""missing: recorded, and not there. changed: there, and not what was recorded. orphaned: as
recorded, but gone upstream. unrecorded: there, and not in the manifest."""

BROKEN = frozenset({"missing", "changed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A file that is not simply as it should be.

    Attributes:
        kind: what is the matter.
        path: below DEST.
        repository: OWNER/REPO, where it is known.
        reason: more of it, for people.
        holds: what kind of file it is to be, as recorded.
        seen: what is there.
    """

    kind: FindingKind
    path: str
    repository: str | None
    reason: str
    holds: FileKind | None = None
    seen: OnDisk | None = None


@dataclass(slots=True, kw_only=True)
class Findings:
    """What a check came to.

    Attributes:
        checked: recorded files that were looked at.
        bytes: how many were read.
        found: what is not simply as it should be, by path.
    """

    checked: int = 0
    bytes: int = 0
    found: list[Finding] = field(default_factory=list)

    @property
    def broken(self) -> list[Finding]:
        """What is missing or changed."""
        return [one for one in self.found if one.kind in BROKEN]

    def of(self, kind: FindingKind) -> list[Finding]:
        """Return the findings of a kind."""
        return [one for one in self.found if one.kind == kind]


def chosen(manifest: Manifest, names: Sequence[str]) -> list[Mirrored]:
    """Return the repositories of these names, or all of them if no name is given.

    Raises:
        ToolError: there is no such repository in the manifest.
    """
    known = manifest.repositories()
    if not names:
        return known
    by_name = {one.name.lower(): one for one in known}
    for name in names:
        if name.lower() not in by_name:
            raise ToolError(f"{name}: is not mirrored here")
    return [by_name[name.lower()] for name in dict.fromkeys(names)]


async def verify(
    dest: Path,
    manifest: Manifest,
    names: Sequence[str] = (),
    *,
    jobs: int = DEFAULT_JOBS,
    watcher: Watcher | None = None,
) -> Findings:
    """Read every recorded file and compare it with the manifest; look for others, too.

    Args:
        dest: the mirror's folder.
        manifest: its account.
        names: repositories, or none for all of DEST.
        jobs: files read at once.
        watcher: told how far it is.

    Raises:
        ToolError: there is no such repository in the manifest.
    """
    findings, watcher = Findings(), watcher or Nobody()
    repositories = chosen(manifest, names)
    records = {
        repository: [one for one in manifest.files(repository.id).values() if not one.removed_at]
        for repository in repositories
    }
    known = {record.path for files in records.values() for record in files}
    total = sum(record.size for files in records.values() for record in files)
    watcher.begin(len(known), total)
    for repository, files in records.items():
        await _check(dest, repository, files, findings, jobs=jobs, watcher=watcher)
    roots = [one.name for one in repositories] if names else [""]
    for path in _unrecorded(dest, roots, known):
        repository_name = "/".join(path.split("/")[:2]) if path.count("/") > 1 else None
        findings.found.append(
            Finding(
                kind="unrecorded",
                path=path,
                repository=repository_name,
                reason="is not in the manifest",
            )
        )
    findings.found.sort(key=lambda finding: finding.path)
    return findings


async def _check(
    dest: Path,
    repository: Mirrored,
    records: Iterable[FileRecord],
    findings: Findings,
    *,
    jobs: int,
    watcher: Watcher,
) -> None:
    """Add what is the matter with a repository's recorded files."""
    eyes, to_read = Eyes(dest), {}
    for record in records:
        findings.checked += 1
        seen = eyes.look(record.path)
        finding = _at_a_glance(record, seen, repository.name)
        if finding is not None:
            findings.found.append(finding)
        else:
            to_read[dest / record.path] = record
    async with aclosing(digests(to_read, jobs=jobs)) as results:
        async for path, digest in results:
            record = to_read[path]
            watcher.advance(record.path, None, record.size)
            watcher.end(record.path)
            findings.bytes += record.size
            finding = _after_reading(record, digest, repository)
            if finding is not None:
                findings.found.append(finding)


def _at_a_glance(record: FileRecord, seen: OnDisk | None, repository: str) -> Finding | None:
    """Return what can be said without reading the file, if it is bad."""
    kind: FindingKind = "changed"
    if seen is None:
        kind, reason = "missing", "is not there"
    elif not seen.regular:
        reason = "is no regular file, or behind a link"
    elif seen.trouble is not None:
        reason = f"cannot be read: {seen.trouble}"
    elif seen.size != record.size:
        reason = f"has {seen.size} bytes, not {record.size}"
    else:
        return None
    return Finding(
        kind=kind,
        path=record.path,
        repository=repository,
        reason=reason,
        holds=record.kind,
        seen=seen,
    )


def _after_reading(
    record: FileRecord, digest: str | OSError, repository: Mirrored
) -> Finding | None:
    if isinstance(digest, OSError):
        reason = f"cannot be read: {digest.strerror}"
        seen = OnDisk(size=record.size, trouble=digest.strerror)
    elif digest != record.sha256:
        reason = f"sha256 is {digest}, not {record.sha256}"
        seen = OnDisk(size=record.size, mtime_ns=record.mtime_ns, sha256=digest)
    else:
        gone_at = record.gone_at or repository.gone_at
        if gone_at is None or record.kind == "checksums":
            return None
        return Finding(
            kind="orphaned",
            path=record.path,
            repository=repository.name,
            reason=f"gone upstream since {gone_at}",
            holds=record.kind,
        )
    return Finding(
        kind="changed",
        path=record.path,
        repository=repository.name,
        reason=reason,
        holds=record.kind,
        seen=seen,
    )


def _unrecorded(dest: Path, roots: Iterable[str], known: set[str]) -> Iterator[str]:
    """Yield the paths below DEST of what is no folder, and neither recorded nor our own."""
    for root in roots:
        for folder, folders, files in os.walk(dest / root):
            below = Path(folder).relative_to(dest).as_posix()
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            for name in files + links:
                path = name if below == "." else f"{below}/{name}"
                if path not in known and not _is_own(path, name):
                    yield path


def _is_own(path: str, name: str) -> bool:
    return (
        name.startswith(PREFIX)
        or path == LOCK_NAME
        or path.removeprefix(".").startswith(MANIFEST_NAME)
    )
