"""What each path shows: GitHub's REST API for releases, and its addresses for browsers.

Paths choose among what the manifest has and are never paths of files. Pure: nothing here
reads, and nothing knows the server.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlencode

from .catalogue import Held, HeldRelease, HeldRepository
from .documents import Base, asset_json, release_json, repository_json

PAGE_SIZE = 30
"""Items in a page that does not say how many; as GitHub."""

MAX_PAGE_SIZE = 100
"""Items in a page; as GitHub."""

API_PREFIX = ("api", "v3")
"""Where clients of GitHub Enterprise look for the API."""

_MAX_DIGITS = 18  # of an id or a page: SQLite's largest integer has 19
_ENDINGS = {".tar.gz": "tarball", ".zip": "zipball"}


class Page(NamedTuple):
    """A JSON answer; `link` is its header, if it has one."""

    value: Any
    link: str = ""


Shown = Page | Held | None
"""A document, a file, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks for.

    Attributes:
        repository: OWNER/REPO in any case.
        rest: the decoded parts of the path behind it.
        api: whether it is a path of the API.
        query: of `per_page` and `page`.
        content: whether the bytes of an asset are asked for, not what is said of it.
    """

    repository: str
    rest: Sequence[str]
    api: bool
    query: Mapping[str, str]
    content: bool


def parts_of(path: str) -> tuple[bool, list[str]]:
    """Return whether a raw path has the API's prefix, and its other parts, decoded.

    Raises:
        UnicodeDecodeError: it is not UTF-8.
    """
    parts = [unquote(part, errors="strict") for part in path.split("/")[1:]]
    if tuple(parts[:2]) == API_PREFIX:
        return True, parts[2:]
    return False, parts


def asked_for(parts: Sequence[str], query: str, accept: str) -> Asked | None:
    """Return what a path asks of which repository; None if that is of none."""
    api = parts[0] == "repos"
    names = parts[1:] if api else parts
    if len(names) < 2 or not all(names[:2]):  # noqa: PLR2004 - an owner and a name
        return None
    return Asked(
        repository="/".join(names[:2]),
        rest=names[2:],
        api=api,
        query={name: values[-1] for name, values in parse_qs(query).items()},
        content="application/octet-stream" in accept,
    )


def shown(base: Base, asked: Asked, repository: HeldRepository) -> Shown:
    """Return what is there for a request."""
    return _in_api(base, asked, repository) if asked.api else _on_pages(base, asked, repository)


def _in_api(base: Base, asked: Asked, repository: HeldRepository) -> Shown:
    match asked.rest:
        case []:
            return Page(repository_json(base, repository))
        case ["releases"]:
            some, link = _page(base, asked, repository, repository.releases)
            return Page([release_json(base, repository, one) for one in some], link)
        case ["releases", "assets", number]:
            return _asset(base, asked, repository, _number(number))
        case ["releases", number, "assets"]:
            return _assets(base, asked, repository, repository.release(_number(number)))
        case ["releases", *which]:
            return _release(base, repository, _selected(repository, which))
        case ["tarball" | "zipball" as kind, *ref] if ref:
            return _archive(repository, kind, ref)
    return None


def _on_pages(base: Base, asked: Asked, repository: HeldRepository) -> Shown:
    match asked.rest:
        case ["releases", "latest", "download", name]:
            latest = repository.latest()
            return latest.named(name) if latest else None
        case ["releases", "latest"]:
            return _release(base, repository, repository.latest())
        case ["releases", "download", *tag, name] if tag:
            releases = repository.tagged("/".join(tag))
            return next((file for one in releases if (file := one.named(name))), None)
        case ["releases", "tag", *tag] if tag:
            return _release(base, repository, _selected(repository, ["tags", *tag]))
        case ["archive", *ref] if ref:
            for ending, kind in _ENDINGS.items():
                if ref[-1].endswith(ending):
                    return _archive(repository, kind, [*ref[:-1], ref[-1].removesuffix(ending)])
    return None


def _selected(repository: HeldRepository, which: Sequence[str]) -> HeldRelease | None:
    match which:
        case ["latest"]:
            return repository.latest()
        case ["tags", *tag] if tag:
            return next(iter(repository.tagged("/".join(tag))), None)
        case [number]:
            return repository.release(_number(number))
    return None


def _release(base: Base, repository: HeldRepository, release: HeldRelease | None) -> Shown:
    return Page(release_json(base, repository, release)) if release else None


def _asset(base: Base, asked: Asked, repository: HeldRepository, number: int) -> Shown:
    found = repository.asset(number)
    if found is None or asked.content:
        return found[1].file if found else None
    return Page(asset_json(base, repository, *found))


def _assets(
    base: Base, asked: Asked, repository: HeldRepository, release: HeldRelease | None
) -> Shown:
    if release is None:
        return None
    some, link = _page(base, asked, repository, list(release.assets.values()))
    return Page([asset_json(base, repository, release, one) for one in some], link)


def _archive(repository: HeldRepository, kind: str, ref: Sequence[str]) -> Shown:
    tag = "/".join(ref).removeprefix("refs/tags/")
    files = (release.archive(kind) for release in repository.tagged(tag))
    return next((file for file in files if file), None)


def _page(
    base: Base, asked: Asked, repository: HeldRepository, items: Sequence[Any]
) -> tuple[Sequence[Any], str]:
    """Return a page of a list and its Link header; what is no positive number is the default."""
    number = _number(asked.query.get("page", "")) or 1
    size = min(_number(asked.query.get("per_page", "")) or PAGE_SIZE, MAX_PAGE_SIZE)
    path = "/".join([base.api, "repos", repository.full_name, *asked.rest])
    query = {"per_page": size} if "per_page" in asked.query else {}
    links = [
        f'<{path}?{urlencode(query | {"page": page})}>; rel="{relation}"'
        for relation, page in _neighbours(number, -(-len(items) // size))
    ]
    return items[(number - 1) * size : number * size], ", ".join(links)


def _neighbours(page: int, last: int) -> list[tuple[str, int]]:
    """Return the relations of a page in a list of `last` pages, in GitHub's order."""
    before = [("prev", min(page - 1, last)), ("first", 1)] if page > 1 and last else []
    after = [("next", page + 1), ("last", last)] if page < last else []
    return before[:1] + after + before[1:]


def _number(text: str) -> int:
    """Return a positive number; 0, which is no id, for anything else."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
    return int(text) if is_number else 0
