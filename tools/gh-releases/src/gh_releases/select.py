"""Which releases are wanted: pure functions over values."""

from datetime import datetime

from .models import Release


def published_since(release: Release, since: datetime | None) -> bool:
    """Tell whether a release was published at `since` or later; None asks for everything.

    A draft was not published, so it is never newer than anything.
    """
    if since is None:
        return True
    return release.published is not None and release.published >= since
