"""Line ends made uniform, of any bytes in blocks of any size, against two lines of Python."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.text_utils.awkward import piped
from text_utils.normalize.ends import ENDS, Mender
from text_utils.normalize.texts import mended, would_change
from toolroll_shared.errors import UsageError
from toolroll_shared.streams import Input

PIECES = [b"\r", b"\n", b"\r\n", b"\r\r\r", b"a", b"\xef\xbb\xbf", b"\xef", b"\xff", b"\xfe", b"\0"]
texts = st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(PIECES)).map(b"".join))
blocks = st.integers(1, 20)
to = st.sampled_from(sorted(ENDS))
BOM = b"\xef\xbb\xbf"


def expected(text: bytes, to: str, *, mac: bool = False) -> bytes:
    return re.sub(rb"\r\n|\r|\n" if mac else rb"\r*\n", ENDS[to], text)


def fed(parts: list[bytes], to: str, *, mac: bool) -> tuple[bytes, bool]:
    mender = Mender(to, mac=mac)
    done = [piece for part in parts if part for piece in mender.feed(memoryview(part))]
    return b"".join([*done, *mender.finish()]), mender.changed


def normalized(text: bytes, mender: Mender, block: int, *, keep_bom: bool = True) -> bytes:
    with piped(text) as descriptor:
        source = Input(descriptor, "pipe")
        return b"".join(mended(source, mender, keep_bom=keep_bom, binary=True, block=block))


@given(parts=st.lists(texts, max_size=6), to=to, mac=st.booleans())
def test_every_end_becomes_the_one_wanted_however_the_text_is_cut(
    *, parts: list[bytes], to: str, mac: bool
) -> None:
    text = b"".join(parts)
    result, changed = fed(parts, to, mac=mac)
    assert result == expected(text, to, mac=mac)
    assert changed == (result != text)


@given(text=texts, to=to, mac=st.booleans())
def test_twice_is_once(*, text: bytes, to: str, mac: bool) -> None:
    once, _ = fed([text], to, mac=mac)
    assert fed([once], to, mac=mac) == (once, False)
    assert b"\r\r\n" not in once


@given(text=texts, to=to, mac=st.booleans(), keep_bom=st.booleans(), block=blocks)
def test_a_text_read_in_blocks_becomes_what_it_becomes_as_a_whole(
    *, text: bytes, to: str, mac: bool, keep_bom: bool, block: int
) -> None:
    mender = Mender(to, mac=mac)
    result = normalized(text, mender, block, keep_bom=keep_bom)
    assert result == expected(text if keep_bom else text.removeprefix(BOM), to, mac=mac)
    assert mender.changed == (result != text)


@given(text=texts, to=to, whole=st.booleans(), block=blocks)
def test_would_change_says_whether_the_result_differs(
    *, text: bytes, to: str, whole: bool, block: int
) -> None:
    mender = Mender(to)
    with piped(text) as descriptor:
        made = mended(Input(descriptor, "pipe"), mender, binary=True, block=block)
        assert would_change(made, mender, whole=whole) == (expected(text, to) != text)


@given(text=texts, block=blocks)
def test_wide_texts_and_those_with_a_nul_are_refused(text: bytes, block: int) -> None:
    refused = b"\0" in text or text.startswith((b"\xff\xfe", b"\xfe\xff"))
    with piped(text) as descriptor:
        made = mended(Input(descriptor, "pipe"), Mender("lf"), block=block)
        if not refused:
            assert b"".join(made) == expected(text, "lf")
            return
        with pytest.raises(UsageError) as caught:
            list(made)
    if "binary" in str(caught.value):
        assert f"(a NUL at byte {text.index(0)})" in str(caught.value)


def test_no_run_of_returns_takes_long_or_much_room() -> None:
    mender = Mender("crlf")
    pieces = [len(piece) for _ in range(99) for piece in mender.feed(memoryview(b"\r" * 99_999))]
    assert sum(pieces) == 0
    rest = [*map(len, mender.finish())]
    assert (sum(rest), mender.changed) == (99 * 99_999, False)
    assert max(rest) <= 64 * 1024
