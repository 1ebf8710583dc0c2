"""Where each asset belongs: OWNER/REPO/TAG/ASSET below DEST, one place for each.

Names that differ only in case, or in how an accent is written, would be one file on some
systems: of such, all but the first get GitHub's id behind their name. What is recorded stays
where it is, so that no later release or asset moves an earlier one.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from urllib.parse import quote

from .manifest import Asset, FileKind, FileRecord
from .names import safe_name
from .rules import Release, Rules, wanted_releases

SUMS_NAME = "SHA256SUMS"
"""Ours, in each release's folder."""

OTHER_SUMS_NAME = "SHA256SUMS.mirror"
"""Ours, where the release has an asset of the first name."""

_ARCHIVES: tuple[tuple[FileKind, str], ...] = (("tarball", ".tar.gz"), ("zipball", ".zip"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Something to be mirrored, and where it belongs.

    Attributes:
        repository: OWNER/REPO.
        tag: of the release.
        release_id: of the release.
        kind: an asset, or one of the archives that GitHub makes of a tag.
        asset_id: GitHub's id; None for an archive.
        name: the asset's, or the archive's.
        size: in bytes; None where nobody knows beforehand.
        digest: as GitHub gives it, if it does.
        state: `uploaded`, or `open` while the upload is not finished.
        too_large: whether it exceeds what the rules take.
        url: of the API.
        browser_download_url: for those without a token.
        path: the place, below DEST, with forward slashes.
        beside: another place, for it to be kept beside what is at the first.
    """

    repository: str
    tag: str
    release_id: int
    kind: FileKind = "asset"
    asset_id: int | None
    name: str
    size: int | None
    digest: str | None = None
    state: str = "uploaded"
    too_large: bool = False
    url: str
    browser_download_url: str
    path: str
    beside: str

    def __str__(self) -> str:
        return f"{self.repository}: {self.tag}/{self.name}"


def wanted_files(  # noqa: PLR0913 - a call names them
    repository: str,
    releases: Sequence[Release],
    assets: Iterable[Asset],
    records: Mapping[str, FileRecord],
    rules: Rules,
    *,
    latest_id: int | None = None,
    api_url: str = "",
) -> list[Wanted]:
    """Return what the rules want of a repository, newest release first, each with its place.

    Args:
        repository: OWNER/REPO.
        releases: all that are known, by their ids: older ones have their names first.
        assets: of these.
        records: the manifest's files of this repository.
        rules: which of them are wanted.
        latest_id: of the release that upstream shows as its latest.
        api_url: the API's root, for the archives.
    """
    folders = _folders(repository, releases, records.values())
    assets_of: dict[int, list[Asset]] = {}
    for asset in assets:
        assets_of.setdefault(asset.release_id, []).append(asset)
    recorded_in: dict[str, list[FileRecord]] = {}
    for record in records.values():
        recorded_in.setdefault(record.path.rpartition("/")[0], []).append(record)
    wanted: list[Wanted] = []
    for release in wanted_releases(releases, rules, latest_id=latest_id):
        folder = folders[release.id]
        places = _Places(folder, recorded_in.get(folder, ()))
        for asset in assets_of.get(release.id, ()):
            place = places.of(asset)
            if rules.takes(asset.name):
                item = _wanted_asset(repository, release, asset, place)
                wanted.append(replace(item, too_large=True) if rules.exceeded(asset.size) else item)
        if rules.source_archives:
            wanted += _archives(repository, release, places, api_url)
    return wanted


def sums_path(folder: str, names: Iterable[str]) -> str:
    """Return where our SHA256SUMS of a folder belong, given the names of its other files."""
    taken = any(key_of(name) == key_of(SUMS_NAME) for name in names)
    return f"{folder}/{OTHER_SUMS_NAME if taken else SUMS_NAME}"


def key_of(path: str) -> str:
    """Return what two paths have in common that are one file somewhere: for comparison only."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def _folders(
    repository: str, releases: Sequence[Release], records: Iterable[FileRecord]
) -> dict[int, str]:
    """Return the folder of each release; releases of one tag share it."""
    tags = {release.id: release.tag for release in releases}
    folder_of: dict[str, str] = {}
    taken: dict[str, str] = {}
    for record in records:
        tag, folder = tags.get(record.release_id), record.path.rpartition("/")[0]
        if tag is not None and folder in _both_places(repository, tag, record.release_id):
            taken.setdefault(key_of(folder), tag)
            folder_of.setdefault(tag, folder)
    for release in releases:
        if release.tag not in folder_of:
            plain, other = _both_places(repository, release.tag, release.id)
            folder = plain if taken.setdefault(key_of(plain), release.tag) == release.tag else other
            folder_of[release.tag] = folder
    return {release.id: folder_of[release.tag] for release in releases}


class _Places:
    """The places in one folder."""

    def __init__(self, folder: str, records: Iterable[FileRecord]) -> None:
        self._folder = folder
        self._recorded: dict[int | None, str] = {}
        self._taken = {key_of(f"{folder}/{OTHER_SUMS_NAME}"): ""}
        for record in records:
            if record.kind != "checksums":
                self._recorded[record.asset_id] = record.path
                self._taken.setdefault(key_of(record.path), record.name)

    def of(self, asset: Asset) -> tuple[str, str]:
        """Return an asset's place, and the one beside it.

        An asset that was uploaded again has its predecessor's.
        """
        plain, other = _both_places(self._folder, asset.name, asset.id)
        if (recorded := self._recorded.get(asset.id)) in {plain, other}:
            assert recorded is not None  # noqa: S101 - neither of them is
            return recorded, other
        if self._taken.setdefault(key_of(plain), asset.name) == asset.name:
            return plain, other
        return other, other

    def of_archive(self, name: str) -> str | None:
        """Return an archive's place, if no asset has it."""
        path = f"{self._folder}/{safe_name(name)}"
        return path if self._taken.get(key_of(path), "") == "" else None


def _both_places(folder: str, name: str, key: int) -> tuple[str, str]:
    return f"{folder}/{safe_name(name)}", f"{folder}/{safe_name(f'{name}~{key}')}"


def _wanted_asset(
    repository: str, release: Release, asset: Asset, place: tuple[str, str]
) -> Wanted:
    return Wanted(
        repository=repository,
        tag=release.tag,
        release_id=release.id,
        asset_id=asset.id,
        name=asset.name,
        size=asset.size,
        digest=asset.digest,
        state=asset.state,
        url=asset.url,
        browser_download_url=asset.browser_download_url,
        path=place[0],
        beside=place[1],
    )


def _archives(repository: str, release: Release, places: _Places, api_url: str) -> Iterable[Wanted]:
    """Return the archives of a release's tag, at the addresses that GitHub has for them."""
    stem = f"{PurePosixPath(repository).name}-{release.tag}"
    site = release.html_url.partition("/releases/tag/")[0]
    tag = quote(release.tag)
    for kind, ending in _ARCHIVES:
        path = places.of_archive(stem + ending)
        if path is not None:
            yield Wanted(
                repository=repository,
                tag=release.tag,
                release_id=release.id,
                kind=kind,
                asset_id=None,
                name=stem + ending,
                size=None,
                url=f"{api_url}/repos/{repository}/{kind}/refs/tags/{tag}",
                browser_download_url=f"{site}/archive/refs/tags/{tag}{ending}",
                path=path,
                beside=path,
            )
