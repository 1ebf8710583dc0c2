"""What to do about each asset: pure decisions over plain values.

`--dry-run` prints what `plan` returns, and the real run carries out the same.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Literal

from gh_releases import Asset, Release

from .names import safe_name

ActionKind = Literal["fetch", "keep", "adopt", "leave", "refuse"]
"""fetch: download it. keep: it is here and whole. adopt: it is here and whole, but was not
recorded. leave: not now (its upload is unfinished). refuse: something is wrong."""

_SHA256 = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An asset and where it belongs, as a path below DEST with forward slashes."""

    repository: str
    tag: str
    asset: Asset
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """What the manifest says of a file that the mirror put in place.

    Attributes:
        path: below DEST.
        asset_id: GitHub's id of the asset it holds.
        size: in bytes.
        sha256: of its content, in hex.
        mtime_ns: its time of modification, to notice later changes cheaply.
        verified_by: `digest` (GitHub's) or `size` (for assets without one).
    """

    path: str
    asset_id: int
    size: int
    sha256: str
    mtime_ns: int
    verified_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDisk:
    """What is at a path now; `sha256` only where it was in doubt, and could be read."""

    regular: bool
    size: int
    mtime_ns: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What to do about one asset, and why.

    Attributes:
        kind: what to do.
        wanted: the asset and its place.
        reason: why, for people.
        adopted: the whole file that is in place, if the manifest has to learn of it.
        expected_sha256: what a download must hash to: GitHub's digest, else what was stored
            before (trust on first use), else unknown.
    """

    kind: ActionKind
    wanted: Wanted
    reason: str
    adopted: OnDisk | None = None
    expected_sha256: str | None = None


def sha256_of(asset: Asset) -> str | None:
    """Return the SHA-256 that GitHub gives for an asset, in lower-case hex, if it does."""
    match = _SHA256.fullmatch(asset.digest or "")
    return match[1].lower() if match else None


def wanted_assets(repository: str, releases: Iterable[Release]) -> list[Wanted]:
    """Return every asset of the published releases, with its place OWNER/REPO/TAG/ASSET."""
    return [
        Wanted(
            repository=repository,
            tag=release.tag_name,
            asset=asset,
            path=str(PurePosixPath(repository, safe_name(release.tag_name), safe_name(asset.name))),
        )
        for release in releases
        if not release.draft
        for asset in release.assets
    ]


def in_doubt(record: FileRecord | None, found: OnDisk) -> bool:
    """Tell whether a file has to be read to know what it is."""
    return found.regular and (
        record is None or (found.size, found.mtime_ns) != (record.size, record.mtime_ns)
    )


def plan(
    wanted: Sequence[Wanted], records: Mapping[str, FileRecord], disk: Mapping[str, OnDisk]
) -> list[Action]:
    """Return what to do about each wanted asset, in their order.

    Args:
        wanted: the assets.
        records: the manifest's files by path.
        disk: what is at the paths; a path that is missing is not there.
    """
    actions = []
    taken: set[str] = set()
    for item in wanted:
        if item.path in taken:
            action = Action(kind="refuse", wanted=item, reason="another asset has the same name")
        else:
            action = _decide(item, records.get(item.path), disk.get(item.path))
        taken.add(item.path)
        actions.append(action)
    return actions


def _decide(wanted: Wanted, record: FileRecord | None, found: OnDisk | None) -> Action:
    decided = partial(Action, wanted=wanted)
    if wanted.asset.state != "uploaded":
        return decided(kind="leave", reason="its upload is not finished")
    if found is not None and not found.regular:
        return decided(kind="refuse", reason="something that is no file of ours is in its place")
    if record is None:
        return _decide_unrecorded(wanted, found)
    if not _same_content(wanted.asset, record):
        reason = "replaced upstream under the same name; the file here is kept"
        return decided(kind="refuse", reason=reason)
    if found is None:
        return decided(kind="fetch", reason="missing here", expected_sha256=record.sha256)
    if not in_doubt(record, found):
        return decided(kind="keep", reason="unchanged")
    if found.sha256 == record.sha256:
        return decided(kind="keep", reason="unchanged, but for its date", adopted=found)
    reason = "damaged here" if found.sha256 else "unreadable here"
    return decided(kind="fetch", reason=reason, expected_sha256=record.sha256)


def _decide_unrecorded(wanted: Wanted, found: OnDisk | None) -> Action:
    decided = partial(Action, wanted=wanted)
    if found is None:
        return decided(kind="fetch", reason="new", expected_sha256=sha256_of(wanted.asset))
    if found.sha256 is None:
        return decided(kind="refuse", reason="a file that cannot be read is in its place")
    expected = sha256_of(wanted.asset)
    if found.size == wanted.asset.size and expected in {None, found.sha256}:
        how = "the same content" if expected else "the right size"
        return decided(kind="adopt", reason=f"already here with {how}", adopted=found)
    reason = "another file is in its place; move it away to get the asset"
    return decided(kind="refuse", reason=reason)


def _same_content(asset: Asset, record: FileRecord) -> bool:
    """Tell whether upstream still has what we stored, by digest where there is one."""
    expected = sha256_of(asset)
    if expected is not None:
        return expected == record.sha256
    return asset.id == record.asset_id and asset.size == record.size
