"""Lines of a log with stamps, as records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_toolbox.records import MAX_LINE_BYTES, NS, PIECE_BYTES, TooLong, record_of, records_of

STAMP = b"2026-11-22T10:36:58.123456789Z"
AT = 1795343818 * NS + 123456789


@pytest.mark.parametrize(
    ("stamp", "at"),
    [
        (b"2026-11-22T10:36:58.123456789Z", AT),
        (b"2026-11-22T12:36:58.123456789+02:00", AT),
        (b"2026-11-22T05:06:58.123456789-05:30", AT),
        (b"2026-11-22T10:36:58.1Z", AT - 23456789),
        (b"2026-11-22T10:36:58Z", AT - 123456789),
    ],
)
def test_a_stamp_is_an_instant_in_any_zone_and_with_any_digits(stamp: bytes, at: int) -> None:
    record = record_of(stamp + b" text")
    assert (record.stamp, record.ts, record.line) == (at, stamp, b"text")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no stamp",
        b"2026-13-01T00:00:00Z no month",
        b"0000-01-01T00:00:00Z no year",
        STAMP,
        b" " + STAMP + b" x",
    ],
)
def test_what_has_no_stamp_is_kept_as_it_is(line: bytes) -> None:
    assert record_of(line) == (None, b"", line, True, ())


def test_a_line_in_pieces_is_one_line_without_the_stamps_inside() -> None:
    piece = b"x" * PIECE_BYTES
    record = record_of(STAMP + b" " + piece + STAMP + b" " + piece + STAMP + b" end")
    assert record.line == piece + piece + b"end"
    assert record.pieces == (AT, AT)


def test_an_empty_line_is_a_line() -> None:
    assert [one.line for (one,) in records_of([STAMP + b" \n"])] == [b""]


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.data())
def test_lines_come_the_same_however_they_are_cut_into_blocks(
    lines: list[bytes], data: st.DataObject
) -> None:
    text = b"".join(STAMP + b" " + line + b"\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    blocks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = [one for records in records_of(filter(None, blocks)) for one in records]
    assert [one.line for one in found] == lines
    assert all(one.ended and one.stamp == AT for one in found)


def test_the_last_line_may_have_no_end() -> None:
    *_, (last,) = records_of([STAMP + b" a\n" + STAMP, b" b"])
    assert (last.line, last.ended) == (b"b", False)


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    taken = 0

    def blocks() -> object:
        nonlocal taken
        while True:
            taken += 1 << 16
            yield b"x" * (1 << 16)

    with pytest.raises(TooLong, match="no end after 16 MiB"):
        list(records_of(blocks()))  # type: ignore[arg-type] # it is an endless iterator
    assert taken <= MAX_LINE_BYTES + (1 << 16)
