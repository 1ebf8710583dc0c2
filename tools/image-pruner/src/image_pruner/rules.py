"""Which images are selected: the options, and what each of them says of an image.

What is not selected is kept; whether the rest can go depends on what is built on it
(see `planning`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .ages import FIRST_RELEASE, Dates, old
from .models import Rule, Verdict
from .names import excluding, familiar, repositories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from .models import Container, Image, Stock
    from .names import Filter

_STATES = ("running", "paused", "restarting")
"""Those that come first where several containers use an image."""


class Label(NamedTuple):
    """What `--label` selects: `KEY`, `KEY=VALUE`, or with a `!` before it, what has it not."""

    text: str
    key: str
    value: str | None
    absent: bool

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Tell whether an image with these labels is selected."""
        there = self.key in labels and self.value in {None, labels[self.key]}
        return there != self.absent


def parse_label(text: str) -> Label:
    """Return what a `--label` means.

    Raises:
        ValueError: it has no key.
    """
    absent = text.startswith("!")
    key, equals, value = text.removeprefix("!").partition("=")
    if not key:
        raise ValueError(f"{text!r} is not a label: KEY, KEY=VALUE or !KEY[=VALUE]")
    return Label(text, key, value if equals else None, absent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What the options select: images that fit all of them.

    `older_than` is in seconds, and `age` what was asked for, in the user's words.
    """

    older_than: float | None = None
    age: str = ""
    filters: Sequence[Filter] = ()
    labels: Sequence[Label] = ()
    excludes: Sequence[str] = ()
    dangling: bool = False
    keep_last: int | None = None
    by_tag: bool = False
    max_delete: int | None = None

    @property
    def only_dangling(self) -> bool:
        """Whether named images are left alone: asked for, or nothing else is."""
        some = self.filters or self.labels or self.keep_last is not None
        return self.dangling or not (some or self.older_than is not None)

    def keep(self, stock: Stock, dates: Dates, *, now: float) -> Kept:
        """Return the images that are not selected, each with the reason.

        Steps on the way to another image are not selected by themselves, but may be excluded.

        Args:
            stock: what the daemon has.
            dates: finds the dates that are needed.
            now: in seconds since 1970.
        """
        kept = protected(stock)
        if self.excludes:
            kept |= _judged(stock.images, kept, self._excluded)
        heads = stock.heads
        kept |= _judged(heads, kept, self._first_look)
        if self.older_than is not None:
            dates.find(image for image in heads if image.id not in kept)
            kept |= _judged(heads, kept, lambda image: self._by_age(image, dates, now))
        if self.keep_last is not None:
            kept |= self._last(heads, kept, dates)
        return kept

    def why(self, image: Image, age: float | None) -> Verdict:
        """Return the reason to delete an image that is selected; its age is in seconds."""
        rule = Rule.UNUSED if image.names else Rule.DANGLING
        tagged = self.by_tag or image.created < FIRST_RELEASE
        since = "" if age is None else f", tagged {old(age)} ago" if tagged else f", {old(age)} old"
        return Verdict(delete=True, rule=rule, reason=f"{rule.value}{since}")

    def idle(self, stock: Stock) -> list[str]:
        """Return the options that name no image at all, as they were given: perhaps a typo."""
        names = [name for image in stock.images for name in image.names]
        globs = (one for one in self.excludes if not any(excluding([one], i) for i in stock.images))
        filters = (one.text for one in self.filters if not any(map(one.fits, names)))
        return [f"--exclude {one}" for one in globs] + [f"--filter {one}" for one in filters]

    def _excluded(self, image: Image) -> Verdict | None:
        pattern = excluding(self.excludes, image)
        return keeping(Rule.EXCLUDED, f"excluded by {pattern}") if pattern else None

    def _first_look(self, image: Image) -> Verdict | None:
        """Judge by what the list of images tells."""
        if self.only_dangling and image.names:
            return keeping(Rule.NOT_SELECTED, "not dangling")
        if self.filters and (reason := self._outside(image)):
            return keeping(Rule.NOT_SELECTED, reason)
        wrong = next((label for label in self.labels if not label.fits(image.labels)), None)
        if wrong:
            has = "has" if wrong.absent else "has no"
            return keeping(Rule.NOT_SELECTED, f"{has} label {wrong.text.removeprefix('!')}")
        return None

    def _outside(self, image: Image) -> str | None:
        fitting = [name for name in image.names if any(one.fits(name) for one in self.filters)]
        if not fitting:
            return f"not in {' or '.join(one.text for one in self.filters)}"
        beyond = [name for name in image.names if name not in fitting]
        return f"also named {beyond[0]}" if beyond else None

    def _by_age(self, image: Image, dates: Dates, now: float) -> Verdict | None:
        date = dates.known[image.id]
        if date is None:
            return keeping(Rule.UNDATED, "of unknown age")
        if now - date < (self.older_than or 0):
            return keeping(Rule.NEWER, f"newer than {self.age}")
        return None

    def _last(self, heads: Sequence[Image], kept: Kept, dates: Dates) -> Kept:
        """Keep the last images of each repository that an image in question is in."""
        asked = {
            repository
            for image in heads
            if image.id not in kept
            for repository in repositories(image)
        }
        members: dict[str, list[Image]] = {repository: [] for repository in sorted(asked)}
        for image in heads:
            for repository in repositories(image) & asked:
                members[repository].append(image)
        dates.find(image for images in members.values() for image in images)
        last: Kept = {}
        for repository, images in members.items():
            for identity, reason in self._last_of(repository, images, dates):
                last.setdefault(identity, reason)
        return {identity: why for identity, why in last.items() if identity not in kept}

    def _last_of(
        self, repository: str, images: Sequence[Image], dates: Dates
    ) -> Iterator[tuple[str, Verdict]]:
        """Yield those of one repository: what is as old as the last one of them is one, too."""
        number = self.keep_last or 1
        found = [(dates.known[image.id], image.id) for image in images]
        dated = sorted((date for date, _ in found if date is not None), reverse=True)
        limit = dated[:number][-1] if dated else None
        name = familiar(repository)
        for date, identity in found:
            if date is None:
                yield identity, keeping(Rule.UNDATED, "of unknown age")
            elif limit is not None and date >= limit:
                yield identity, keeping(Rule.LAST, f"last {number} of repo {name}")


Kept = dict[str, Verdict]
"""Images that are kept, by id."""


def protected(stock: Stock) -> Kept:
    """Return the images that containers use, running or not: none of them ever goes."""
    users: dict[str, list[Container]] = {}
    for container in stock.containers:
        users.setdefault(container.image, []).append(container)
    return {image.id: used_by(users[image.id]) for image in stock.images if image.id in users}


def used_by(containers: Sequence[Container]) -> Verdict:
    """Return why an image is kept that these containers use."""
    first = min(containers, key=lambda one: (one.state not in _STATES, one.name))
    more = f" and {len(containers) - 1} more" if len(containers) > 1 else ""
    return keeping(Rule.USED, f"used by container {first.name} ({first.state}){more}")


def _judged(images: Iterable[Image], kept: Kept, judge: Callable[[Image], Verdict | None]) -> Kept:
    verdicts = ((one.id, judge(one)) for one in images if one.id not in kept)
    return {identity: verdict for identity, verdict in verdicts if verdict}


def keeping(rule: Rule, reason: str) -> Verdict:
    """Return the verdict that an image stays."""
    return Verdict(delete=False, rule=rule, reason=reason)
