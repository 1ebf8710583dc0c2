"""What a daemon has, and what is decided about it, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Protocol

SHORT_ID = 12
"""Letters of an id that people get to see, as docker shows them."""


class Rule(StrEnum):
    """Why an image is kept or deleted; the `rule` of `--json`, so never renamed."""

    USED = "used"
    EXCLUDED = "excluded"
    NOT_SELECTED = "not-selected"
    NEWER = "newer"
    UNDATED = "undated"
    LAST = "last"
    BASE = "base"
    LIMIT = "limit"
    CHANGED = "changed"
    REFUSED = "refused"
    STOPPED = "stopped"
    FAILED = "failed"
    DANGLING = "dangling"
    UNUSED = "unused"
    STEP = "step"
    PLANNED = "planned"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image, as the daemon lists it.

    `created` is in seconds since 1970, and what the builder claims. `shared` is what it
    has in common with other images, in bytes; None where the daemon does not say.
    `parent` is what the classic builder or a commit made it from, mostly "".
    """

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    parent: str = ""
    created: float = 0.0
    size: int = 0
    shared: int | None = None
    labels: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that it can be called by, but for its id."""
        return self.tags + self.digests

    @property
    def title(self) -> str:
        """How people call it: by a tag, else by a digest, else by a short id."""
        if self.tags:
            return self.tags[0]
        if self.digests:
            repository, _, digest = self.digests[0].partition("@")
            return f"{repository}@{short_id(digest)}"
        return short_id(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container, running or not, and the id of the image that it was made from."""

    name: str
    image: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """What the daemon says of the space that it uses, in bytes.

    `layers` is what those of all images take, None where it does not say; `cache_shared` what
    the build cache has of them, `cache_own` what it has besides.
    """

    layers: int | None = None
    cache_shared: int = 0
    cache_own: int = 0

    def freed_since(self, before: Space) -> tuple[int | None, int]:
        """Return what became free, and what has no image any more but is in the build cache."""
        given_up = max(before.cache_shared - self.cache_shared, 0)
        cached = min(max(self.cache_own - before.cache_own, 0), given_up)
        if self.layers is None or before.layers is None:
            return None, cached
        return before.layers - self.layers - cached, cached


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """All images and containers of a daemon.

    `daemon` tells it from all others. `exact`: sizes are those of layers, so that sums and
    differences of them are exact.
    """

    images: Sequence[Image]
    containers: Sequence[Container]
    space: Space
    daemon: str = ""
    exact: bool = True

    @property
    def steps(self) -> set[str]:
        """The ids of nameless images that another one was made from: no builder shows them."""
        parents = {image.parent for image in self.images}
        return {image.id for image in self.images if not image.names and image.id in parents}

    @property
    def orphans(self) -> list[Container]:
        """Containers whose image was removed by force: its layers are there still, unseen."""
        images = {image.id for image in self.images}
        return [one for one in self.containers if one.image and one.image not in images]

    @property
    def is_counted(self) -> bool:
        """Whether nothing but images is known to hold layers: neither containers nor a cache."""
        return self.exact and not self.orphans and not self.space.cache_shared

    @property
    def heads(self) -> list[Image]:
        """All images but the steps."""
        steps = self.steps
        return [image for image in self.images if image.id not in steps]

    @property
    def shared_layers(self) -> int | None:
        """What the layers take that several images have, in bytes; None is unknown."""
        sizes = [(image.size, image.shared) for image in self.heads]
        own = [size - shared for size, shared in sizes if shared is not None]
        if self.space.layers is None or len(own) < len(sizes):
            return None
        return self.space.layers - sum(own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What only inspecting an image tells: layers, lowest first, and when it was last tagged."""

    layers: tuple[str, ...]
    tagged: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Keep or delete an image, and why.

    `freed` is what its deletion frees at its turn, in bytes.
    """

    delete: bool
    rule: Rule
    reason: str
    freed: int = 0

    @property
    def decision(self) -> str:
        """The `decision` of `--json`."""
        return "delete" if self.delete else "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A verdict for each image, and the order of deletion: what is built on another goes first.

    `steps` are the nameless images on the way to others; they count for nothing by themselves.
    `upon` has the images that are built on one that goes: they have to be gone before it.
    `dates` is when each image was made, or tagged, in seconds since 1970: None where that is
    not known, absent where nobody asked. `exact`: the freed bytes are no estimate.
    """

    images: Mapping[str, Image]
    verdicts: Mapping[str, Verdict]
    order: Sequence[str]
    steps: Collection[str]
    upon: Mapping[str, Sequence[str]]
    dates: Mapping[str, float | None]
    exact: bool = True

    @property
    def freed(self) -> int:
        """What deleting all of it frees, in bytes."""
        return sum(verdict.freed for verdict in self.verdicts.values() if verdict.delete)

    def heads(self, ids: Collection[str]) -> list[str]:
        """Return those of some images that are no steps."""
        return [identity for identity in ids if identity not in self.steps]


if TYPE_CHECKING:

    class Source(Protocol):
        """Where planning gets what a list of images does not tell."""

        def details(self, ids: Collection[str]) -> Mapping[str, Detail]:
            """Inspect images; what is gone is left out. None is inspected twice."""

        def history(self, identity: str) -> Sequence[Step]:
            """Return the steps that an image was made in, the first one first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of an image's history: what made it, and the size of its layer, in bytes."""

    size: int
    instruction: str


def short_id(identity: str) -> str:
    """Return the first letters of an id or digest, without its `sha256:`."""
    return identity.rpartition(":")[2][:SHORT_ID]
