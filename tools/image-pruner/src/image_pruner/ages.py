"""When an image was made or tagged, as far as that can be believed, and how old it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .models import Image, Source

FIRST_RELEASE = 1_363_737_600.0
"""Docker's first, 2013-03-20, in seconds since 1970: no image was built before.

Builders that want the same bytes each time date their images 1970 or 1980 (distroless, Bazel,
Nix, buildpacks). By that date they would all be old.
"""

HOUR_S = 3600
DAY_S = 24 * HOUR_S


class Dates:
    """The dates of images, asked for only where the list does not have them.

    Args:
        source: where inspecting is done.
        by_tag: by the time an image was last tagged on this daemon, not by that of its build.
    """

    def __init__(self, source: Source, *, by_tag: bool) -> None:
        self._source = source
        self._by_tag = by_tag
        self.known: dict[str, float | None] = {}

    def find(self, images: Iterable[Image]) -> None:
        """Find the dates of these images, all at once."""
        new = [image for image in images if image.id not in self.known]
        plain = [] if self._by_tag else [one for one in new if one.created >= FIRST_RELEASE]
        self.known |= {image.id: image.created for image in plain}
        rest = [image.id for image in new if image.id not in self.known]
        details = self._source.details(rest) if rest else {}
        for identity in rest:
            tagged = details[identity].tagged if identity in details else None
            self.known[identity] = tagged


def old(seconds: float) -> str:
    """Return an age as people say it: `5h`, `47h`, `12d`."""
    if seconds < 2 * DAY_S:
        return f"{max(seconds, 0) // HOUR_S:.0f}h"
    return f"{seconds // DAY_S:.0f}d"
