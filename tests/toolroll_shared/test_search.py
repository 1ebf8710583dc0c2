"""Needles in blocks: what is found is what a two-line reference finds."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.letters import TRICKY, tricky_bytes, tricky_text
from toolroll_shared.search import first_hit, needle_for
from toolroll_shared.streams import Input

LETTERS = b"ab\n\xc3\x9fS"
texts = st.one_of(st.lists(st.sampled_from(LETTERS), max_size=120).map(bytes), tricky_bytes())
needles = st.one_of(
    st.lists(st.sampled_from(LETTERS), min_size=1, max_size=3).map(bytes),
    tricky_text(min_size=1, max_size=3).map(str.encode),
)
line_needles = needles.map(lambda needle: needle.replace(b"\n", b"")).filter(bool)
UNFIT = "surrogateescape"


@contextmanager
def reading(text: bytes) -> Iterator[int]:
    """The reading end of a pipe that holds the text."""
    here, there = os.pipe()
    try:
        os.write(there, text)
        os.close(there)
        yield here
    finally:
        os.close(here)


def folded(text: bytes, *, caseless: bool, needle: bytes) -> list[tuple[bytes, bytes]]:
    """The text's characters as they are compared, and as they are."""
    try:
        needle.decode()
    except UnicodeDecodeError:
        return [(one.lower() if caseless else one, one) for one in map(byte, text)]
    if not caseless:
        return [(one, one) for one in map(byte, text)]
    characters = text.decode("utf-8", UNFIT)
    return [
        (one.casefold().encode("utf-8", UNFIT), one.encode("utf-8", UNFIT)) for one in characters
    ]


def byte(number: int) -> bytes:
    return bytes([number])


def where(text: bytes, needle: bytes, *, caseless: bool) -> int:
    """Where the first character of the first hit begins, or -1; the reference."""
    characters = folded(text, caseless=caseless, needle=needle)
    wanted = [one for one, _ in folded(needle, caseless=caseless, needle=needle)]
    at = b"".join(one for one, _ in characters).find(b"".join(wanted))
    offset = 0
    for one, original in characters if at >= 0 else []:
        at -= len(one)
        if at < 0:
            return offset
        offset += len(original)
    return -1


def has(text: bytes, needle: bytes, *, caseless: bool) -> bool:
    return where(text, needle, caseless=caseless) >= 0


def lines_of(text: bytes) -> list[bytes]:
    return [*[line + b"\n" for line in text.split(b"\n")][:-1], text.rpartition(b"\n")[2]]


@given(text=texts, needle=needles, caseless=st.booleans(), block=st.integers(1, 20))
def test_a_needle_is_found_over_any_border(
    *, text: bytes, needle: bytes, caseless: bool, block: int
) -> None:
    with reading(text) as descriptor:
        found = first_hit(
            Input(descriptor, "pipe"),
            needle_for(needle, caseless=caseless),
            lines=True,
            block=block,
        )
    offset = where(text, needle, caseless=caseless)
    assert found == (None if offset < 0 else (offset, 1 + text[:offset].count(b"\n")))


@given(text=texts, needle=line_needles, caseless=st.booleans())
def test_the_lines_with_a_needle_are_those(*, text: bytes, needle: bytes, caseless: bool) -> None:
    one = needle_for(needle, caseless=caseless)
    expected = [line for line in lines_of(text) if has(line, needle, caseless=caseless)]
    assert [text[start:end] for start, end in one.lines(text)] == expected
    assert one.count_lines(text) == len(expected)
    assert one.text_of_lines(text) == b"".join(expected)
    others = [line for line in lines_of(text) if not has(line, needle, caseless=caseless)]
    assert one.text_of_lines(text, invert=True) == b"".join(others)


@given(text=texts, needle=line_needles, caseless=st.booleans())
def test_matches_lie_where_the_needle_is(*, text: bytes, needle: bytes, caseless: bool) -> None:
    for line in lines_of(text):
        spans = list(needle_for(needle, caseless=caseless).matches(line))
        assert bool(spans) == has(line, needle, caseless=caseless)
        for start, end in spans:
            assert has(line[start:end], needle, caseless=caseless)
            if not caseless:
                assert line[start:end] == needle
        ends = [0, *(end for _, end in spans)]
        assert all(start >= end for (start, _), end in zip(spans, ends, strict=False))


@pytest.mark.parametrize(
    ("needle", "text"),
    [
        ("straße", "STRASSE"),
        ("STRASSE", "straße"),
        ("k", "\u212a"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("i\u0307", "İ"),
        ("İ", "i\u0307"),
        ("ﬁ", "FI"),
        ("s", "ß"),
    ],
)
def test_caseless_is_unicodes_full_case_folding(needle: str, text: str) -> None:
    one = needle_for(needle.encode(), caseless=True)
    assert one.find(f"¡ {text}".encode()) == len("¡ ".encode())
    assert list(one.matches(f"¡ {text}".encode())) != []


@pytest.mark.parametrize(("text", "at"), [(b"\xe9A", 0), (b"xx\xe9a", 2), (b"\xe9b", -1)])
def test_a_needle_that_is_not_utf8_is_compared_by_bytes_and_ascii_letters(
    text: bytes, at: int
) -> None:
    assert needle_for(b"\xe9a", caseless=True).find(text) == at


@pytest.mark.parametrize("needle", [b"?", b"x?", "?é".encode(), b"\0?", b"?\0\1\2"])
def test_what_stands_for_invalid_bytes_is_never_found(needle: bytes) -> None:
    one = needle_for(needle, caseless=True)
    assert one.find("é".encode() + b" x\xff \xff\xff\xff\xff") == -1
    assert one.find("é\xff".encode() + b"\xff" + needle) == 5


def test_the_empty_needle_is_in_every_line() -> None:
    for caseless in (False, True):
        one = needle_for(b"", caseless=caseless)
        for text in (b"", b"\n", b"a", b"a\n", b"\n\nb", "é\n\né".encode()):
            lines = [line for line in lines_of(text) if line]
            assert [text[start:end] for start, end in one.lines(text)] == lines
            assert one.count_lines(text) == len(lines)
            assert list(one.matches(text)) == []


@pytest.mark.parametrize("letters", TRICKY)
def test_a_needle_longer_than_the_blocks_is_found(letters: str) -> None:
    needle = (letters * 30).encode()
    for caseless in (False, True):
        with reading(b"x" * 100 + needle + b"x") as descriptor:
            one = needle_for(needle, caseless=caseless)
            assert first_hit(Input(descriptor, "pipe"), one, block=7) == (100, 0)


def test_reading_begins_where_the_descriptor_stands(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"needle and needle")
    with path.open("rb") as file:
        file.seek(3)
        assert first_hit(Input(file.fileno(), "file"), needle_for(b"needle", caseless=False)) == (
            8,
            0,
        )
