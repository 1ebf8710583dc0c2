"""What a mirror holds of each repository, and how fresh that is."""

from dataclasses import dataclass
from datetime import UTC, datetime

from .manifest import FileRecord, Manifest, Mirrored


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a repository stands; times are UTC text.

    Attributes:
        repository: OWNER/REPO.
        releases: how many have a file here.
        files: how many there are.
        bytes: in all of them.
        gone_files: how many of these are gone upstream.
        newest_tag: of the release here that was published last.
        newest_published_at: when that was.
        unchecked: files that only their size vouched for, or nothing.
        gone_at: since when the repository itself is not to be found.
        finished_at: the end of the last run that was not cut off.
        failed: what it could not mirror.
        complete_at: the end of the last run in which nothing failed.
    """

    repository: str
    releases: int
    files: int
    bytes: int
    gone_files: int
    newest_tag: str | None
    newest_published_at: str | None
    unchecked: int
    gone_at: str | None
    finished_at: str | None
    failed: int | None
    complete_at: str | None

    def age_s(self, now: datetime) -> float | None:
        """Return the seconds since the last complete run; None if there was none."""
        if self.complete_at is None:
            return None
        return (now - datetime.fromisoformat(self.complete_at)).total_seconds()


def standings(manifest: Manifest) -> list[Standing]:
    """Return how each repository stands, by name."""
    return [_standing(manifest, one) for one in manifest.repositories()]


def stale(
    found: list[Standing], *, max_age_s: float, now: datetime | None = None
) -> list[Standing]:
    """Return those whose last complete run is longer ago than so many seconds, or never was."""
    now = now or datetime.now(UTC)
    ages = [(one, one.age_s(now)) for one in found]
    return [one for one, age in ages if age is None or age > max_age_s]


def _standing(manifest: Manifest, mirrored: Mirrored) -> Standing:
    files = [
        record
        for record in manifest.files(mirrored.id).values()
        if not record.removed_at and record.kind != "checksums"
    ]
    here = {record.release_id for record in files}
    releases = [one for one in manifest.releases(mirrored.id) if one.id in here]
    newest = max(releases, key=lambda one: (one.published_at or "", one.id), default=None)
    return Standing(
        repository=mirrored.name,
        releases=len(here),
        files=len(files),
        bytes=sum(record.size for record in files),
        gone_files=sum(record.gone_at is not None for record in files),
        newest_tag=newest and newest.tag,
        newest_published_at=newest and newest.published_at,
        unchecked=sum(map(_is_unchecked, files)),
        gone_at=mirrored.gone_at,
        finished_at=mirrored.finished_at,
        failed=mirrored.failed,
        complete_at=mirrored.complete_at,
    )


def _is_unchecked(record: FileRecord) -> bool:
    return record.verified_by in {"size", "nothing"}
