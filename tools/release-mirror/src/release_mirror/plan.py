"""What to do about each file: pure decisions over plain values.

`--dry-run` prints what `plan` returns, and the real run carries out the same.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import partial
from typing import Literal, NamedTuple

from .manifest import FileRecord
from .places import Wanted

ActionKind = Literal[
    "fetch", "resume", "link", "keep", "adopt", "replaced", "gone", "leave", "refuse"
]
"""fetch: download it. resume: download the rest of it. link: it is here under the name that it,
its tag or its repository had before, and gets the new one, too. keep: it is here and whole. adopt:
it is here and whole, but was not recorded as it is. replaced: upstream has other bytes under the
same name. gone: upstream has it no more; it stays here. leave: not now. refuse: something is
wrong."""

_SHA256 = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE)


class OnReplaced(Enum):
    """What to do about an asset that was replaced upstream under the same name."""

    REFUSE = "refuse"
    KEEP_BOTH = "keep-both"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDisk:
    """What is at a path now.

    Attributes:
        regular: whether it is a regular file, in a folder that is no link.
        size: in bytes.
        mtime_ns: its time of modification.
        sha256: of its content, only where it was in doubt.
        trouble: why it cannot be read, if it cannot.
    """

    regular: bool = True
    size: int = 0
    mtime_ns: int = 0
    sha256: str | None = None
    trouble: str | None = None


class Part(NamedTuple):
    """The start of a download, kept from an earlier run: how much, and of which version."""

    size: int
    validator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a plan is made from, besides what is wanted.

    Attributes:
        repository: OWNER/REPO as it is called now; files may be where it was called otherwise.
        records: the manifest's files by path.
        disk: what is at the paths; a path that is missing is not there.
        parts: what earlier runs left of downloads, by path.
        published: what the releases' own checksums say, by path; several digests disagree.
        holders: recorded files that are here, by the asset that each holds.
    """

    repository: str = ""
    records: Mapping[str, FileRecord] = field(default_factory=dict)
    disk: Mapping[str, OnDisk] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    published: Mapping[str, frozenset[str]] = field(default_factory=dict)
    holders: Mapping[int, FileRecord] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What to do about one file, and why.

    Attributes:
        kind: what to do.
        wanted: the asset and its place.
        reason: why, for people.
        path: below DEST: the place, or the one beside it.
        downloads: whether something is to be downloaded.
        replaces: whether something that is at the path may be written over.
        adopted: the whole file that is in place, if the manifest has to learn of it.
        expected_sha256: what a download must hash to: GitHub's digest, else what was stored
            before (trust on first use), else unknown.
        published_sha256: what the release's own checksums say, if they do.
        part: what is here of it already.
        source: the file that gets another name.
    """

    kind: ActionKind
    wanted: Wanted
    reason: str
    path: str
    downloads: bool = False
    replaces: bool = False
    adopted: OnDisk | None = None
    expected_sha256: str | None = None
    published_sha256: str | None = None
    part: Part | None = None
    source: FileRecord | None = None

    @property
    def size(self) -> int:
        """Return the bytes of the whole file, as far as they are known."""
        return self.wanted.size or 0

    @property
    def missing(self) -> int:
        """Return the bytes to be downloaded, as far as they are known."""
        return max(0, self.size - (self.part.size if self.part else 0)) if self.downloads else 0


def sha256_of(digest: str | None) -> str | None:
    """Return the SHA-256 that GitHub gives for an asset, in lower-case hex, if it does."""
    match = _SHA256.fullmatch(digest or "")
    return match[1].lower() if match else None


def in_doubt(wanted: Wanted, record: FileRecord | None, found: OnDisk) -> bool:
    """Tell whether a file has to be read to know what it is: else its size says enough."""
    if not found.regular or found.trouble:
        return False
    if record is None or record.removed_at:
        return wanted.size in {None, found.size}
    return found.size == record.size and found.mtime_ns != record.mtime_ns


def plan(
    wanted: Iterable[Wanted], situation: Situation, policy: OnReplaced = OnReplaced.REFUSE
) -> list[Action]:
    """Return what to do about each wanted file, in their order, and then what is gone upstream."""
    actions = []
    taken: set[str] = set()
    for item in wanted:
        action = _linked(_decide(item, situation, policy), situation.holders)
        if action.path in taken:
            action = _action("refuse", item, "another asset has the same name")
        taken.add(action.path)
        taken.add(item.path)
        actions.append(action)
    return actions + [
        _gone(record, situation.repository)
        for record in situation.records.values()
        if record.gone_at
        and not record.removed_at
        and record.kind != "checksums"
        and record.path not in taken
    ]


def _decide(wanted: Wanted, situation: Situation, policy: OnReplaced) -> Action:
    act = partial(_action, wanted=wanted)
    record, found = situation.records.get(wanted.path), situation.disk.get(wanted.path)
    if record is not None and record.kind == "checksums":  # ours: it makes room
        if found is not None and found.regular and not _is_whole(wanted, found):
            found = None
        action = _decide(wanted, _without(situation, wanted.path, found), policy)
        return replace(action, replaces=action.downloads)
    if wanted.state != "uploaded":
        return act("leave", reason="its upload is not finished")
    if wanted.too_large and (record is None or record.removed_at):
        return act("leave", reason="larger than --max-size")
    if found is not None and not found.regular:
        return act("refuse", reason="something that is no file of ours is in its place")
    if found is not None and found.trouble:
        return act("refuse", reason=f"what is in its place cannot be read: {found.trouble}")
    if record is None or record.removed_at:
        action = _decide_unrecorded(wanted, record, found, situation.disk.get(wanted.beside))
    elif same_content(wanted, record):
        action = _decide_recorded(wanted, record, found)
    else:
        return _decide_replaced(wanted, situation, policy)
    return _with_part(_checked(action, record, situation), situation)


def _without(situation: Situation, path: str, found: OnDisk | None) -> Situation:
    """Return a situation in which a path has no record, and something else at it, if anything."""
    records = {key: record for key, record in situation.records.items() if key != path}
    disk = {key: seen for key, seen in situation.disk.items() if key != path}
    return replace(situation, records=records, disk=disk | ({path: found} if found else {}))


def _linked(action: Action, holders: Mapping[int, FileRecord]) -> Action:
    """Spare a download of what is here under an earlier name."""
    holder = holders.get(action.wanted.asset_id or 0)
    if action.kind != "fetch" or action.replaces or holder is None or holder.path == action.path:
        return action
    if holder.size != action.wanted.size or action.expected_sha256 not in {None, holder.sha256}:
        return action
    reason = f"renamed upstream; it is here as {holder.path}"
    return replace(action, kind="link", downloads=False, reason=reason, source=holder)


def _decide_recorded(wanted: Wanted, record: FileRecord, found: OnDisk | None) -> Action:
    act = partial(_action, wanted=wanted, expected_sha256=_expected(wanted, record))
    if found is None:
        return act("fetch", reason="missing here", downloads=True)
    if found.size != record.size:
        reason = f"damaged here: {found.size} bytes, not {record.size}"
        return act("fetch", reason=reason, downloads=True, replaces=True)
    if found.sha256 not in {None, record.sha256}:
        return act("fetch", reason="damaged here", downloads=True, replaces=True)
    if found.mtime_ns != record.mtime_ns:
        return act("adopt", reason="unchanged, but for its date", adopted=found)
    if record.asset_id != wanted.asset_id:
        known = replace(found, sha256=record.sha256)
        return act("adopt", reason="uploaded again with the same content", adopted=known)
    return act("keep", reason="unchanged")


def _decide_unrecorded(
    wanted: Wanted, removed: FileRecord | None, found: OnDisk | None, beside: OnDisk | None
) -> Action:
    act = partial(_action, wanted=wanted)
    expected = sha256_of(wanted.digest)
    if found is None:
        reason = "new" if removed is None else f"pruned {removed.removed_at}, and wanted again"
        if expected is None and removed is not None and same_content(wanted, removed):
            expected = _expected(wanted, removed)
        return act("fetch", reason=reason, downloads=True, expected_sha256=expected)
    if _is_whole(wanted, found):
        how = "the same content" if expected else "the right size" if wanted.size else "its name"
        return act("adopt", reason=f"already here with {how}", adopted=found)
    if beside is not None and _is_whole(wanted, beside):
        return act("adopt", reason="already here beside a file", path=wanted.beside, adopted=beside)
    return act("refuse", reason="another file is in its place; move it away to get the asset")


def _decide_replaced(wanted: Wanted, situation: Situation, policy: OnReplaced) -> Action:
    """Decide about an asset that has other bytes than the file under its name."""
    act = partial(_action, "replaced", wanted, expected_sha256=sha256_of(wanted.digest))
    if policy is OnReplaced.REFUSE:
        here = (
            "the file here is kept" if wanted.path in situation.disk else "the old one is not here"
        )
        return act(reason=f"replaced upstream under the same name; {here}")
    if policy is OnReplaced.REPLACE:
        action = act(
            reason="replaced upstream under the same name; it replaces the file here",
            downloads=True,
            replaces=True,
        )
    else:
        there = situation.disk.get(wanted.beside)
        if there is not None:
            return _beside(wanted, there)
        action = act(
            reason="replaced upstream under the same name; it is kept beside the file here",
            path=wanted.beside,
            downloads=True,
        )
    return _with_part(_checked(action, None, situation), situation)


def _beside(wanted: Wanted, found: OnDisk) -> Action:
    """Decide about a file that is where a replaced asset is to be kept, and not recorded."""
    if _is_whole(wanted, found):
        reason = "replaced upstream under the same name; already here beside the file"
        return _action("adopt", wanted, reason, path=wanted.beside, adopted=found)
    reason = f"replaced upstream under the same name, and another file is at {wanted.beside}"
    return _action("replaced", wanted, reason)


def _is_whole(wanted: Wanted, found: OnDisk) -> bool:
    """Tell whether a file that was read is what is wanted, as far as anybody can say."""
    expected = sha256_of(wanted.digest)
    return (
        found.sha256 is not None
        and wanted.size in {None, found.size}
        and expected in {None, found.sha256}
    )


def _gone(record: FileRecord, repository: str) -> Action:
    wanted = Wanted(
        repository=repository,
        tag=record.tag,
        release_id=record.release_id,
        kind=record.kind,
        asset_id=record.asset_id,
        name=record.name or record.path.rpartition("/")[2],
        size=record.size,
        url="",
        browser_download_url="",
        path=record.path,
        beside=record.path,
    )
    return _action("gone", wanted, f"gone upstream since {record.gone_at}; kept here")


def _checked(action: Action, record: FileRecord | None, situation: Situation) -> Action:
    """Hold what is known of a file's content against what the release's checksums say."""
    said = situation.published.get(action.wanted.path)
    if said is None and record is not None and record.published_sha256 is not None:
        said = frozenset({record.published_sha256})
    if not said or action.kind == "refuse":
        return action
    known = action.adopted.sha256 if action.adopted else action.expected_sha256
    if known is None and record is not None:
        known = record.sha256
    differing = sorted(said - {known})
    if len(said) > 1 or (known is not None and differing):
        return _contradicted(action, record, known, differing)
    [published] = said
    if action.downloads:
        action = replace(action, expected_sha256=published)
    elif record is not None and record.published_sha256 is None:
        action = replace(action, kind="adopt", adopted=action.adopted or _as_recorded(record))
    return replace(action, published_sha256=published)


def _contradicted(
    action: Action, record: FileRecord | None, known: str | None, differing: Sequence[str]
) -> Action:
    """Refuse a file that the release's own checksums contradict; the manifest remembers it."""
    says = f"sha256 is {known}, but " if known else ""
    reason = f"{says}the release's own checksums say {' and '.join(differing)}"
    there = record is not None and not action.downloads
    return replace(
        _action("refuse", action.wanted, reason, published_sha256=differing[0]),
        adopted=(action.adopted or _as_recorded(record)) if record and there else None,
    )


def _with_part(action: Action, situation: Situation) -> Action:
    """Go on with what an earlier run has left of a download."""
    part = situation.parts.get(action.path)
    if part is None or not action.downloads:
        return action
    kind: ActionKind = "resume" if action.kind == "fetch" else action.kind
    return replace(action, kind=kind, part=part)


def _as_recorded(record: FileRecord) -> OnDisk:
    return OnDisk(size=record.size, mtime_ns=record.mtime_ns, sha256=record.sha256)


def _expected(wanted: Wanted, record: FileRecord) -> str | None:
    """Return what must come again; what GitHub makes anew each time may differ."""
    return record.sha256 if wanted.kind == "asset" else None


def same_content(wanted: Wanted, record: FileRecord) -> bool:
    """Tell whether upstream still has what we stored, by digest where there is one."""
    if wanted.kind != "asset":
        return True
    expected = sha256_of(wanted.digest)
    if expected is not None:
        return expected == record.sha256
    return wanted.asset_id == record.asset_id and wanted.size == record.size


def _action(  # noqa: PLR0913 - a call names them
    kind: ActionKind,
    wanted: Wanted,
    reason: str,
    *,
    path: str | None = None,
    downloads: bool = False,
    replaces: bool = False,
    adopted: OnDisk | None = None,
    expected_sha256: str | None = None,
    published_sha256: str | None = None,
) -> Action:
    return Action(
        kind=kind,
        wanted=wanted,
        reason=reason,
        path=path or wanted.path,
        downloads=downloads,
        replaces=replaces,
        adopted=adopted,
        expected_sha256=expected_sha256,
        published_sha256=published_sha256,
    )
