"""Repositories, releases and assets: the fields that are used, under GitHub's own names.

msgspec checks them while it parses, so that an API that answers nonsense is an error at the
edge and not a surprise later. Other fields are passed over without being parsed.
"""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""An id, a size or a count: what SQLite can hold too."""

Instant = Annotated[datetime, Meta(tz=True)]
"""A time with its zone; GitHub's are in UTC."""


class Repository(Struct, frozen=True, kw_only=True):
    """A repository: its id stays, its name may change."""

    id: Number
    full_name: str
    private: bool


class Asset(Struct, frozen=True, kw_only=True, gc=False):
    """A file of a release.

    Attributes:
        id: changes when the file is uploaded again under the same name.
        size: in bytes.
        digest: `sha256:` and 64 hex digits, or None for files older than June 2025.
        state: `uploaded`, or `open` while the upload is not finished.
        url: the API's address of the asset (its bytes with Accept: application/octet-stream).
        browser_download_url: the public address of its bytes.
    """

    id: Number
    name: str
    size: Number
    digest: str | None = None
    content_type: str
    state: str
    download_count: Number
    created_at: Instant
    updated_at: Instant
    url: str
    browser_download_url: str


class Release(Struct, frozen=True, kw_only=True, gc=False):
    """A release; a draft has no `published_at`.

    Attributes:
        created_at: the date of the tagged commit: GitHub lists by it.
        published_at: when it was published; None for a draft.
    """

    id: Number
    tag_name: str
    name: str | None = None
    draft: bool
    prerelease: bool
    created_at: Instant
    published_at: Instant | None = None
    html_url: str
    assets: tuple[Asset, ...]
