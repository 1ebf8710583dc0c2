from datetime import UTC, datetime

import pytest

from gh_releases import Asset, Release
from release_mirror.plan import (
    ActionKind,
    FileRecord,
    OnDisk,
    Wanted,
    plan,
    sha256_of,
    wanted_assets,
)

A, B = "a" * 64, "b" * 64
TIME = datetime(2024, 1, 1, tzinfo=UTC)


def asset(
    *, asset_id: int = 1, size: int = 5, digest: str | None = f"sha256:{A}", state: str = "uploaded"
) -> Asset:
    return Asset(
        id=asset_id,
        name="tool.zip",
        size=size,
        digest=digest,
        content_type="application/zip",
        state=state,
        download_count=0,
        created_at=TIME,
        updated_at=TIME,
        url="https://api.invalid/1",
        browser_download_url="https://web.invalid/1",
    )


def wanted(one: Asset) -> Wanted:
    return Wanted(repository="o/r", tag="v1", asset=one, path="o/r/v1/tool.zip")


def record(*, asset_id: int = 1, size: int = 5, sha256: str = A, mtime_ns: int = 7) -> FileRecord:
    return FileRecord(
        path="o/r/v1/tool.zip",
        asset_id=asset_id,
        size=size,
        sha256=sha256,
        mtime_ns=mtime_ns,
        verified_by="digest",
    )


def found(
    *, size: int = 5, mtime_ns: int = 7, sha256: str | None = None, regular: bool = True
) -> OnDisk:
    return OnDisk(regular=regular, size=size, mtime_ns=mtime_ns, sha256=sha256)


UNDIGESTED = asset(digest=None)


@pytest.mark.parametrize(
    ("one", "known", "there", "kind", "reason"),
    [
        (asset(), None, None, "fetch", "new"),
        (asset(), record(), None, "fetch", "missing here"),
        (asset(), record(), found(), "keep", "unchanged"),
        (asset(), record(), found(mtime_ns=8, sha256=A), "keep", "but for its date"),
        (asset(), record(), found(mtime_ns=8, sha256=B), "fetch", "damaged here"),
        (asset(), record(), found(size=4, sha256=B), "fetch", "damaged here"),
        (asset(), record(), found(size=4), "fetch", "unreadable here"),
        (asset(), None, found(), "refuse", "cannot be read"),
        (UNDIGESTED, None, found(), "refuse", "cannot be read"),
        (asset(), None, found(sha256=A), "adopt", "the same content"),
        (asset(), None, found(sha256=B), "refuse", "another file"),
        (asset(), None, found(size=4, sha256=A), "refuse", "another file"),
        (UNDIGESTED, None, found(sha256=B), "adopt", "the right size"),
        (UNDIGESTED, None, found(size=4, sha256=B), "refuse", "another file"),
        (UNDIGESTED, record(sha256=B), found(), "keep", "unchanged"),
        (asset(digest="sha512:00"), None, None, "fetch", "new"),
        (asset(digest=f"sha256:{B}"), record(), found(), "refuse", "replaced upstream"),
        (asset(digest=f"sha256:{B}"), record(), None, "refuse", "replaced upstream"),
        (asset(asset_id=2), record(), found(), "keep", "unchanged"),
        (asset(asset_id=2, digest=None), record(), found(), "refuse", "replaced upstream"),
        (asset(size=6, digest=None), record(), found(), "refuse", "replaced upstream"),
        (asset(state="open"), None, None, "leave", "not finished"),
        (asset(), None, found(regular=False), "refuse", "no file of ours"),
        (asset(), record(), found(regular=False), "refuse", "no file of ours"),
    ],
)
def test_each_state_of_an_asset_has_one_action(
    one: Asset, known: FileRecord | None, there: OnDisk | None, kind: ActionKind, reason: str
) -> None:
    path = "o/r/v1/tool.zip"
    records = {} if known is None else {path: known}
    disk = {} if there is None else {path: there}
    [action] = plan([wanted(one)], records, disk)
    assert (action.kind, reason in action.reason) == (kind, True), action
    adopts = kind == "adopt" or "date" in reason
    assert (action.adopted is not None) == adopts


def test_a_second_asset_of_the_same_path_is_refused() -> None:
    kinds = [action.kind for action in plan([wanted(asset()), wanted(asset(asset_id=2))], {}, {})]
    assert kinds == ["fetch", "refuse"]


@pytest.mark.parametrize(
    ("digest", "expected"),
    [
        (f"sha256:{A}", A),
        (f"SHA256:{A.upper()}", A),
        (None, None),
        ("sha512:" + A, None),
        (f"sha256:{A}0", None),
        ("sha256:", None),
    ],
)
def test_only_a_whole_sha256_counts_as_a_digest(digest: str | None, expected: str | None) -> None:
    assert sha256_of(asset(digest=digest)) == expected


def test_drafts_are_not_wanted() -> None:
    def release(tag: str, *, draft: bool) -> Release:
        return Release(
            id=1,
            tag_name=tag,
            name=None,
            draft=draft,
            prerelease=False,
            created_at=TIME,
            published_at=None if draft else TIME,
            html_url="https://web.invalid",
            assets=(asset(),),
        )

    releases = [release("v1", draft=False), release("v2", draft=True)]
    assert [item.path for item in wanted_assets("o/r", releases)] == ["o/r/v1/tool.zip"]
