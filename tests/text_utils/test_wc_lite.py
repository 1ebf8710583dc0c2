"""wc-lite beside the real wc, and where it differs on purpose."""

import json
import os
from pathlib import Path

import pytest

from tests.text_utils.awkward import TEXTS, Said, ours, said, texts, tool
from tests.text_utils.conftest import Run
from toolroll_shared.errors import Exit

UNPRINTABLE = {"controls", "nuls", "tabs", "invalid", "surrogate", "utf8", "bom-only", "half-a-bom"}
SAME = sorted(set(TEXTS) - UNPRINTABLE)
"""Of these wc counts the same words, whatever the locale."""

pytestmark = pytest.mark.usefixtures("awkward")


def wc(*arguments: str, locale: str = "C", stdin: bytes | int = b"") -> Said:
    done = said([tool("wc"), *arguments], stdin, LC_ALL=locale)
    return Said(done.code, done.out, done.err)


@pytest.mark.parametrize("options", [(), ("-l",), ("-w",), ("-c",), ("-lw",), ("-c", "-l")])
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_rows_and_their_columns_are_those_of_wc(
    wc_lite: Run, options: tuple[str, ...], locale: str
) -> None:
    for name in SAME:
        assert wc_lite(*options, name) == wc(*options, name, locale=locale)
    for names in (SAME, SAME[:2], ["empty", "empty"], ["/dev/null", "crlf"]):
        assert wc_lite(*options, *names) == wc(*options, *names, locale=locale)


@pytest.mark.parametrize("options", [("-m",), ("-L",), ("-lmc",), ("-lmcL",), ("-L", "-m")])
def test_characters_and_widths_are_those_of_wc_in_a_locale_of_utf8(
    wc_lite: Run, options: tuple[str, ...]
) -> None:
    same = [name for name in TEXTS if name != "surrogate"]
    for names in [*([name] for name in same), same]:
        assert wc_lite(*options, *names) == wc(*options, *names, locale="C.UTF-8")


def test_half_of_a_surrogate_pair_is_no_character_though_the_c_library_has_it_so(
    wc_lite: Run,
) -> None:
    assert wc_lite("-m", "surrogate").out == b"6 surrogate\n"
    assert wc("-m", "surrogate", locale="C.UTF-8").out in {b"6 surrogate\n", b"7 surrogate\n"}


def test_lines_and_bytes_are_those_of_wc_whatever_they_are(wc_lite: Run) -> None:
    assert wc_lite("-lc", *TEXTS) == wc("-lc", *TEXTS)


@pytest.mark.parametrize(
    ("text", "words", "in_c", "in_utf8"),
    [
        (b"\x01 \x02\n", 2, 0, 0),
        (b"caf\xe9 \xff\n", 2, 1, 1),
        ("a\u00a0b\u2003c\n".encode(), 1, 1, 3),
        (b"a\0b\n", 1, 1, 1),
    ],
)
def test_a_word_is_any_run_of_bytes_where_wc_asks_for_something_printable(
    wc_lite: Run, text: bytes, words: int, in_c: int, in_utf8: int
) -> None:
    Path("text").write_bytes(text)
    assert wc_lite("-w", "text").out == b"%d text\n" % words
    theirs = wc("-w", "text").out, wc("-w", "text", locale="C.UTF-8").out
    if b"9.1" in wc("--version").out:  # later ones count what is not printable
        assert theirs == (b"%d text\n" % in_c, b"%d text\n" % in_utf8)


@texts
@pytest.mark.parametrize("name", [(), ("-",)])
def test_standard_input_is_counted_like_wc_does(text: bytes, name: tuple[str, ...]) -> None:
    assert said(ours("wc-lite", "-lc", *name), text) == wc("-lc", *name, stdin=text)


def test_a_file_as_standard_input_is_counted_from_where_it_stands() -> None:
    for options in ((), ("-c",), ("-l", "-")):
        rows = []
        for command in (ours("wc-lite", *options), [tool("wc"), *options]):
            with Path("crlf").open("rb") as file:
                file.seek(6)
                rows.append(said(command, file.fileno()))
        assert rows[0] == rows[1]


@pytest.mark.parametrize("name", ["/proc/self/limits", "/proc/version", "/proc/filesystems"])
@pytest.mark.parametrize("option", ["-l", "-w", "-c"])
def test_a_file_that_lies_about_its_size_is_read(wc_lite: Run, name: str, option: str) -> None:
    if not Path(name).exists():
        pytest.skip("needs Linux's /proc")
    assert wc_lite(option, name) == wc(option, name)
    assert not wc_lite("-c", name).out.startswith(b"0 ")


def test_a_pipe_with_a_name_is_read() -> None:
    os.mkfifo("pipe")
    feed = f"cat crlf >pipe & exec {' '.join(ours('wc-lite', 'pipe', 'crlf'))}"
    assert said(["sh", "-c", feed]).out.splitlines() == [
        b"      3       2      12 pipe",
        b"      3       2      12 crlf",
        b"      6       4      24 total",
    ]


def test_what_cannot_be_read_is_named_and_the_rest_counted(wc_lite: Run) -> None:
    Path("folder").mkdir()
    done = wc_lite("nowhere", "crlf", "folder", "/proc/self/mem", "mixed")
    theirs = wc("nowhere", "crlf", "folder", "mixed")
    assert done.code == Exit.USAGE
    assert b"wc-lite: nowhere: No such file or directory\n" in done.err
    assert b"wc-lite: folder: Is a directory\n" in done.err
    assert b"wc-lite: /proc/self/mem: " in done.err
    rows = [line.split() for line in theirs.out.splitlines() if b"folder" not in line]
    assert [line.split() for line in done.out.splitlines()] == rows, "wc has a row for a folder"


def test_the_list_of_files_may_come_from_a_file(wc_lite: Run) -> None:
    odd = ["new\nline", "\x1b[31m", "-dash", "inv\udcff", "two words"]
    for name in odd:
        Path(name).write_bytes(b"x y\n")
    names = b"\0".join(map(os.fsencode, ["crlf", *odd[1:]]))
    for ending in (b"", b"\0"):
        Path("list").write_bytes(names + ending)
        assert wc_lite("--files0-from", "list") == wc("--files0-from", "list")
    assert wc_lite("--files0-from=empty") == Said(0, b"", b"") == wc("--files0-from=empty")
    streamed = said(ours("wc-lite", "--files0-from=-"), names)
    assert streamed == wc_lite("--files0-from", "list"), "wc does not align these"
    assert wc_lite("new\nline").out == b"1 2 4 new\\nline\n", "wc quotes it as a shell does"


@pytest.mark.parametrize(
    ("arguments", "stdin", "why"),
    [
        (["--files0-from", "nowhere"], b"", b"nowhere: No such file or directory"),
        (["--files0-from", "list"], b"", b"list: name 2 is empty"),
        (["--files0-from", "list", "crlf"], b"", b"'crlf' is one too many"),
        (["--files0-from", "-"], b"crlf\0-\0", b"both the list and in it"),
        (["crlf", ""], b"", b"a name is empty: is a variable not set?"),
        (["--json", "-l"], b"", b"--json tells all"),
        (["--no-such"], b"", b"see 'wc-lite --help'"),
    ],
)
def test_bad_usage_is_told_before_anything_is_counted(
    arguments: list[str], stdin: bytes, why: bytes
) -> None:
    Path("list").write_bytes(b"crlf\0\0mixed")
    done = said(ours("wc-lite", *arguments), stdin)
    assert (done.code, done.out, done.err.count(b"\n")) == (2, b"", 1)
    assert why in done.err


def test_json_tells_all_of_each_file_in_one_document(wc_lite: Run) -> None:
    done = wc_lite("--json", "bom", "nowhere", "lone-returns")
    document = json.loads(done.out)
    assert done.code == Exit.USAGE
    assert document["files"][0] == {
        "name": "bom",
        "lines": 2,
        "words": 2,
        "bytes": 12,
        "longest_line_bytes": 7,
        "line_ends": {"lf": 1, "crlf": 1, "cr": 0},
        "bom": "utf-8",
        "valid_utf8": True,
        "final_newline": True,
    }
    assert document["files"][1]["line_ends"] == {"lf": 1, "crlf": 1, "cr": 3}
    assert document["total"] == {"lines": 4, "words": 6, "bytes": 22}
    [failed] = document["failed"]
    assert failed == {"name": "nowhere", "error": "nowhere: No such file or directory"}


def test_options_may_stand_between_the_files(wc_lite: Run) -> None:
    assert wc_lite("crlf", "-l", "empty") == wc("-l", "crlf", "empty")
