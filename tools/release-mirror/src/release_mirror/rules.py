"""Which releases and assets of a repository are wanted: pure functions over plain values."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import NamedTuple


class Release(NamedTuple):
    """A release as the index has it.

    Attributes:
        published_at: ISO 8601; None for a draft.
        html_url: its web page.
        gone: whether it is gone upstream.
    """

    id: int
    tag: str
    draft: bool
    prerelease: bool
    published_at: str | None
    html_url: str
    gone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Which releases and assets of a repository are wanted; drafts never are.

    Attributes:
        since: only releases published at this instant or later.
        tags: only those whose tag fits one of these globs; `*` stands for `/` too.
        prereleases: pre-releases as well.
        latest: only the one that upstream shows as its latest.
        keep_last: of those that fit, only so many, the newest by their publication.
        include: only assets whose name fits one of these globs.
        exclude: none whose name fits one of these.
        max_size: no assets of more bytes than this.
        source_archives: also the archives that GitHub makes of the tag; they change over time.
    """

    since: datetime | None = None
    tags: tuple[str, ...] = ()
    prereleases: bool = False
    latest: bool = False
    keep_last: int | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_size: int | None = None
    source_archives: bool = False

    @property
    def names_something(self) -> bool:
        """Whether it is odd that nothing fits: a name may be misspelt."""
        return bool(self.tags or self.include or self.latest)

    def takes(self, asset: str) -> bool:
        """Tell whether an asset of that name is wanted."""
        return (not self.include or _fits(asset, self.include)) and not _fits(asset, self.exclude)

    def exceeded(self, size: int) -> bool:
        """Tell whether an asset of so many bytes is too large."""
        return self.max_size is not None and size > self.max_size


def wanted_releases(
    releases: Iterable[Release], rules: Rules, *, latest_id: int | None
) -> list[Release]:
    """Return the releases that the rules want, newest publication first.

    Args:
        releases: all of the repository's.
        rules: which of them.
        latest_id: of the one that upstream shows as its latest.
    """
    fitting = [
        release
        for release in releases
        if not release.draft
        and not release.gone
        and release.published_at is not None
        and (rules.prereleases or not release.prerelease)
        and (not rules.latest or release.id == latest_id)
        and (not rules.tags or _fits(release.tag, rules.tags))
        and (rules.since is None or datetime.fromisoformat(release.published_at) >= rules.since)
    ]
    fitting.sort(key=lambda release: (release.published_at or "", release.id), reverse=True)
    return fitting[: rules.keep_last]


def _fits(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
