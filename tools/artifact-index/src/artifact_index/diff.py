"""What differs between stored rows and upstream's: pure decisions over plain values.

The first field of a row is its key, the last says since when it has been gone upstream: None
for one that is there. Whoever writes carries out what `compare` returns, so that the counts,
the log of changes and the rows never disagree.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Row = tuple[object, ...]
ChangeKind = Literal["changed", "gone", "back"]

UNLOGGED = frozenset(
    {"html_url", "url", "browser_download_url", "download_count", "api_host", "gone_at"}
)
"""Addresses follow the repository's name and the tag; downloads have a history of their own."""


class Edit(NamedTuple):
    """An entry of the log: what happened to a row, and to which of its fields."""

    key: object
    change: ChangeKind
    field: str | None = None
    old: object = None
    new: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """How many rows were new, changed, unchanged, and found to be gone upstream."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    gone: int = 0

    @property
    def is_any(self) -> bool:
        """Whether there is more than unchanged rows."""
        return bool(self.new or self.changed or self.gone)

    def __add__(self, other: "Changes") -> "Changes":
        return Changes(
            new=self.new + other.new,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            gone=self.gone + other.gone,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What to write, and what to tell of it.

    Attributes:
        new: rows to insert.
        changed: rows to write over those of the same key.
        gone: keys of rows that are not there upstream any more.
        edits: what is to be told of the changed rows, field by field.
        counts: the same as numbers.
    """

    new: Sequence[Row]
    changed: Sequence[Row]
    gone: Sequence[object]
    edits: Sequence[Edit]
    counts: Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """What a whole listing of releases showed.

    Attributes:
        ids: of every release in it.
        oldest: the earliest `created_at` in it, if it ended at the server's limit.
        drafts: whether a draft was in it: who may not see drafts is shown none.
    """

    ids: Collection[object]
    oldest: str | None
    drafts: bool


class Known(NamedTuple):
    """A release that was there before a listing began."""

    key: int
    created_at: str
    draft: bool
    gone: bool


def compare(
    fields: Sequence[str],
    stored: Mapping[object, Row],
    upstream: Iterable[Row],
    *,
    whole: bool = False,
) -> Difference:
    """Return how to make the stored rows those of upstream.

    Args:
        fields: the names of a row's fields.
        stored: what is stored, by key; at least all rows of upstream's keys.
        upstream: the rows as they should be; of several with one key the last counts.
        whole: upstream's rows are all there are: what is stored beside them is gone.
    """
    rows = {row[0]: row for row in upstream}
    new = [row for key, row in rows.items() if key not in stored]
    changed = [row for key, row in rows.items() if stored.get(key, row) != row]
    gone = [key for key, row in stored.items() if whole and key not in rows and row[-1] is None]
    edits = [edit for row in changed for edit in _edits(fields, stored[row[0]], row)]
    counts = Changes(
        new=len(new),
        changed=len(changed),
        unchanged=len(rows) - len(new) - len(changed),
        gone=len(gone),
    )
    return Difference(new=new, changed=changed, gone=gone, edits=edits, counts=counts)


def _edits(fields: Sequence[str], before: Row, now: Row) -> list[Edit]:
    edits = [] if before[-1] is None else [Edit(now[0], "back")]
    for field, old, new in zip(fields, before, now, strict=True):
        if old != new and field not in UNLOGGED:
            edits.append(Edit(now[0], "changed", field, old, new))
    return edits


def missing(known: Iterable[Known], listed: Listed) -> list[int]:
    """Return the releases that a whole listing should have shown, and did not.

    A server that lists no more than so many leaves out the oldest: of those it says nothing.
    Nor does it say anything of drafts to who may not see them.
    """
    return [
        release.key
        for release in known
        if not release.gone
        and release.key not in listed.ids
        and (listed.drafts or not release.draft)
        and (listed.oldest is None or release.created_at > listed.oldest)
    ]
