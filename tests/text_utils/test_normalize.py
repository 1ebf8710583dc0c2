"""normalize: which file it writes, which it refuses, and the opinion of dos2unix and unix2dos."""

import os
import re
import stat
from pathlib import Path

import pytest

from tests.support.limits import disk_of, unprivileged
from tests.text_utils.awkward import TEXTS, ours, said, texts, tool
from tests.text_utils.conftest import Run

ENDS = {"lf": b"\n", "crlf": b"\r\n"}
BOM = b"\xef\xbb\xbf"
OLD = 1_000_000_000_123_456_789  # ns

to = pytest.mark.parametrize("to", ENDS)
pytestmark = pytest.mark.usefixtures("awkward")


def made_of(text: bytes, to: str) -> bytes:
    return re.sub(rb"\r*\n", ENDS[to], text)


def left() -> list[str]:
    """What is in the present folder beside the awkward texts."""
    return sorted({path.name for path in Path().iterdir()} - set(TEXTS))


@to
def test_a_new_file_is_written_beside_each_and_none_is_changed(normalize: Run, to: str) -> None:
    names = [name for name, text in TEXTS.items() if b"\0" not in text]
    assert normalize(*names, "--to", to).code == 0
    assert left() == sorted(f"{name}.{to}" for name in names)
    for name in names:
        assert Path(name).read_bytes() == TEXTS[name]
        assert Path(f"{name}.{to}").read_bytes() == made_of(TEXTS[name], to)


@to
def test_check_says_1_and_names_what_would_change_and_writes_nothing(
    normalize: Run, to: str
) -> None:
    names = [name for name, text in TEXTS.items() if b"\0" not in text]
    differing = [name for name in names if made_of(TEXTS[name], to) != TEXTS[name]]
    done = normalize("--check", *names, "--to", to)
    assert (done.code, done.out.decode().split()) == (1, differing)
    for name in names:
        assert normalize("--check", name, "--to", to).code == int(name in differing)
    assert left() == []


@to
@texts
def test_a_pipe_goes_to_a_pipe(text: bytes, to: str) -> None:
    done = said(ours("normalize", "-", "--to", to, "--binary"), text)
    assert (done.code, done.out, done.err) == (0, made_of(text, to), b"")


@to
def test_dos2unix_and_unix2dos_do_the_same_but_for_three_things(normalize: Run, to: str) -> None:
    theirs = tool("dos2unix" if to == "lf" else "unix2dos")
    for name, text in TEXTS.items():
        if name == "half-a-bom":  # which they cannot read
            continue
        wanted = text
        if to == "crlf" and b"\r\r\n" in text:
            wanted = re.sub(rb"\r+\n", b"\r\n", text)  # they make more of them
        if to == "lf":
            wanted = re.sub(rb"\r+\n", b"\r\n", text).removeprefix(BOM)  # dos2unix removes it
        Path("wanted").write_bytes(wanted)
        assert said([theirs, "-f", "-q", "-n", "wanted", "theirs"]).code == 0
        assert normalize(name, "--to", to, "--binary", "--force", "-o", "out").code == 0
        assert Path("out").read_bytes().removeprefix(BOM) == (
            Path("theirs").read_bytes().removeprefix(BOM)
        )
        assert Path("out").read_bytes().startswith(BOM) == text.startswith(BOM)


def test_what_they_do_with_returns_before_a_line_s_end_is_something_else() -> None:
    for theirs, result in [("dos2unix", b"a\r\nb"), ("unix2dos", b"a\r\r\r\nb")]:
        assert said([tool(theirs)], b"a\r\r\nb").out == result
    for end, result in [("lf", b"a\nb"), ("crlf", b"a\r\nb")]:
        assert said(ours("normalize", "-", "--to", end), b"a\r\r\nb").out == result


def test_a_byte_order_mark_goes_and_a_lone_return_ends_a_line_where_one_says_so(
    normalize: Run,
) -> None:
    assert normalize("bom", "--to", "lf", "-o", "-").out == BOM + b"one\ntwo\n"
    assert normalize("bom", "--to", "lf", "-o", "-", "--remove-bom").out == b"one\ntwo\n"
    assert normalize("bom-only", "--to", "lf", "--check").code == 0
    assert normalize("bom-only", "--to", "lf", "--check", "--remove-bom").code == 1
    assert normalize("lone-returns", "--to", "lf", "-o", "-").out == b"a\nb\rc\n\rd\r"
    assert normalize("lone-returns", "--to", "lf", "-o", "-", "--mac").out == b"a\nb\nc\n\nd\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\r\n".encode("utf-16"), b"is UTF-16LE, where line ends are wider: convert it first"),
        (b"\xfe\xff" + "a\r\n".encode("utf-16-be"), b"iconv -f UTF-16 -t UTF-8"),
        ("a\r\n".encode("utf-32"), b"iconv -f UTF-32 -t UTF-8"),
        ("a\r\n".encode("utf-16-le"), b"is binary (a NUL at byte 1): --binary"),
        (b"a\r\n" + b"x" * 200_000 + b"\0", b"is binary (a NUL at byte 200003): --binary"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--check",), ("--in-place",)])
def test_what_is_no_text_in_single_bytes_is_refused_and_left_alone(
    normalize: Run, text: bytes, why: bytes, options: tuple[str, ...]
) -> None:
    Path("text").write_bytes(text)
    done = normalize("text", "--to", "lf", *options)
    assert (done.code, done.out, done.err.count(b"\n")) == (2, b"", 1)
    assert why in done.err
    assert (Path("text").read_bytes(), left()) == (text, ["text"])


def test_nothing_is_overwritten_unless_forced(normalize: Run) -> None:
    Path("crlf.lf").write_bytes(b"mine")
    Path("nowhere").symlink_to("missing")
    for output in ("crlf.lf", "nowhere"):
        done = normalize("crlf", "--to", "lf", "-o", output)
        assert (done.code, done.err) == (
            2,
            f"normalize: {output}: exists: --force replaces it\n".encode(),
        )
    assert Path("crlf.lf").read_bytes() == b"mine"
    assert not Path("missing").exists()
    assert normalize("crlf", "--to", "lf", "-o", "nowhere", "--force").code == 0
    assert (Path("nowhere").is_symlink(), Path("missing").read_bytes()) == (True, b"one\ntwo\n\n")
    assert normalize("crlf", "--to", "lf", "--force").code == 0
    assert Path("crlf.lf").read_bytes() == b"one\ntwo\n\n"


@pytest.mark.parametrize(
    "output", ["crlf", "./crlf", "hard", "soft", "folder/../crlf", "loop/crlf"]
)
def test_an_output_that_is_the_input_is_refused_by_any_path(normalize: Run, output: str) -> None:
    Path("hard").hardlink_to("crlf")
    Path("soft").symlink_to("crlf")
    Path("folder").mkdir()
    Path("loop").symlink_to(".")
    for force in ((), ("--force",)):
        done = normalize("crlf", "--to", "lf", "-o", output, *force)
        assert done.code == 2
        assert done.err == f"normalize: {output}: is the input itself: use --in-place\n".encode()
    assert Path("crlf").read_bytes() == TEXTS["crlf"]


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["-o", "folder"], 2, b"folder: is a folder"),
        (["-o", "folder/no/x"], 1, b"folder/no/x: No such file or directory"),
        (["-o", "crlf/x"], 1, b"crlf/x: Not a directory"),
        (["-o", "x" * 256], 1, b"File name too long"),
        (["-o", "loop"], 1, b"loop: Too many levels of symbolic links"),
        (["-o", ""], 2, b"the name after -o is empty: is a variable not set?"),
        (["-o", "/dev/full"], 1, b"/dev/full: No space left on device"),
        (["--backup"], 2, b"--backup is a part of --in-place"),
        (["-o", "x", "--check"], 2, b"not allowed with argument"),
        (["--to", "cr"], 2, b"invalid choice: 'cr'"),
    ],
)
def test_an_output_that_cannot_be_written_is_named(
    normalize: Run, arguments: list[str], code: int, why: bytes
) -> None:
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    done = normalize("crlf", "--to", "lf", *arguments)
    assert (done.code, done.out, done.err.count(b"\n")) == (code, b"", 1)
    assert why in done.err
    assert left() == ["folder", "loop"]


def test_a_file_that_fails_does_not_keep_the_others_from_being_normalized(normalize: Run) -> None:
    long = "x" * 253  # with its ending too long for a name
    Path(long).write_bytes(b"a\r\n")
    Path("folder").mkdir()
    done = normalize("nowhere", long, "folder", "nuls", "crlf", "--to", "lf")
    assert (done.code, done.err.count(b"\n")) == (2, 4)
    assert Path("crlf.lf").read_bytes() == b"one\ntwo\n\n"
    done = normalize("/dev/null", long, "crlf", "--to", "lf", "--in-place")
    assert (done.code, done.err.count(b"\n")) == (2, 1)
    assert b"/dev/null: is no regular file: it has no place" in done.err
    assert (Path(long).read_bytes(), Path("crlf").read_bytes()) == (b"a\n", b"one\ntwo\n\n")


@pytest.mark.parametrize("where", [("--in-place",), ("-o", "out")])
def test_mode_times_and_owner_are_kept(normalize: Run, where: tuple[str, ...]) -> None:
    Path("crlf").chmod(0o641)
    os.utime("crlf", ns=(OLD, OLD + 1))
    before = Path("crlf").stat()
    assert normalize("crlf", "--to", "lf", *where).code == 0
    after = Path("crlf" if "--in-place" in where else "out").stat()
    assert stat.S_IMODE(after.st_mode) == 0o641
    assert (after.st_mtime_ns, after.st_uid, after.st_gid) == (
        OLD + 1,
        before.st_uid,
        before.st_gid,
    )


def test_what_comes_from_a_pipe_gets_the_mode_of_any_new_file() -> None:
    mask = os.umask(0o027)
    try:
        assert said(ours("normalize", "-", "--to", "lf", "-o", "out"), b"a\r\n").code == 0
    finally:
        os.umask(mask)
    assert stat.S_IMODE(Path("out").stat().st_mode) == 0o640


def test_in_place_replaces_only_what_changes_and_backs_it_up(normalize: Run) -> None:
    inodes = {name: Path(name).stat().st_ino for name in ("crlf", "mixed")}
    assert normalize("crlf", "mixed", "--to", "crlf", "--in-place", "--backup").code == 0
    assert left() == ["mixed.bak"]
    assert Path("crlf").stat().st_ino == inodes["crlf"]
    assert Path("mixed.bak").read_bytes() == TEXTS["mixed"]
    assert Path("mixed.bak").stat().st_ino == inodes["mixed"]
    done = normalize("mixed", "--to", "lf", "--in-place", "--backup")
    assert (done.code, b"mixed.bak: exists: --force replaces it" in done.err) == (2, True)
    assert normalize("mixed", "--to", "lf", "--in-place", "--backup", "--force").code == 0
    assert Path("mixed.bak").read_bytes() == made_of(TEXTS["mixed"], "crlf")


def test_in_place_follows_a_link_and_parts_from_other_names_of_the_file(normalize: Run) -> None:
    Path("hard").hardlink_to("crlf")
    Path("soft").symlink_to("crlf")
    assert normalize("soft", "--to", "lf", "--in-place").code == 0
    assert Path("soft").is_symlink()
    assert Path("crlf").read_bytes() == b"one\ntwo\n\n"
    assert Path("hard").read_bytes() == TEXTS["crlf"]


def test_names_may_be_odd_and_begin_with_a_dash(normalize: Run) -> None:
    for name in ("-dash", "new\nline", "inv\udcff", "\x1b[31m", "x" * 251):
        Path(name).write_bytes(b"a\r\n")
        assert normalize("--to", "lf", "--", name).code == 0
        assert Path(f"{name}.lf").read_bytes() == b"a\n"
        assert normalize("--to", "lf", "--in-place", "--", name).code == 0
        assert Path(name).read_bytes() == b"a\n"
        assert b"\x1b" not in normalize("--to", "lf", "--", name).err, "it exists now"


@pytest.mark.parametrize("where", [("--in-place",), ("-o", "out"), ("--in-place", "--backup")])
def test_a_full_disk_leaves_all_as_it_was(normalize: Run, where: tuple[str, ...]) -> None:
    with disk_of(100_000):
        done = normalize("long-lines", "--to", "lf", *where)
    assert (done.code, b": File too large\n" in done.err) == (1, True)
    assert (Path("long-lines").read_bytes(), left()) == (TEXTS["long-lines"], [])


def test_without_rights_nothing_is_done(normalize: Run, awkward: Path) -> None:
    Path("crlf").chmod(0)
    with unprivileged():
        assert normalize("crlf", "--to", "lf").code == 2
        assert normalize("mixed", "--to", "lf").code == 1, "the folder is not ours"
        assert normalize("mixed", "--to", "lf", "--in-place").code == 1
    assert (awkward / "mixed").read_bytes() == TEXTS["mixed"]
    assert left() == []
