"""Lines of logs: whole whatever the blocks, each a record or none, without regard to the others."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observe import record_of
from observe.records import MAX_LINE_BYTES, TOO_LONG, lines_of, pieces_of, records_of
from tests.observe.logs import failure, record

_LINES = st.lists(
    st.sampled_from([record(), failure(bytes=7), b"junk\n", b"\n", b"\xff\0\n", b"x"])
)


def _blocks(text: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[begin:end] for begin, end in pairwise(places)]


@given(_LINES, st.lists(st.integers(0, 10**6)))
def test_blocks_may_end_anywhere(lines: list[bytes], cuts: list[int]) -> None:
    text = b"".join(lines)
    blocks = _blocks(text, cuts)
    whole = text.split(b"\n")
    assert list(lines_of(blocks)) == (whole if whole[-1] else whole[:-1])
    assert b"".join(pieces_of(blocks)) == text


@given(_LINES)
def test_together_lines_are_what_each_is(lines: list[bytes]) -> None:
    text = b"".join(lines)
    assert list(records_of(text)) == [record_of(line) for line in text.split(b"\n") if line]


@pytest.mark.parametrize("size", [1000, 70_000, 10_000_000])
def test_a_line_that_is_too_long_is_none_and_the_next_ones_are_whole(size: int) -> None:
    long = record(target="x" * 2 * MAX_LINE_BYTES)
    text = record() + long + record() + long
    blocks = [text[at : at + size] for at in range(0, len(text), size)]
    one = record().removesuffix(b"\n")
    assert list(lines_of(blocks)) == [one, TOO_LONG, one, TOO_LONG]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xef\xbb\xbf" + record(),
        record() * 2,
        record(bytes=-1),
        record(bytes=2**63),
        record(bytes=1.5),
        record(bytes=True),
        record(duration_ms=-0.001),
        record(duration_ms=10**300),
        record(ok=1),
        record(tool=None),
        record(target="\ud800"),
        b"[" * 100_000,
        b'{"x":' * 100_000,
    ],
)
def test_what_no_sum_could_take_is_no_record(line: bytes) -> None:
    assert record_of(line) is None


def test_a_moment_that_is_none_is_long_ago() -> None:
    for ts in ("", "yesterday", "9999-99-99T00:00:00Z", "0001-01-01T00:00:00+23:59"):
        found = record_of(record(ts=ts))
        assert found is not None
        assert found.written_at <= 0
