"""contains: its answers, its exit codes, and grep's opinion."""

import json
import os
from pathlib import Path

import pytest

from tests.text_utils.awkward import TEXTS, ours, said, texts, tool
from tests.text_utils.conftest import Run
from toolroll_shared.streams import BLOCK

NEEDLES = [
    "one",
    "O",
    "\r",
    "\r\r",
    "\t8",
    "é",
    "日本",
    "needleneedle",
    "x" * 600,
    "zzz",
    "\x01 \x02",
]

pytestmark = pytest.mark.usefixtures("awkward")


@pytest.mark.parametrize("needle", NEEDLES)
def test_the_answer_is_that_of_grep_and_of_python(contains: Run, needle: str) -> None:
    for name, text in TEXTS.items():
        done = contains(name, needle)
        grep = said([tool("grep"), "-qFa", "-e", needle, name], LC_ALL="C")
        assert (done.code, done.out, done.err) == (grep.code, b"", b"")
        assert done.code == int(os.fsencode(needle) not in text)


@pytest.mark.parametrize("needle", ["ONE", "Needle", "CAF", "Ǆ", "日本", "ŽLUŤ", "σίσυφος"])
def test_the_answer_without_case_is_that_of_grep_where_letters_fold_one_to_one(
    contains: Run, needle: str
) -> None:
    for name in TEXTS:
        grep = said([tool("grep"), "-qiFa", "-e", needle, name], LC_ALL="C.UTF-8")
        assert contains("-i", name, needle).code == grep.code, name


@pytest.mark.parametrize(
    ("text", "needle", "found"),
    [
        ("İ", "i\u0307", True),
        ("İ", "i", True),  # as the first of its two letters
        ("ı", "i", False),
        ("STRASSE", "straße", True),
        ("Maß", "MASS", True),
        ("ΣΊΣΥΦΟΣ", "σίσυφος", True),
        ("5 \u212a", "5 k", True),
        ("ﬁn", "FIN", True),
        ("é", "e\u0301", False),  # nothing is composed or decomposed
        ("é", "E", False),
    ],
)
def test_letters_fold_as_unicode_says(
    contains: Run, text: str, needle: str, *, found: bool
) -> None:
    Path("text").write_text(text, encoding="utf-8")
    assert contains("-i", "text", needle).code == int(not found)
    Path("text").write_bytes(b"\xff" + text.encode() + b"\xe9\xff")
    assert contains("-i", "text", needle).code == int(not found), "in spite of what is no UTF-8"


def test_bytes_that_are_no_utf8_fold_as_ascii_does(contains: Run) -> None:
    Path("text").write_bytes(b"CAF\xc9 Caf\xe9 bar")
    assert contains("-i", "text", "cAF").code == 0
    assert contains("-i", "--hex", "text", "63 41 46 e9", "--json").out.count(b'"offset": 5') == 1
    assert contains("-i", "text", "\xe9").code == 1


@pytest.mark.parametrize("options", [(), ("-i",)])
@pytest.mark.parametrize("before", [0, 1, BLOCK - 7, BLOCK - 3, BLOCK - 1, BLOCK, 2 * BLOCK - 3])
def test_the_first_hit_has_its_offset_and_line_over_a_border_too(
    contains: Run, options: tuple[str, ...], before: int
) -> None:
    Path("text").write_bytes(b"\n" * before + "nädle".encode() * 2)
    document = json.loads(contains(*options, "--json", "text", "nädle").out)
    assert document == {"file": "text", "found": True, "offset": before, "line": before + 1}


def test_json_says_so_where_nothing_is_found(contains: Run) -> None:
    done = contains("--json", "crlf", "three")
    assert done.code == 1
    expected = {"file": "crlf", "found": False, "offset": None, "line": None}
    assert json.loads(done.out) == expected


@pytest.mark.parametrize(
    ("needle", "code"),
    [
        ("0d0a", 0),
        ("0D 0A", 0),
        ("0d 0d 0a", 1),
        ("00", 1),
        ("zz", 2),
        ("0", 2),
        ("  ", 2),
        ("", 2),
    ],
)
def test_a_needle_may_be_bytes_in_hexadecimal(contains: Run, needle: str, code: int) -> None:
    assert contains("--hex", "crlf", needle).code == code


@texts
def test_a_pipe_is_searched_like_a_file(text: bytes) -> None:
    assert said(ours("contains", "-", "two"), text).code == int(b"two" not in text)


def test_reading_ends_at_the_first_hit() -> None:
    hit = ["sh", "-c", 'yes needle | "$@"', "sh", *ours("contains", "-", "needle")]
    assert said(hit).code == 0
    if Path("/dev/zero").exists():
        assert said(ours("contains", "--hex", "/dev/zero", "00 00")).code == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere", "x"], "nowhere: No such file or directory"),
        (["folder", "x"], "folder: Is a directory"),
        (["crlf", ""], "the needle is empty, so it is in every file: is a variable not set?"),
        (["crlf", "--hex", "xy"], "'xy' is not bytes in hexadecimal"),
        (["crlf"], "the following arguments are required: NEEDLE (see 'contains --help')"),
        (["", "x"], ": No such file or directory"),
        (["a\n\x1b[31m", "x"], "a \\x1b[31m: No such file or directory"),
        (["crlf", "x", "-q", "--json"], "argument --json: not allowed with argument -q/--quiet"),
    ],
)
def test_trouble_is_one_line_and_2_never_1(contains: Run, arguments: list[str], why: str) -> None:
    Path("folder").mkdir()
    done = contains(*arguments)
    assert (done.code, done.out, done.err.count(b"\n")) == (2, b"", 1)
    assert done.err.startswith(f"contains: {why}".encode())


def test_names_may_be_odd_and_begin_with_a_dash(contains: Run) -> None:
    for name in ("-dash", "new\nline", "inv\udcff", "\x1b[31m"):
        Path(name).write_bytes(b"-i")
        assert contains("--", name, "-i").code == 0
        assert json.loads(contains("--json", "--", name, "-i").out)["file"] == name


def test_a_closed_standard_input_is_trouble_not_no() -> None:
    done = said(["sh", "-c", 'exec "$@" <&-', "sh", *ours("contains", "-", "x")], None)
    assert (done.code, done.err) == (2, b"contains: standard input: Bad file descriptor\n")


@pytest.mark.parametrize(("needle", "code"), [("one", 0), ("none", 1)])
def test_the_answer_stays_where_nobody_reads_it(needle: str, code: int) -> None:
    line = '"$@"; echo $? >&2'
    command = ["sh", "-c", f"({line}) | true", "sh", *ours("contains", "--json", "crlf", needle)]
    assert said(command).err == b"%d\n" % code
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *ours("contains", "crlf", needle)]
    assert said(closed).code == code, "which needs no stdout"
    full = ["sh", "-c", 'exec "$@" >/dev/full', "sh", *ours("contains", "--json", "crlf", needle)]
    done = said(full)
    assert (done.code, done.err) == (1, b"contains: stdout: No space left on device\n")
