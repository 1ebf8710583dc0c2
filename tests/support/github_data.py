"""The repositories, releases and assets that the stand-in for GitHub serves.

Every change goes through a method, so that what was rendered before is dropped. Downloads are
not counted: `download_count` is what the test says, and an ETag changes only with a change.
"""

import hashlib
import mimetypes
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Literal, TypeAlias, TypedDict, Unpack

Content: TypeAlias = bytes | Path
State: TypeAlias = Literal["uploaded", "open"]

FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)  # of the stand-in's calendar: an hour per event
FIRST_ID = 1_000_000


class ReleaseFields(TypedDict, total=False):
    """What a test may say of a release; times are ISO 8601 in UTC, as in `2024-01-01T00:00:00Z`.

    Without `published_at`, a draft has none and any other release that of `created_at`.
    """

    name: str | None
    body: str | None
    draft: bool
    prerelease: bool
    immutable: bool
    created_at: str
    published_at: str | None
    target_commitish: str


class AssetFields(TypedDict, total=False):
    """What a test may say of an asset; `digest` True is computed, False is null as before 2025."""

    digest: bool | str
    state: State
    content_type: str
    label: str | None
    download_count: int


@dataclass(frozen=True)
class Document:
    """A rendered JSON answer and its entity tag."""

    body: bytes
    etag: str


@dataclass(eq=False)
class Site:
    """Everything that is served, under one lock, and the origins it is served from."""

    api_url: str = ""
    asset_url: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    by_id: dict[int, "Repository"] = field(default_factory=dict, repr=False)
    by_name: dict[str, "Repository"] = field(default_factory=dict, repr=False)
    assets: dict[int, "Asset"] = field(default_factory=dict, repr=False)
    _ids: "count[int]" = field(default_factory=lambda: count(FIRST_ID), repr=False)
    _hours: "count[int]" = field(default_factory=count, repr=False)
    _users: dict[str, int] = field(default_factory=dict, repr=False)

    def new_id(self) -> int:
        """Return a number that nothing else has."""
        return next(self._ids)

    def now(self) -> str:
        """Return the next hour of the stand-in's calendar: later events are newer."""
        return (FIRST_DAY + timedelta(hours=next(self._hours))).strftime("%Y-%m-%dT%H:%M:%SZ")

    def user_id(self, login: str) -> int:
        """Return the id of an account."""
        return self._users.setdefault(login.lower(), len(self._users) + 1)

    def find(self, full_name: str) -> "Repository | None":
        """Return the repository of that name in any case, or one that once had it."""
        return self.by_name.get(full_name.lower())


@dataclass(eq=False)
class Repository:
    """A repository and its releases; whether the token may `push`, and so see drafts."""

    site: Site = field(repr=False)
    id: int
    full_name: str
    private: bool = False
    created_at: str = ""
    push: bool = True
    releases: dict[int, "Release"] = field(default_factory=dict, repr=False)
    _documents: dict[Hashable, Document] = field(default_factory=dict, repr=False)
    _ordered: "list[Release] | None" = field(default=None, repr=False)
    _by_tag: "dict[str, Release] | None" = field(default=None, repr=False)

    @property
    def owner(self) -> str:
        """The login of the account that it belongs to."""
        return self.full_name.partition("/")[0]

    @property
    def name(self) -> str:
        """The name without the owner."""
        return self.full_name.partition("/")[2]

    def add_release(self, tag: str, **fields: Unpack[ReleaseFields]) -> "Release":
        """Add a release; without `created_at` it is newer than what was added before."""
        with self.site.lock:
            fields.setdefault("created_at", self.site.now())
            release = Release(self, self.site.new_id(), tag)
            self.releases[release.id] = release
            release.edit(**fields)
            return release

    def rename(self, full_name: str) -> None:
        """Give it another name; the old one redirects from now on."""
        with self.site.lock:
            self.full_name = full_name
            self.site.by_name[full_name.lower()] = self
            for release in self.releases.values():
                release.rendered = None
            self.touch()

    def touch(self) -> None:
        """Drop what was rendered before a change."""
        self._documents.clear()
        self._ordered = self._by_tag = None

    def ordered(self, *, drafts: bool) -> "list[Release]":
        """Return the releases as GitHub lists them: newest `created_at` first."""
        if self._ordered is None:
            self._ordered = sorted(self.releases.values(), key=_age, reverse=True)
        return self._ordered if drafts else [one for one in self._ordered if not one.draft]

    def tagged(self, tag: str) -> "Release | None":
        """Return the published release of a tag; drafts have no tag yet."""
        if self._by_tag is None:
            newest_last = reversed(self.ordered(drafts=False))
            self._by_tag = {release.tag: release for release in newest_last}
        return self._by_tag.get(tag)

    def document(self, key: Hashable, render: Callable[[], bytes]) -> Document:
        """Return a rendered answer, rendering it only once between two changes."""
        known = self._documents.get(key)
        if known is None:
            body = render()
            known = Document(body, f'W/"{hashlib.sha256(body).hexdigest()}"')
            self._documents[key] = known
        return known


@dataclass(eq=False)
class Release:
    """A release and its assets."""

    repository: Repository = field(repr=False)
    id: int
    tag: str
    name: str | None = None
    body: str | None = None
    draft: bool = False
    prerelease: bool = False
    immutable: bool = False
    created_at: str = ""
    published_at: str | None = None
    target_commitish: str = "main"
    assets: dict[int, "Asset"] = field(default_factory=dict, repr=False)
    rendered: bytes | None = field(default=None, repr=False)

    def edit(self, **fields: Unpack[ReleaseFields]) -> None:
        """Change some fields, as the form on the web does."""
        with self.repository.site.lock:
            vars(self).update(fields)
            if not self.draft and self.published_at is None:
                self.published_at = self.created_at
            self.touch()

    def add_asset(self, name: str, content: Content, **fields: Unpack[AssetFields]) -> "Asset":
        """Attach bytes, or a file that is served from disk."""
        with self.repository.site.lock:
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            asset = Asset(self, name, content_type=kind)
            asset.replace(content, digest=fields.pop("digest", True))
            asset.edit(**fields)
            return asset

    def retag(self, tag: str) -> None:
        """Move it to another tag."""
        with self.repository.site.lock:
            self.tag = tag
            self.touch()

    def delete(self) -> None:
        """Remove it with its assets."""
        with self.repository.site.lock:
            for asset in list(self.assets.values()):
                asset.delete()
            del self.repository.releases[self.id]
            self.touch()

    def touch(self) -> None:
        """Drop what was rendered before a change."""
        self.rendered = None
        self.repository.touch()

    def named(self, name: str) -> "Asset | None":
        """Return the asset of that name."""
        return next((asset for asset in self.assets.values() if asset.name == name), None)


@dataclass(eq=False)
class Asset:
    """An asset: bytes, or a file on disk, and what is said about them."""

    release: Release = field(repr=False)
    name: str
    id: int = 0
    content: Content = field(default=b"", repr=False)
    size: int = 0
    digest: str | None = None
    state: State = "uploaded"
    content_type: str = "application/octet-stream"
    label: str | None = None
    download_count: int = 0
    created_at: str = ""

    def replace(self, content: Content, *, digest: bool | str = True) -> None:
        """Upload other content under the same name: GitHub gives it a new id and digest."""
        site = self.release.repository.site
        with site.lock:
            self._forget()
            self.id, self.created_at = site.new_id(), site.now()
            self.content, self.size = content, size_of(content)
            self.digest = digest_of(content) if digest is True else digest or None
            self.release.assets[self.id] = site.assets[self.id] = self
            self.release.touch()

    def edit(self, **fields: Unpack[AssetFields]) -> None:
        """Change what is said about the content."""
        with self.release.repository.site.lock:
            digest = fields.pop("digest", self.digest or False)
            self.digest = digest_of(self.content) if digest is True else digest or None
            vars(self).update(fields)
            self.release.touch()

    def rename(self, name: str) -> None:
        """Give it another name; it stays the same asset."""
        with self.release.repository.site.lock:
            self.name = name
            self.release.touch()

    def delete(self) -> None:
        """Remove it from its release."""
        with self.release.repository.site.lock:
            self._forget()
            self.release.touch()

    def _forget(self) -> None:
        self.release.assets.pop(self.id, None)
        self.release.repository.site.assets.pop(self.id, None)


def size_of(content: Content) -> int:
    """Return the number of bytes, without reading a file."""
    return len(content) if isinstance(content, bytes) else content.stat().st_size


def digest_of(content: Content) -> str:
    """Return the digest as the API writes it: `sha256:` and hexadecimal digits."""
    if isinstance(content, bytes):
        return f"sha256:{hashlib.sha256(content).hexdigest()}"
    with content.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _age(release: Release) -> tuple[str, int]:
    return release.created_at, release.id
