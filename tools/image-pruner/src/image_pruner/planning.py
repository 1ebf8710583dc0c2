"""The plan: a verdict for each image, and the order in which those that go are deleted.

The rules say which images are selected. Here it is settled which of these can go at all: not
the base of an image that stays, because that would free nothing and lose a name, or because
the daemon would refuse.
"""

from __future__ import annotations

from dataclasses import replace
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from .ages import FIRST_RELEASE, Dates
from .layers import Layers
from .models import Plan, Rule, Verdict
from .rules import Kept, keeping

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Protocol

    from .models import Image, Source, Stock

    class Selection(Protocol):
        """Says which images are kept by themselves, and why the others can go."""

        @property
        def by_tag(self) -> bool:
            """Whether an image's age is counted from its last tagging."""

        @property
        def max_delete(self) -> int | None:
            """How many images may go at most."""

        def keep(self, stock: Stock, dates: Dates, *, now: float) -> Kept:
            """Return the images that are kept by themselves."""

        def why(self, image: Image, age: float | None) -> Verdict:
            """Return the reason to delete an image."""

        def idle(self, stock: Stock) -> list[str]:
            """Return what names no image at all, in the user's words: perhaps a typo."""


def make_plan(stock: Stock, selection: Selection, source: Source, *, now: float) -> Plan:
    """Decide about every image.

    Args:
        stock: what the daemon has.
        selection: which images are meant.
        source: where images are inspected.
        now: in seconds since 1970.
    """
    dates = Dates(source, by_tag=selection.by_tag)
    kept = selection.keep(stock, dates, now=now)
    kinship = _Kinship(stock, kept)
    kinship.keep_parents()
    layers = kinship.layers(source)
    kinship.keep_bases(layers)
    kinship.note_bases(layers)
    order = kinship.order(_ages(stock, dates))
    if selection.max_delete is not None:
        kinship.limit(order, selection.max_delete, layers)
        order = [identity for identity in order if identity not in kept]
    freed = layers.freed([one for one in order if one not in kinship.steps])
    known = {image.id: _date(image, dates, by_tag=selection.by_tag) for image in stock.images}
    for identity in order:
        kept[identity] = kinship.why(identity, selection, known[identity], now, freed)
    return Plan(
        images=kinship.images,
        verdicts=kept,
        order=order,
        steps=kinship.steps,
        upon={identity: kinship.upon(identity) for identity in order},
        dates=known,
        exact=stock.is_counted and layers.exact,
    )


def _ages(stock: Stock, dates: Dates) -> dict[str, float]:
    """Return what to sort images by, the oldest first; those of unknown age come first."""
    return {image.id: dates.known.get(image.id, image.created) or 0.0 for image in stock.images}


def _date(image: Image, dates: Dates, *, by_tag: bool) -> float | None:
    if image.id in dates.known:
        return dates.known[image.id]
    return None if by_tag or image.created < FIRST_RELEASE else image.created


class _Kinship:
    """Which image was made from which, and who has to stay because of whom."""

    def __init__(self, stock: Stock, kept: Kept) -> None:
        self.images = {image.id: image for image in stock.images}
        self.kept = kept
        self.steps = stock.steps
        self._shared_layers = stock.shared_layers
        self._children: dict[str, list[str]] = {}
        for image in stock.images:
            self._children.setdefault(image.parent, []).append(image.id)
        self._built_on: dict[str, list[str]] = {}

    def keep_parents(self) -> None:
        """Keep what an image that stays was made from: the daemon would not delete it."""
        for identity in sorted(self.kept, key=self._named_first):
            self._keep_line(identity)

    def _named_first(self, identity: str) -> tuple[bool, str]:
        image = self.images[identity]
        return not image.names, image.title

    def _keep_line(self, identity: str) -> None:
        """Keep what one image that stays was made from."""
        child = self.images[identity]
        parent = child.parent
        while parent in self.images and parent not in self.kept:
            step = parent in self.steps
            rule, word = (Rule.STEP, "step") if step else (Rule.BASE, "base")
            self.kept[parent] = keeping(rule, f"{word} of {child.title}")
            parent = self.images[parent].parent

    def layers(self, source: Source) -> Layers:
        """Look at layers, as far as it takes."""
        lonely = set(self._lonely_steps())
        candidates, others = [], []
        for image in self.images.values():
            if image.id in lonely:
                others.append(replace(image, shared=None))
            elif image.id in self.steps:
                continue
            elif image.id in self.kept:
                others.append(image)
            else:  # the daemon counts what is shared without steps
                candidates.append(replace(image, shared=None) if lonely else image)
        bases = [
            image.id
            for image in candidates
            if image.names and (image.shared is None or image.shared >= image.size)
        ]
        shared = None if lonely else self._shared_layers
        return Layers(source, candidates, others, bases=bases, shared=shared)

    def _lonely_steps(self) -> Iterator[str]:
        """Yield steps that stay though nothing that was made from them does."""
        for identity in self.steps & self.kept.keys():
            if not any(child in self.kept for child in self._children[identity]):
                yield identity

    def keep_bases(self, layers: Layers) -> None:
        """Keep named images that others which stay are built upon, by their layers."""
        for image in self.images.values():
            derived = layers.base_of(image.id)
            if image.id in self.kept or derived is None or not image.names:
                continue
            reason = f"base of {self.images[derived].title}"
            self.kept[image.id] = keeping(Rule.BASE, reason)
            self._keep_line(image.id)

    def note_bases(self, layers: Layers) -> None:
        """Remember which images that go are built upon which, by their layers."""
        self._built_on = layers.upon()

    def upon(self, identity: str) -> list[str]:
        """Return the images that are made from one, or built upon it."""
        return [*self._children.get(identity, ()), *self._built_on.get(identity, ())]

    def order(self, ages: dict[str, float]) -> list[str]:
        """Return what goes: the oldest first, but nothing before what is built on it."""
        waits = {one: {*self.upon(one)} for one in self.images if one not in self.kept}
        below: dict[str, list[str]] = {}
        for identity, others in waits.items():
            for other in others:
                below.setdefault(other, []).append(identity)
        ready = [self._turn(identity, ages) for identity, others in waits.items() if not others]
        heapify(ready)
        order = []
        while ready:
            identity = heappop(ready)[-1]
            order.append(identity)
            for base in below.get(identity, ()):
                waits[base].remove(identity)
                if not waits[base]:
                    heappush(ready, self._turn(base, ages))
        for identity in waits.keys() - set(order):  # which no builder makes
            self.kept[identity] = keeping(Rule.BASE, "made from itself")
        return order

    def _turn(self, identity: str, ages: dict[str, float]) -> tuple[bool, float, str, str]:
        """Return when an image goes: a step as soon as nothing else needs it."""
        head = identity not in self.steps
        return head, ages[identity], self.images[identity].title, identity

    def limit(self, order: Sequence[str], number: int, layers: Layers) -> None:
        """Keep what is beyond the number of images that may go, and what that is built on."""
        rest = [identity for identity in order if identity not in self.steps][number:]
        for identity in rest:
            self.kept[identity] = keeping(Rule.LIMIT, f"beyond --max-delete {number}")
        for identity in rest:
            self._keep_line(identity)
        layers.hold(rest)
        self.keep_bases(layers)

    def why(
        self,
        identity: str,
        selection: Selection,
        date: float | None,
        now: float,
        freed: dict[str, int],
    ) -> Verdict:
        """Return the reason to delete an image."""
        if identity not in self.steps:
            age = None if date is None else now - date
            return replace(selection.why(self.images[identity], age), freed=freed[identity])
        head = self._children[identity][0]
        while head in self.steps:
            head = self._children[head][0]
        reason = f"step of {self.images[head].title}"
        return Verdict(delete=True, rule=Rule.STEP, reason=reason)
