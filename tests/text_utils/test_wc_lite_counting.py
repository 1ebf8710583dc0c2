"""What is counted, of any bytes in blocks of any size, is what two lines of Python count."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.text_utils.awkward import piped
from text_utils.wc_lite.counting import COLUMNS, counts, facts
from toolroll_shared.streams import Input

PIECES = [
    *[b" ", b"\t", b"\n", b"\r", b"\r\n", b"\v", b"\f", b"\0", b"x", b"word", b"\x1c", b"\x85"],
    *[b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0\0", b"\xc3\xa9", b"\xc3", b"\xe6\x97\xa5"],
    *[b"\xf0\x9f\x98\x80", b"\xcc\x81", b"\xed\xa0\x80"],
]
texts = st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(PIECES)).map(b"".join))
blocks = st.integers(1, 40)


def counted(text: bytes, columns: list[str], block: int) -> dict[str, int]:
    with piped(text) as descriptor:
        return counts(Input(descriptor, "pipe"), columns, block=block)


@given(text=texts, block=blocks)
def test_lines_words_characters_and_bytes_are_python_s(text: bytes, block: int) -> None:
    row = counted(text, ["lines", "words", "chars", "bytes"], block)
    characters = len(text.decode("utf-8", "ignore"))
    assert [*row.values()] == [text.count(b"\n"), len(text.split()), characters, len(text)]


@given(text=texts, block=blocks)
def test_each_column_is_the_same_alone_and_with_others(text: bytes, block: int) -> None:
    alone = {name: counted(text, [name], block)[name] for name in COLUMNS}
    assert counted(text, [*COLUMNS], 1 << 16) == alone


@given(text=texts, block=blocks)
def test_all_facts_are_those_of_the_whole_text(text: bytes, block: int) -> None:
    with piped(text) as descriptor:
        row = facts(Input(descriptor, "pipe"), block=block)
    crlf, newlines, returns = text.count(b"\r\n"), text.count(b"\n"), text.count(b"\r")
    assert row["longest_line_bytes"] == max(map(len, text.split(b"\n")))
    assert row["line_ends"] == {"lf": newlines - crlf, "crlf": crlf, "cr": returns - crlf}
    assert row["valid_utf8"] == (text.decode("utf-8", "ignore").encode() == text)
    assert row["final_newline"] == (text.endswith(b"\n") or not text)
    assert (row["lines"], row["words"], row["bytes"]) == (newlines, len(text.split()), len(text))


MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
}


@given(mark=st.sampled_from([*MARKS]), block=blocks)
def test_a_byte_order_mark_is_seen_at_the_start_only(mark: bytes, block: int) -> None:
    for text, encoding in [(mark + b"xyz", MARKS[mark]), (b"x" + mark, None), (mark[:-1], None)]:
        with piped(text) as descriptor:
            found = facts(Input(descriptor, "pipe"), block=block)["bom"]
        assert found == encoding or text == b"\xff\xfe\0"


@given(text=st.text("ab\t\r\f\n\v\0\x7f", max_size=80), block=blocks)
def test_the_width_of_ascii_is_that_of_the_longest_line_with_its_tabs_expanded(
    text: str, block: int
) -> None:
    shown = re.sub("[\0\v\x7f]", "", text)
    width = max(len(line.expandtabs()) for line in re.split("[\n\r\f]", shown))
    assert counted(text.encode(), ["width"], block) == {"width": width}


@given(text=texts, block=blocks)
def test_the_width_does_not_hang_on_the_blocks(text: bytes, block: int) -> None:
    assert counted(text, ["width"], block) == counted(text, ["width"], 1 << 16)
