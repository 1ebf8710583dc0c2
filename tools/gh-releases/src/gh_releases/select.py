"""Which releases are wanted: pure functions over values."""

from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from .models import Release


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which releases are wanted; the default is all of them.

    Attributes:
        since: only those published at this instant or later. A draft was not published, so
            it is never among them; likewise with `until`.
        until: only those published at this instant or earlier.
        tags: only those whose tag fits one of these globs; `*` stands for `/` too.
        prereleases: False leaves out pre-releases.
        drafts: False leaves out drafts.
    """

    since: datetime | None = None
    until: datetime | None = None
    tags: tuple[str, ...] = ()
    prereleases: bool = True
    drafts: bool = True

    def __call__(self, release: Release) -> bool:
        """Tell whether a release is wanted."""
        return (
            (self.prereleases or not release.prerelease)
            and (self.drafts or not release.draft)
            and self._published_in_time(release.published_at)
            and (not self.tags or any(fnmatchcase(release.tag_name, glob) for glob in self.tags))
        )

    def _published_in_time(self, published: datetime | None) -> bool:
        if published is None:
            return self.since is None and self.until is None
        if self.since is not None and published < self.since:
            return False
        return self.until is None or published <= self.until
