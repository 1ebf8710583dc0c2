"""Names of images: what `--filter` and `--exclude` mean.

The grammar is that of the distribution project: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`, where
`app` is short for `docker.io/library/app`.
"""

from __future__ import annotations

import re
from fnmatch import translate
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from .models import short_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .models import Image

HUB = "docker.io"
OFFICIAL = "library"
_ALIASES = {"index.docker.io": HUB}
_REPOSITORY = re.compile(r"[a-zA-Z0-9._:\[\]-]+(/[a-z0-9._-]+)*")
_TAG = re.compile(r"[\w.*?-]+", re.ASCII)


class Name(NamedTuple):
    """A name in full: a tag or digest that it has not is the empty text."""

    repository: str
    tag: str
    digest: str


@cache
def parse(text: str) -> Name:
    """Return what a name means, as the daemon gives it: any text is some name."""
    rest, _, digest = text.partition("@")
    head, slash, tail = rest.rpartition("/")
    path, _, tag = tail.partition(":")
    return Name(_in_full(head + slash + path), tag, digest)


def familiar(repository: str) -> str:
    """Return a full repository as docker shows it: `docker.io/library/app` is `app`."""
    return repository.removeprefix(f"{HUB}/").removeprefix(f"{OFFICIAL}/")


def repositories(image: Image) -> set[str]:
    """Return the full repositories that an image is in, by tag or digest."""
    return {parse(name).repository for name in image.names}


def _in_full(repository: str) -> str:
    first, slash, rest = repository.partition("/")
    if not slash or not _is_host(first):
        first, rest = HUB, repository
    host = _ALIASES.get(first, first)
    if host == HUB and "/" not in rest and rest:
        rest = f"{OFFICIAL}/{rest}"
    return f"{host}/{rest}"


def _is_host(first: str) -> bool:
    return first == "localhost" or any(sign in first for sign in ".:") or first != first.lower()


class Filter(NamedTuple):
    """What `--filter` selects.

    - `app`: the repository `app` (that is `docker.io/library/app`), with any tag or digest;
    - `app:1`, `app:pr-*`: the tags of it that fit, where `*` and `?` are a shell's;
    - `registry:5000/team/`: every repository below that, and no other.
    """

    text: str
    repository: str
    tag: str

    def fits(self, name: str) -> bool:
        """Tell whether a name is meant."""
        repository, tag, _ = parse(name)
        if self.repository.endswith("/"):
            return repository.startswith(self.repository)
        if repository != self.repository:
            return False
        return not self.tag or bool(tag and _glob(self.tag).match(tag))


def parse_filter(text: str) -> Filter:
    """Return what a `--filter` means.

    Raises:
        ValueError: it can be no repository.
    """
    head, slash, tail = text.rpartition("/")
    path, colon, tag = tail.partition(":")
    repository = head + slash + path
    if "@" in text or not _REPOSITORY.fullmatch(repository.removesuffix("/")):
        raise ValueError(
            f"{text!r} is not a repository: such as app, app:pr-* or registry:5000/team/ (with "
            "a slash at its end: all below)"
        )
    below = repository.endswith("/")
    if colon and (below or not _TAG.fullmatch(tag)):
        raise ValueError(f"{text!r}: {tag!r} is not a tag of a repository")
    return Filter(text, _folder(repository) if below else _in_full(repository), tag)


def _folder(repository: str) -> str:
    """Return `team/` in full; nothing of it is an official image's `library/`."""
    first, _, rest = repository.partition("/")
    host = _ALIASES.get(first, first)
    return f"{host}/{rest}" if _is_host(first) else f"{HUB}/{repository}"


def excluding(patterns: Iterable[str], image: Image) -> str | None:
    """Return the first shell glob that names an image, if one does.

    It is held against the repository, with and without tag or digest, as docker shows it, in
    full and as the daemon has it; against the id, with and without `sha256:`, and the short id.
    A pattern may spell a repository in each way that docker takes, such as `library/app`.
    """
    forms = set(_forms(image))
    for pattern in patterns:
        if any(_glob(one).match(form) for one in (pattern, _in_full(pattern)) for form in forms):
            return pattern
    return None


def _forms(image: Image) -> Iterator[str]:
    for text in image.names:
        repository, tag, digest = parse(text)
        suffix = f":{tag}" * bool(tag) + f"@{digest}" * bool(digest)
        for form in {repository, familiar(repository), text.removesuffix(suffix)}:
            yield form
            yield form + suffix
    yield image.id
    yield image.id.partition(":")[2]
    yield short_id(image.id)


@cache
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))
