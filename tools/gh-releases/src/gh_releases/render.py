"""Releases as text: rows for a table, exact or for people, and JSON records.

JSON is in ASCII, so that no terminal or locale minds; one record is one line.
"""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from toolroll_shared.output import human_size
from toolroll_shared.spans import human_span

from .models import Asset, Release
from .origin import Usage

Row = tuple[str, ...]

RELEASE_HEADER = ("TAG", "NAME", "PUBLISHED", "FLAGS", "ASSETS", "SIZE", "DOWNLOADS")
ASSET_HEADER = ("TAG", "ASSET", "SIZE", "UPDATED", "STATE", "DOWNLOADS", "DIGEST")

NUMBERS = {"ASSETS", "SIZE", "DOWNLOADS"}

_DIGEST_SHOWN = len("sha256:") + 12


def release_rows(
    releases: Iterable[Release], *, latest: int | None, now: datetime | None
) -> list[Row]:
    """Return a row under `RELEASE_HEADER` for each release.

    Args:
        releases: in the order of the rows.
        latest: the id of the release that the project shows as its latest, if it has one.
        now: for people, with ages and rounded sizes; None for programs: exact times and bytes.
    """
    time, size = _moment(now), _size(now)
    return [
        (
            release.tag_name,
            release.name or "",
            "" if release.published_at is None else time(release.published_at),
            ",".join(_flags(release, latest)),
            str(len(release.assets)),
            size(sum(asset.size for asset in release.assets)),
            str(sum(asset.download_count for asset in release.assets)),
        )
        for release in releases
    ]


def asset_rows(releases: Iterable[Release], *, now: datetime | None) -> list[Row]:
    """Return a row under `ASSET_HEADER` for each asset; `now` is as in `release_rows`."""
    time, size = _moment(now), _size(now)
    return [
        (
            release.tag_name,
            asset.name,
            size(asset.size),
            time(asset.updated_at),
            asset.state,
            str(asset.download_count),
            (asset.digest or "")[: _DIGEST_SHOWN if now else None],
        )
        for release in releases
        for asset in release.assets
    ]


def release_line(release: Release) -> str:
    """Return a release as one line of JSON under GitHub's own field names."""
    return _line(release)


def asset_lines(release: Release) -> list[str]:
    """Return each asset as one line of JSON, after the id and tag of its release."""
    about = {"release_id": release.id, "tag_name": release.tag_name}
    return [_line({**about, **_fields(asset)}) for asset in release.assets]


def usage_record(usage: Usage) -> dict[str, Any]:
    """Return what was asked of the API, and what is left, for `--meta`."""
    reset = usage.quota.reset
    return {
        "requests": usage.requests,
        "not_modified": usage.not_modified,
        "received_bytes": usage.received,
        "waited_s": usage.waited,
        "capped": usage.capped,
        "quota": {
            "limit": usage.quota.limit,
            "remaining": usage.quota.remaining,
            "reset": None if reset is None else _exact(datetime.fromtimestamp(reset, UTC)),
        },
        "request_ids": list(usage.request_ids),
    }


def _fields(asset: Asset) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(asset)
    return fields


def _line(value: Any) -> str:
    encoded = msgspec.json.encode(value)
    if encoded.isascii() and b"\x7f" not in encoded:
        return encoded.decode("ascii")
    return json.dumps(msgspec.to_builtins(value), separators=(",", ":"))


def _flags(release: Release, latest: int | None) -> list[str]:
    flags = {
        "draft": release.draft,
        "pre-release": release.prerelease,
        "latest": release.id == latest,
    }
    return [flag for flag, is_set in flags.items() if is_set]


def _moment(now: datetime | None) -> Callable[[datetime], str]:
    if now is None:
        return _exact
    return lambda moment: f"{moment:%Y-%m-%d} ({human_span((now - moment).total_seconds())})"


def _size(now: datetime | None) -> Callable[[int], str]:
    return str if now is None else human_size


def _exact(moment: datetime) -> str:
    return msgspec.json.encode(moment).decode().strip('"')
