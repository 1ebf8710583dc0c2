"""Repositories, releases and assets: the fields that are used, under GitHub's own names.

`*_from_json` checks what it takes, so that an API that answers nonsense is an error at the
edge and not a surprise later. Times stay GitHub's text (ISO 8601, UTC, ending in Z).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

T = TypeVar("T")

_MOST = 2**63 - 1
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")  # JSON can spell it, UTF-8 and SQLite cannot
_REPOSITORY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/([A-Za-z0-9_.-]+)")


class UnexpectedAnswer(ValueError):
    """The API's answer lacks a field, or has it with another type."""


def is_repository_name(text: str) -> bool:
    """Tell whether a text is `OWNER/REPO` with characters that GitHub allows in them."""
    match = _REPOSITORY_NAME.fullmatch(text)
    return match is not None and match[1] not in {".", ".."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository: its id stays, its name may change."""

    id: int
    full_name: str
    private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of a release.

    Attributes:
        id: changes when the file is uploaded again under the same name.
        size: in bytes.
        digest: `sha256:` and 64 hex digits, or None for files older than June 2025.
        state: `uploaded`, or `open` while the upload is not finished.
        url: the API's address of the asset (its bytes with Accept: application/octet-stream).
        browser_download_url: the public address of its bytes.
    """

    id: int
    name: str
    size: int
    digest: str | None
    content_type: str
    state: str
    download_count: int
    created_at: str
    updated_at: str
    url: str
    browser_download_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release; a draft has no `published_at`."""

    id: int
    tag_name: str
    name: str | None
    draft: bool
    prerelease: bool
    created_at: str
    published_at: str | None
    html_url: str
    assets: tuple[Asset, ...]

    @property
    def published(self) -> datetime | None:
        """When it was published, with time zone."""
        return None if self.published_at is None else datetime.fromisoformat(self.published_at)


def repository_from_json(value: object) -> Repository:
    """Return the repository in an API answer.

    Raises:
        UnexpectedAnswer: it is not one.
    """
    record = _record(value, "repository")
    full_name = _take(record, "full_name", str)
    if not is_repository_name(full_name):
        raise UnexpectedAnswer("full_name is not OWNER/REPO")
    return Repository(
        id=_take(record, "id", int),
        full_name=full_name,
        private=_take(record, "private", bool),
    )


def release_from_json(value: object) -> Release:
    """Return the release in an API answer, with its assets.

    Raises:
        UnexpectedAnswer: it is not one.
    """
    record = _record(value, "release")
    return Release(
        id=_take(record, "id", int),
        tag_name=_take(record, "tag_name", str),
        name=_take_optional(record, "name", str),
        draft=_take(record, "draft", bool),
        prerelease=_take(record, "prerelease", bool),
        created_at=_take_time(record, "created_at"),
        published_at=None
        if record.get("published_at") is None
        else _take_time(record, "published_at"),
        html_url=_take(record, "html_url", str),
        assets=tuple(asset_from_json(asset) for asset in _take(record, "assets", list)),
    )


def asset_from_json(value: object) -> Asset:
    """Return the asset in an API answer.

    Raises:
        UnexpectedAnswer: it is not one.
    """
    record = _record(value, "asset")
    return Asset(
        id=_take(record, "id", int),
        name=_take(record, "name", str),
        size=_take_size(record),
        digest=_take_optional(record, "digest", str),
        content_type=_take(record, "content_type", str),
        state=_take(record, "state", str),
        download_count=_take(record, "download_count", int),
        created_at=_take_time(record, "created_at"),
        updated_at=_take_time(record, "updated_at"),
        url=_take(record, "url", str),
        browser_download_url=_take(record, "browser_download_url", str),
    )


def _record(value: object, kind: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnexpectedAnswer(f"a {kind} is not an object but {type(value).__name__}")
    return value


def _take(record: Mapping[str, Any], field: str, kind: type[T]) -> T:
    value = record.get(field)
    if type(value) is not kind:  # exactly: True is no number
        raise UnexpectedAnswer(f"{field} is {type(value).__name__}, not {kind.__name__}")
    if isinstance(value, int) and abs(value) > _MOST:
        raise UnexpectedAnswer(f"{field} exceeds 64 bits")
    if isinstance(value, str) and _HALF_CHARACTER.search(value):
        raise UnexpectedAnswer(f"{field} holds half a character")
    return value


def _take_optional(record: Mapping[str, Any], field: str, kind: type[T]) -> T | None:
    return None if record.get(field) is None else _take(record, field, kind)


def _take_size(record: Mapping[str, Any]) -> int:
    size = _take(record, "size", int)
    if size < 0:
        raise UnexpectedAnswer("size is below 0")
    return size


def _take_time(record: Mapping[str, Any], field: str) -> str:
    text = _take(record, field, str)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnexpectedAnswer(f"{field} is no ISO 8601 time") from error
    if moment.tzinfo is None:
        raise UnexpectedAnswer(f"{field} names no time zone")
    return text
