"""What deleting images frees: the layers that only they have, each counted once.

A layer is what it is only on top of those below it, so the layers of all images are a tree.
The daemon says for each image how much of it others have, too. That answers most of it;
images are inspected only where layers that several images in question share could go. Mostly
none can: then a few images that stay have every byte that is shared, by the daemon's own sums.
"""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING

from .histories import layer_sizes
from .names import repositories

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from .models import Image, Source, Step

AT_ONCE = 32
"""Images that stay which are inspected before we look whether that was enough."""

SPARED = 2
"""Inspections that have to be spared for each that tries to."""


class _Tree:
    """Layers as numbered nodes of a tree."""

    def __init__(self) -> None:
        self._nodes: dict[tuple[int, str], int] = {}

    def path(self, layers: Iterable[str]) -> list[int]:
        """Return the nodes of an image's layers, lowest first."""
        node, path = -1, []
        for layer in layers:
            node = self._nodes.setdefault((node, layer), len(self._nodes))
            path.append(node)
        return path


class Layers:
    """The layers of images that may go, and of as many of the others as it takes.

    Args:
        source: where images are inspected.
        candidates: the images that may go.
        others: those that stay.
        bases: of the candidates, those that may turn out to be the base of another image.
        shared: what the layers take that more than one image has, in bytes; None is unknown.
    """

    def __init__(
        self,
        source: Source,
        candidates: Sequence[Image],
        others: Sequence[Image],
        *,
        bases: Collection[str],
        shared: int | None = None,
    ) -> None:
        self.exact = True
        self._source = source
        self._images = {image.id: image for image in (*candidates, *others)}
        self._candidates = {image.id for image in candidates}
        self._tree = _Tree()
        self._paths: dict[str, list[int]] = {}
        self._held: set[int] = set()
        self._below: dict[int, int] = {}
        self._histories: set[str] = set()
        self._derived: dict[int, str] = {}
        self._look(bases)
        spared = shared is not None and self._all_shared_stay(candidates, others, bases, shared)
        self._look_at_candidates([] if spared else candidates)
        self._look_at_others([] if spared else others, bases)

    def base_of(self, identity: str) -> str | None:
        """Return the id of an image that stays and has all layers of this one, and more."""
        path = self._paths.get(identity)
        return self._derived.get(path[-1]) if path else None

    def upon(self) -> dict[str, list[str]]:
        """Return candidates that others among them have all layers of, with those others."""
        ends: dict[int, list[str]] = {}
        for identity in self._contested:
            if (path := self._paths[identity]) and self._images[identity].names:
                ends.setdefault(path[-1], []).append(identity)
        found: dict[str, list[str]] = {}
        for identity in self._contested:
            for node in self._paths[identity][:-1]:
                for base in ends.get(node, ()):
                    found.setdefault(base, []).append(identity)
        return found

    def hold(self, identities: Iterable[str]) -> None:
        """Take it that these images stay, and so do their layers."""
        for identity in identities:
            path = self._paths.get(identity, [])
            self._held.update(path)
            for node in path[:-1]:
                self._derived.setdefault(node, identity)

    def freed(self, order: Sequence[str]) -> dict[str, int]:
        """Return what deleting each image frees at its turn, in bytes.

        Args:
            order: the images that go, one after the other; all others stay.
        """
        self.hold(self._contested.keys() - set(order))
        users = Counter(node for one in order for node in self._paths.get(one, ()))
        freed = {}
        for identity in order:
            path = self._paths.get(identity)
            if path is None:
                image = self._images[identity]
                freed[identity] = image.size - (image.shared or 0)
                continue
            users.subtract(path)
            stop = _deepest(path, lambda node: node in self._held or users[node] > 0)
            freed[identity] = self._released(identity, stop)
        return freed

    def _released(self, identity: str, stop: int) -> int:
        """Return what goes with an image whose path others need up to `stop`."""
        image = self._images[identity]
        if image.shared is not None and stop >= self._contested[identity]:
            return image.size - image.shared
        return max(image.size - self._size_below(identity, stop), 0)

    def _all_shared_stay(
        self,
        candidates: Sequence[Image],
        others: Sequence[Image],
        bases: Collection[str],
        shared: int,
    ) -> bool:
        """Tell whether a few images that stay have all layers that images share, to the byte.

        If so, each candidate frees what it has alone, and need not be inspected for that.
        """
        likely = _likely(one for one in others if one.shared)
        samples = [*dict.fromkeys(likely.values())]
        if SPARED * len(samples) > sum(one.shared != 0 for one in candidates):
            return False
        self._look(samples)
        self.hold(samples)
        return shared == self._shared_by(samples) and not self._unsettled(bases)

    def _shared_by(self, identities: Collection[str]) -> int | None:
        """Return what the layers take that these images share, with whomever; None is unknown."""
        total, seen = 0, set[int]()
        for identity in identities:
            if identity not in self._paths:  # gone meanwhile
                return None
            path = self._paths[identity]
            size = self._known_below(identity, _deepest(path, seen.__contains__))
            if size is None:
                return None
            total += max((self._images[identity].shared or 0) - size, 0)
            seen.update(path)
        return total

    def _look_at_candidates(self, candidates: Sequence[Image]) -> None:
        sharing = [one for one in candidates if one.shared != 0]
        if len(sharing) > 1 or any(one.shared is None for one in sharing):
            self._look([one.id for one in sharing])
        paths = {one: path for one, path in self._paths.items() if one in self._candidates}
        users = Counter(node for path in paths.values() for node in path)
        self._contested = {
            identity: len(path) - 1
            if self._images[identity].shared is None
            else _deepest(path, lambda node: users[node] > 1)
            for identity, path in paths.items()
        }

    def _look_at_others(self, others: Sequence[Image], bases: Collection[str]) -> None:
        pending = {one.id: one for one in others if one.id not in self._paths}
        self._take(pending, self._guesses(pending))
        while pending and (floor := self._floor(bases)) is not None:
            wanted = [one for one in pending.values() if one.shared is None or one.shared > floor]
            wanted.sort(key=lambda one: (one.shared is not None, -(one.shared or 0), one.id))
            if not wanted:
                return
            self._take(pending, [one.id for one in wanted[:AT_ONCE]])

    def _take(self, pending: dict[str, Image], identities: Collection[str]) -> None:
        """Look at images that stay."""
        self._look(identities)
        self.hold(identities)
        for identity in identities:
            del pending[identity]

    def _guesses(self, pending: dict[str, Image]) -> list[str]:
        """Return, for layers in question, an image each that most likely has them, too."""
        likely = _likely(pending.values())
        guesses = {}
        for identity in self._open():
            image = self._images[identity]
            node = self._paths[identity][self._contested[identity]]
            guess = next((likely[key] for key in _kinds(image) if key in likely), None)
            if guess and node not in guesses:
                guesses[node] = guess
        return [*dict.fromkeys(guesses.values())]

    def _unsettled(self, bases: Collection[str]) -> list[str]:
        """Return those that no image is known to be built on yet; on no layer none can be."""
        return [one for one in bases if self._paths.get(one) and self.base_of(one) is None]

    def _open(self) -> list[str]:
        """Return the candidates with layers that might go, or might not, as far as is known."""
        return [
            identity
            for identity, contested in self._contested.items()
            if contested >= 0 and self._paths[identity][contested] not in self._held
        ]

    def _floor(self, bases: Collection[str]) -> int | None:
        """Return what an image that stays has to share, in bytes, at least to matter still."""
        floors = [self._images[one].size - 1 for one in self._unsettled(bases)]
        deepest: dict[int, str] = {}
        for identity in self._open():
            if self._images[identity].shared is None:
                return 0
            deepest.setdefault(self._paths[identity][self._contested[identity]], identity)
        for identity in deepest.values():
            known = _deepest(self._paths[identity], self._held.__contains__)
            floors.append(self._size_below(identity, known, at_least=True))
        return min(floors, default=None)

    def _look(self, identities: Collection[str]) -> None:
        for identity, detail in self._source.details(identities).items():
            path = self._tree.path(detail.layers)
            self._paths[identity] = path
            if path:
                self._below[path[-1]] = self._images[identity].size

    def _size_below(self, identity: str, index: int, *, at_least: bool = False) -> int:
        """Return the size of an image's lowest layers, up to and with one, in bytes."""
        if (size := self._known_below(identity, index)) is not None:
            return size
        path = self._paths[identity]
        known = [self._below[node] for node in path[:index] if node in self._below]
        if at_least:
            return known[-1] if known else 0
        self.exact = False
        above = (self._below[node] for node in path[index:] if node in self._below)
        return next(above)

    def _known_below(self, identity: str, index: int) -> int | None:
        """Return the same, None where it is not known for sure."""
        if index < 0:
            return 0
        path = self._paths[identity]
        if path[index] not in self._below and identity not in self._histories:
            self._histories.add(identity)
            self._learn(path, self._source.history(identity))
        return self._below.get(path[index])

    def _learn(self, path: list[int], history: Sequence[Step]) -> None:
        """Take the sizes of layers from an image's history, where it is clear which is which."""
        sizes = layer_sizes(history, len(path))
        if sizes is None:
            return
        for node, size in zip(path, accumulate(sizes), strict=True):
            self._below.setdefault(node, size)


def _likely(images: Iterable[Image]) -> dict[tuple[str, int | None], str]:
    """Return an image each by what those with the same layers below their own have in common."""
    return {kind: image.id for image in images for kind in _kinds(image)}


def _kinds(image: Image) -> list[tuple[str, int | None]]:
    """Return a repository and how much is shared, the second alone where nothing fits both."""
    return [(repository, image.shared) for repository in (*sorted(repositories(image)), "")]


def _deepest(path: Sequence[int], fits: Callable[[int], bool]) -> int:
    """Return the index of the last node that fits, -1 if none does."""
    return next((index for index in range(len(path) - 1, -1, -1) if fits(path[index])), -1)
