"""What to write, decided over plain values."""

import pytest

from artifact_index.diff import Changes, Edit, Known, Listed, Row, compare, missing

FIELDS = ("id", "name", "url", "gone_at")
GONE = "2026-01-01T00:00:00Z"


def row(key: int, name: str = "a", url: str = "u", gone_at: str | None = None) -> Row:
    return (key, name, url, gone_at)


def stored(*rows: Row) -> dict[object, Row]:
    return {one[0]: one for one in rows}


def test_a_row_that_is_not_stored_is_new_and_not_told() -> None:
    difference = compare(FIELDS, {}, [row(1)])
    assert (difference.new, difference.changed, difference.edits) == ([row(1)], [], [])
    assert difference.counts == Changes(new=1)


def test_a_row_that_is_the_same_is_not_written() -> None:
    difference = compare(FIELDS, stored(row(1)), [row(1)], whole=True)
    assert (difference.new, difference.changed, difference.gone) == ([], [], [])
    assert difference.counts == Changes(unchanged=1)


def test_a_row_that_differs_is_written_and_told_field_by_field() -> None:
    difference = compare(FIELDS, stored(row(1)), [row(1, "b", "v")])
    assert difference.changed == [row(1, "b", "v")]
    assert difference.edits == [Edit(1, "changed", "name", "a", "b")], "addresses are not told"
    assert difference.counts == Changes(changed=1)


def test_a_row_that_was_gone_is_back() -> None:
    difference = compare(FIELDS, stored(row(1, gone_at=GONE)), [row(1)])
    assert (difference.changed, difference.edits) == ([row(1)], [Edit(1, "back")])


@pytest.mark.parametrize("whole", [True, False])
def test_a_row_beside_all_there_are_is_gone(*, whole: bool) -> None:
    before = stored(row(1), row(2), row(3, gone_at=GONE))
    difference = compare(FIELDS, before, [row(1)], whole=whole)
    assert difference.gone == ([2] if whole else [])
    assert difference.counts == Changes(unchanged=1, gone=int(whole))


def test_of_several_rows_with_one_key_the_last_counts() -> None:
    difference = compare(FIELDS, {}, [row(1, "a"), row(1, "b")])
    assert (difference.new, difference.counts) == ([row(1, "b")], Changes(new=1))


def known(
    key: int, created_at: str = "2026-01-05", *, draft: bool = False, gone: bool = False
) -> Known:
    return Known(key, created_at, draft, gone)


@pytest.mark.parametrize(
    ("release", "listed", "expected"),
    [
        (known(1), Listed(ids={2}, oldest=None, drafts=False), [1]),
        (known(1), Listed(ids={1}, oldest=None, drafts=False), []),
        (known(1, gone=True), Listed(ids={2}, oldest=None, drafts=False), []),
        (known(1, draft=True), Listed(ids={2}, oldest=None, drafts=False), []),
        (known(1, draft=True), Listed(ids={2}, oldest=None, drafts=True), [1]),
        (known(1), Listed(ids={2}, oldest="2026-01-04", drafts=False), [1]),
        (known(1), Listed(ids={2}, oldest="2026-01-05", drafts=False), []),
        (known(1), Listed(ids={2}, oldest="2026-01-06", drafts=False), []),
    ],
)
def test_a_release_is_missing_only_if_it_would_have_been_listed(
    release: Known, listed: Listed, expected: list[int]
) -> None:
    assert missing([release], listed) == expected
