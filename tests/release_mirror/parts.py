"""Plain values for tests of decisions: one asset, its record, and what is on disk."""

from dataclasses import replace
from typing import Any

from release_mirror.manifest import Asset, FileRecord
from release_mirror.places import Wanted
from release_mirror.plan import OnDisk
from release_mirror.rules import Release

A, B, C = "a" * 64, "b" * 64, "c" * 64
PATH = "o/r/v1/tool.zip"
BESIDE = "o/r/v1/tool.zip~1"


def wanted(**changes: Any) -> Wanted:
    """An asset of 5 bytes with the digest A, wanted at PATH."""
    one = Wanted(
        repository="o/r",
        tag="v1",
        release_id=10,
        asset_id=1,
        name="tool.zip",
        size=5,
        digest=f"sha256:{A}",
        url="https://api.invalid/1",
        browser_download_url="https://web.invalid/1",
        path=PATH,
        beside=BESIDE,
    )
    return replace(one, **changes)


def record(**changes: Any) -> FileRecord:
    """The record of the file that holds it."""
    one = FileRecord(
        path=PATH,
        release_id=10,
        asset_id=1,
        kind="asset",
        size=5,
        sha256=A,
        mtime_ns=7,
        verified_by="digest",
        tag="v1",
        name="tool.zip",
    )
    return replace(one, **changes)


def found(**changes: Any) -> OnDisk:
    """The file as it was recorded."""
    return replace(OnDisk(size=5, mtime_ns=7), **changes)


def release(key: int = 10, tag: str = "v1", **changes: Any) -> Release:
    """A release of 2024."""
    one = Release(key, tag, False, False, "2024-01-01T00:00:00Z", _page(tag), False)  # noqa: FBT003
    return one._replace(**changes)


def asset(key: int = 1, name: str = "tool.zip", release_id: int = 10, **changes: Any) -> Asset:
    """An asset as the index has it."""
    one = Asset(
        key, release_id, name, 5, f"sha256:{A}", "uploaded", f"https://api.invalid/{key}", "w"
    )
    return one._replace(**changes)


def _page(tag: str) -> str:
    return f"https://web.invalid/o/r/releases/tag/{tag}"
