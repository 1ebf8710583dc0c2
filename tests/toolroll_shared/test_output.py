import io
import json
import math
import os
import pty
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toolroll_shared.programs import ENVIRONMENT, finish
from toolroll_shared.output import (
    human_size,
    is_terminal,
    json_document,
    oneline,
    printable,
    redact_url,
    table,
)

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31mred", r"\x9b31mred"),
        ("title\x1b]0;evil\x07", r"title\x1b]0;evil\x07"),
        ("a\x00b\x08c\x7f", r"a\x00b\x08c\x7f"),
        ("one\ntwo\r\tthree", r"one\ntwo\r\tthree"),
        ("nel\x85ls\u2028ps\u2029", r"nel\x85ls\u2028ps\u2029"),
        ("exe.\u202etxt", r"exe.\u202etxt"),
        ("\ufeffbom", r"\ufeffbom"),
        ("lone\ud800\udfff", r"lone\ud800\udfff"),
        ("\udcff", r"\udcff"),
        ("tag \U000e0041", r"tag \U000e0041"),
    ],
    ids=ascii,
)
def test_what_could_steer_a_terminal_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("", "plain", "C:\\path", "naïve café", "e\u0301", "Ελληνικά", "Русский", "עברית"),
        *(
            "العربية",
            "हिन्दी",
            "ไทย",
            "한국어",
            "日本語",
            "中文",
            "👩\u200d🚀",
            "❤\ufe0f",
            "🇪🇺",
            "½²",
        ),
        pytest.param("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647", id="Persian needs a non-joiner"),
        pytest.param("一覧\u3000表", id="Japanese and Chinese have a space of their own"),
        pytest.param("100\u00a0km", id="French has one too"),
    ],
)
def test_ordinary_text_of_any_script_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  two\n\n lines\t", "two lines"),
        ("a\x85b\u2028c\x1cd", "a b c d"),
        ("red\x1b[31m\n", r"red\x1b[31m"),
        (" \n ", ""),
    ],
)
def test_a_text_becomes_one_safe_line(text: str, line: str) -> None:
    assert oneline(text) == line


def steers(character: str) -> bool:
    category = unicodedata.category(character)
    return category in {"Cc", "Cs", "Zl", "Zp"} or character in BIDI


ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANY_TEXT)
def test_no_text_ever_steers_a_terminal(text: str) -> None:
    for shown in (printable(text), oneline(text)):
        assert not any(map(steers, shown))
        shown.encode()


@given(ANY_TEXT)
def test_a_safe_text_stays_as_it_is(text: str) -> None:
    assert printable(printable(text)) == printable(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/path", "https://host/path"),
        ("https://host:8443/path?", "https://host:8443/path"),
        ("https://host/path?sig=s3cret", "https://host/path?..."),
        ("https://me:s3cret@host/path#s3cret", "https://host/path"),
        ("https://s3cret@host?s3cret#s3cret", "https://host?..."),
        ("https://me:s3cret@x@host/", "https://host/"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://[s3cret", "(a URL that cannot be parsed)"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@pytest.mark.parametrize(
    "url",
    ["me:s3cret@host/path", "https:/me:s3cret@host/", "https:me:s3cret@host", "//me:s3cret@host"],
)
def test_a_url_that_lacks_its_slashes_shows_no_secret_either(url: str) -> None:
    assert "s3cret" not in redact_url(url)


@given(st.text())
def test_any_text_can_be_redacted(url: str) -> None:
    assert isinstance(redact_url(url), str)


NO_DELIMITERS = st.text(st.characters(exclude_characters="/?#\\[]@:", exclude_categories=["Cs"]))


@given(NO_DELIMITERS, st.text(), st.text())
def test_no_secret_part_of_a_url_is_ever_shown(user: str, query: str, fragment: str) -> None:
    url = f"https://{user}:5ecret@host/path?{query}&sig=5ecret#{fragment}5ecret"
    assert "5ecret" not in redact_url(url)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        *((0, "0 B"), (1, "1 B"), (999, "999 B"), (1000, "1.0 kB"), (1500, "1.5 kB")),
        *((20_000_000, "20.0 MB"), (10**9, "1.0 GB"), (3 * 10**12, "3.0 TB")),
        *((5 * 10**15, "5000.0 TB"), (999_949, "999.9 kB"), (999_999, "1.0 MB")),
    ],
)
def test_sizes_are_shown_in_decimal_units(size: int, shown: str) -> None:
    assert human_size(size) == shown


def test_a_json_document_is_ascii_and_ends_its_line() -> None:
    document = json_document({"name": "naïve \x1b[31m \ud800 😀", "sizes": [1, None]})
    assert document.isascii()
    assert document.endswith("}\n")
    assert "\x1b" not in document
    assert json.loads(document)["name"] == "naïve \x1b[31m \ud800 😀"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_json_document_holds_no_number_that_json_does_not_know(value: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        json_document([value])


ROWS = [["v1.0", "tool\t\n\x1b[31m"], ["v2.0-long-tag", "日本語"]]


def test_elsewhere_than_on_a_terminal_a_table_is_tab_separated_data() -> None:
    lines = table(["TAG", "NAME"], ROWS, terminal=False).split("\n")
    assert lines == ["v1.0\ttool\\t\\n\\x1b[31m", "v2.0-long-tag\t日本語", ""]


@pytest.mark.parametrize("terminal", [False, True])
def test_a_table_without_rows_is_nothing(*, terminal: bool) -> None:
    assert table(["TAG"], [], terminal=terminal) == ""


def test_on_a_terminal_a_table_is_headed_aligned_and_harmless(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = table(["TAG", "NAME"], ROWS, terminal=True).splitlines()
    assert len(lines) == 3
    assert [line.split()[0] for line in lines[1:]] == ["v1.0", "v2.0-long-tag"]
    assert lines[0].index("NAME") == lines[1].index("tool") == lines[2].index("日")
    assert "\x1b[31m" not in "".join(lines)


@pytest.mark.parametrize("columns", [20, 40])
def test_a_table_fits_the_terminal_it_is_shown_on(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    text = table(["TAG", "NAME"], [["v1", "n" * 200], ["v2", "日" * 200]], terminal=True)
    for line in text.splitlines():
        width = sum(2 if unicodedata.east_asian_width(one) == "W" else 1 for one in line)
        assert width <= columns
    assert "…" in text


def test_a_table_does_not_read_markup_in_remote_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = table(["NAME"], [["[red]not red[/red] :smile:"]], terminal=True)
    assert "[red]not red[/red] :smile:" in text


SHOWS = """
import sys
from toolroll_shared.output import table, write
write(table(["TAG", "NAME"], [["v1.0", "n" * 300]], terminal=sys.stdout.isatty()))
"""


def test_on_a_real_terminal_a_table_takes_its_width_from_there() -> None:
    ours, theirs = pty.openpty()
    try:
        env = {**ENVIRONMENT, "COLUMNS": "50", "TERM": "xterm", "NO_COLOR": "1"}
        done = finish([sys.executable, "-c", SHOWS], stdout=theirs, stdin=theirs, env=env)
        shown = os.read(ours, 100_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stderr) == (0, "")
    assert "TAG" in shown
    assert "v1.0" in shown
    assert "…" in shown


def test_a_closed_stream_is_no_terminal() -> None:
    assert [is_terminal(None), is_terminal(io.StringIO()), is_terminal(Terminal())] == [
        False,
        False,
        True,
    ]
