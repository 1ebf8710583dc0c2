from collections.abc import Mapping
from dataclasses import replace

import pytest

from release_mirror.manifest import FileRecord
from release_mirror.places import Wanted
from release_mirror.plan import (
    Action,
    ActionKind,
    OnDisk,
    OnReplaced,
    Part,
    Situation,
    in_doubt,
    plan,
    sha256_of,
)
from tests.release_mirror.parts import BESIDE, PATH, A, B, C, found, record, wanted

UNDIGESTED = wanted(digest=None)
ARCHIVE = wanted(kind="tarball", asset_id=None, size=None, digest=None)
REPLACED = wanted(asset_id=2, digest=f"sha256:{B}")


def decide(
    one: Wanted,
    known: FileRecord | None = None,
    there: OnDisk | None = None,
    *,
    policy: OnReplaced = OnReplaced.REFUSE,
    beside: OnDisk | None = None,
    **situation: Mapping[str, object],
) -> Action:
    """What the plan says about one wanted file."""
    disk = {PATH: there, BESIDE: beside}
    whole = Situation(
        records={} if known is None else {known.path: known},
        disk={path: seen for path, seen in disk.items() if seen is not None},
        **situation,  # type: ignore[arg-type] # a test's own
    )
    [action] = plan([one], whole, policy)
    return action


@pytest.mark.parametrize(
    ("one", "known", "there", "kind", "reason"),
    [
        (wanted(), None, None, "fetch", "new"),
        (wanted(), record(), None, "fetch", "missing here"),
        (wanted(), record(), found(), "keep", "unchanged"),
        (wanted(), record(), found(mtime_ns=8, sha256=A), "adopt", "but for its date"),
        (wanted(), record(), found(mtime_ns=8, sha256=B), "fetch", "damaged here"),
        (wanted(), record(), found(sha256=B), "fetch", "damaged here"),
        (wanted(), record(), found(size=4), "fetch", "damaged here: 4 bytes, not 5"),
        (wanted(), None, found(trouble="Permission denied"), "refuse", "Permission denied"),
        (wanted(), record(), found(trouble="Permission denied"), "refuse", "cannot be read"),
        (wanted(), None, found(sha256=A), "adopt", "the same content"),
        (wanted(), None, found(sha256=B), "refuse", "another file"),
        (wanted(), None, found(size=4), "refuse", "another file"),
        (UNDIGESTED, None, found(sha256=B), "adopt", "the right size"),
        (UNDIGESTED, None, found(size=4), "refuse", "another file"),
        (UNDIGESTED, record(sha256=B), found(), "keep", "unchanged"),
        (wanted(digest="sha512:00"), None, None, "fetch", "new"),
        (REPLACED, record(), found(), "replaced", "the file here is kept"),
        (REPLACED, record(), None, "replaced", "replaced upstream"),
        (wanted(asset_id=2), record(), found(), "adopt", "uploaded again"),
        (wanted(asset_id=2, digest=None), record(), found(), "replaced", "replaced upstream"),
        (wanted(size=6, digest=None), record(), found(), "replaced", "replaced upstream"),
        (wanted(state="open"), None, None, "leave", "not finished"),
        (wanted(too_large=True), None, None, "leave", "larger than"),
        (wanted(too_large=True), record(), found(), "keep", "unchanged"),
        (wanted(), None, found(regular=False), "refuse", "no file of ours"),
        (wanted(), record(), found(regular=False), "refuse", "no file of ours"),
        (wanted(), record(removed_at="2026"), None, "fetch", "pruned 2026, and wanted again"),
        (wanted(), record(removed_at="2026"), found(sha256=A), "adopt", "already here"),
        (wanted(), record(removed_at="2026"), found(sha256=B), "refuse", "another file"),
    ],
)
def test_each_state_of_an_asset_has_one_action(
    one: Wanted, known: FileRecord | None, there: OnDisk | None, kind: ActionKind, reason: str
) -> None:
    action = decide(one, known, there)
    assert (action.kind, reason in action.reason) == (kind, True), action
    assert action.downloads == (kind == "fetch")
    assert action.replaces == ("damaged" in reason)
    assert (action.adopted is not None) == (kind == "adopt")
    assert action.missing == (5 if kind == "fetch" else 0)


@pytest.mark.parametrize(
    ("one", "known", "expected"),
    [
        (wanted(), None, A),
        (UNDIGESTED, None, None),
        (UNDIGESTED, record(sha256=B), B),
        (UNDIGESTED, record(sha256=B, removed_at="2026"), B),
        (ARCHIVE, record(asset_id=None, kind="tarball", removed_at="2026"), None),
        (wanted(), record(removed_at="2026", sha256=B), A),
        (
            wanted(kind="tarball", asset_id=None, size=None, digest=None),
            record(asset_id=None),
            None,
        ),
    ],
)
def test_a_download_must_be_what_github_or_our_own_past_says(
    one: Wanted, known: FileRecord | None, expected: str | None
) -> None:
    action = decide(one, known)
    assert (action.downloads, action.expected_sha256) == (True, expected)


@pytest.mark.parametrize(
    ("beside", "kind", "downloads", "path"),
    [
        (None, "replaced", True, BESIDE),
        (found(sha256=B), "adopt", False, BESIDE),
        (found(sha256=C), "replaced", False, PATH),
        (found(size=4), "replaced", False, PATH),
    ],
)
def test_a_replaced_asset_can_be_kept_beside_its_predecessor(
    *, beside: OnDisk | None, kind: ActionKind, downloads: bool, path: str
) -> None:
    action = decide(REPLACED, record(), found(), policy=OnReplaced.KEEP_BOTH, beside=beside)
    assert (action.kind, action.downloads, action.path) == (kind, downloads, path)
    assert not action.replaces


def test_a_replaced_asset_can_replace_its_predecessor() -> None:
    action = decide(REPLACED, record(), found(), policy=OnReplaced.REPLACE)
    assert (action.kind, action.downloads, action.replaces) == ("replaced", True, True)
    assert (action.path, action.expected_sha256) == (PATH, B)


@pytest.mark.parametrize("known", [None, record(sha256=A)])
def test_the_releases_own_checksums_count_like_a_digest(known: FileRecord | None) -> None:
    assert decide(UNDIGESTED, published={PATH: frozenset({B})}).expected_sha256 == B
    agreeing = decide(wanted(), known, published={PATH: frozenset({A})})
    assert (agreeing.kind, agreeing.published_sha256) == ("fetch", A)
    action = decide(wanted(), known, published={PATH: frozenset({B})})
    assert (action.kind, action.downloads) == ("refuse", False)
    assert action.reason == f"sha256 is {A}, but the release's own checksums say {B}"


def test_checksums_that_disagree_are_believed_by_nobody() -> None:
    action = decide(UNDIGESTED, published={PATH: frozenset({A, B})})
    assert (action.kind, action.reason) == (
        "refuse",
        f"the release's own checksums say {A} and {B}",
    )


def test_a_file_here_that_the_checksums_contradict_is_an_alarm_in_every_later_run() -> None:
    first = decide(wanted(), record(), found(), published={PATH: frozenset({B})})
    assert first.kind == "refuse"
    assert first.adopted is not None, "it is recorded"
    later = decide(wanted(), record(published_sha256=B), found())
    assert later.kind == "refuse"


def test_a_file_here_that_the_checksums_confirm_is_recorded_once() -> None:
    said = {PATH: frozenset({A})}
    first = decide(wanted(), record(), found(), published=said)
    assert (first.kind, first.published_sha256) == ("adopt", A)
    assert decide(wanted(), record(published_sha256=A), found(), published=said).kind == "keep"


def test_what_an_earlier_run_has_left_is_gone_on_with() -> None:
    action = decide(wanted(), parts={PATH: Part(3, '"tag"')})
    assert (action.kind, action.missing, action.part) == ("resume", 2, Part(3, '"tag"'))


def test_what_is_recorded_and_gone_upstream_is_told_of_and_kept() -> None:
    gone = {
        "o/r/v0/old": record(path="o/r/v0/old", asset_id=9, gone_at="2026", name="old", tag="v0"),
        "o/r/v0/SHA256SUMS": record(
            path="o/r/v0/SHA256SUMS", kind="checksums", asset_id=None, gone_at="2026"
        ),
        "o/r/v0/away": record(path="o/r/v0/away", gone_at="2026", removed_at="2026"),
    }
    fresh, old = plan([wanted()], Situation(repository="o/r", records=gone))
    assert (fresh.kind, old.kind, old.wanted.name) == ("fetch", "gone", "old")
    assert old.wanted.repository == "o/r"
    assert not old.downloads


def test_a_second_asset_of_the_same_path_is_refused() -> None:
    kinds = [action.kind for action in plan([wanted(), wanted(asset_id=2)], Situation())]
    assert kinds == ["fetch", "refuse"]


@pytest.mark.parametrize(
    ("one", "known", "there", "expected"),
    [
        (wanted(), record(), found(), False),
        (wanted(), record(), found(mtime_ns=8), True),
        (wanted(), record(), found(mtime_ns=8, size=4), False),
        (wanted(), None, found(), True),
        (wanted(), None, found(size=4), False),
        (wanted(size=None), None, found(size=4), True),
        (wanted(), record(removed_at="2026"), found(), True),
        (wanted(), None, found(regular=False), False),
        (wanted(), None, found(trouble="no"), False),
    ],
)
def test_only_files_whose_size_and_date_do_not_tell_are_read(
    *, one: Wanted, known: FileRecord | None, there: OnDisk, expected: bool
) -> None:
    assert in_doubt(one, known, there) == expected


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
    assert sha256_of(digest) == expected


def test_a_plan_of_the_same_situation_is_the_same() -> None:
    situation = Situation(records={PATH: record()}, disk={PATH: found()})
    assert plan([wanted()], situation) == plan([replace(wanted())], situation)


@pytest.mark.parametrize(
    ("there", "kind"),
    [
        (found(), "fetch"),
        (None, "fetch"),
        (found(mtime_ns=8, sha256=B), "fetch"),
        (found(mtime_ns=8, sha256=A), "adopt"),
        (found(regular=False), "refuse"),
    ],
)
def test_our_own_checksums_make_room_for_an_asset(there: OnDisk | None, kind: ActionKind) -> None:
    ours = record(kind="checksums", asset_id=None, sha256=C)
    action = decide(wanted(), ours, there)
    assert (action.kind, action.replaces) == (kind, kind == "fetch")
