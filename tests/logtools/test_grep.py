"""`logtools grep` selects what GNU grep selects, and prints it the same way."""

import gzip
import json
import lzma
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logtools.lines import pieces_of
from logtools.matching import Search, count_selected, selected_lines, selected_text
from tests.logtools.awkward import AWKWARD
from tests.logtools.conftest import Logtools, piped
from tests.support.commands import argv
from tests.support.waiting import until_it_waits_for_a_reader
from toolroll_shared.search import needle_for
from toolroll_shared.streams import Input

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def grep(*arguments: object, stdin: bytes = b"") -> tuple[int, bytes]:
    """GNU grep on the same."""
    done = subprocess.run(
        ["grep", "-aF", "--color=never", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    return done.returncode, done.stdout


OPTIONS = [
    [],
    ["-v"],
    ["-c"],
    ["-cv"],
    ["-n"],
    ["-nv"],
    ["-o"],
    ["-on"],
    ["-ov"],
    ["-l"],
    ["-L"],
    ["-q"],
    ["-qv"],
    ["-H"],
    ["-Hn"],
    ["-m", "1"],
    ["-m", "0"],
    ["-m2", "-v"],
    ["-m1", "-c"],
    ["-A", "1"],
    ["-B", "1"],
    ["-C", "1"],
    ["-nA2"],
    ["-nB", "3"],
    ["-n", "-A1", "-B", "2"],
    ["-nC2", "-v"],
    ["-nC1", "-m1"],
    ["-nA3", "-m2"],
    ["-vn", "-A1", "-m1"],
    ["-oA1"],
    ["-i"],
    ["-ic"],
    ["-iv"],
    ["-io"],
    ["-inC1"],
]


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_it_prints_what_grep_prints(
    logtools: Logtools, tmp_path: Path, name: str, options: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(AWKWARD[name])
    done = logtools("grep", *options, "--max-line-bytes", "16Mi", path, "needle")
    assert (done.code, done.stdout, done.stderr) == (*grep(*options, "needle", path), b"")


@pytest.mark.parametrize(
    "options", [[], ["-n"], ["-c"], ["-l"], ["-L"], ["-nC1"], ["--no-filename"]]
)
def test_several_files_are_named_as_grep_names_them(
    logtools: Logtools, tmp_path: Path, options: list[str]
) -> None:
    paths = [tmp_path / name for name in ("bom", "empty", "no-final-newline", "many-hits")]
    for path in paths:
        path.write_bytes(AWKWARD[path.name])
    done = logtools("grep", *options, *paths, "needle")
    assert (done.code, done.stdout) == grep(*options, "needle", *paths)


@pytest.mark.parametrize("needle", ["", "a", "x", "needleneedle", "-n", "é", "\\", "."])
def test_needles_of_all_kinds(logtools: Logtools, tmp_path: Path, needle: str) -> None:
    for name, text in AWKWARD.items():
        path = tmp_path / name
        path.write_bytes(text)
        for options in (["-c"], ["-n", "--max-line-bytes", "16Mi"]):
            done = logtools("grep", *options, "--", path, needle)
            expected = grep(options[0], "-e", needle, path)
            assert (done.code, done.stdout) == expected, name


def test_standard_input_is_read_where_no_file_is_named_or_it_is_a_dash() -> None:
    for arguments in (["needle"], ["-", "needle"]):
        done = piped("grep", *arguments, stdin=AWKWARD["invalid-utf-8"])
        assert done == (0, b"\xff\xfe needle \xc3\n", b"")
    done = piped("grep", "-c", "-H", "needle", stdin=b"needle")
    assert done.stdout == b"(standard input):1\n"


def test_case_is_folded_as_unicode_does(logtools: Logtools, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(AWKWARD["unicode"])
    assert logtools("grep", "-ic", path, "strasse").stdout == b"2\n"
    assert logtools("grep", "-io", path, "STRASSE").stdout == "straße\nSTRASSE\n".encode()
    assert logtools("grep", "-i", path, "kelvin").stdout == "\u212aelvin İ\n".encode()
    assert logtools("grep", "-iv", path, "i\u0307").stdout.count(b"\n") == 2


@given(
    text=st.lists(st.sampled_from(b"ab\n"), max_size=60).map(bytes),
    needle=st.sampled_from([b"a", b"ab", b"ba", b"aab", b""]),
    invert=st.booleans(),
    most=st.one_of(st.none(), st.integers(0, 4)),
    before=st.integers(0, 3),
    after=st.integers(0, 3),
    block=st.integers(1, 12),
    longest=st.integers(1, 70),
)
def test_any_text_in_blocks_of_any_size_gives_what_its_lines_give(
    text: bytes,
    needle: bytes,
    *,
    invert: bool,
    most: int | None,
    before: int,
    after: int,
    block: int,
    longest: int,
) -> None:
    def pieces() -> object:
        here, there = os.pipe()
        os.write(there, text)
        os.close(there)
        opened.append(here)
        return pieces_of(Input(here, "pipe"), longest=longest, block=block)

    opened: list[int] = []
    lines = text.removesuffix(b"\n").split(b"\n") if text else []
    hits = [i for i, line in enumerate(lines) if (needle in line) != invert][:most]
    search = Search(needle_for(needle, caseless=False), invert=invert, most=most, longest=longest)
    everything = Search(search.needle, invert=invert, longest=longest)
    try:
        assert count_selected(pieces(), search) == len(hits)  # type: ignore[arg-type]
        found = list(selected_lines(pieces(), search, before=before, after=after))  # type: ignore[arg-type]
        copied = b"".join(selected_text(pieces(), everything))  # type: ignore[arg-type]
    finally:
        for descriptor in opened:
            os.close(descriptor)
    shown = sorted(
        {near for i in hits for near in range(max(0, i - before), min(len(lines), i + after + 1))}
    )
    assert [line.number - 1 for line in found] == shown
    assert [line.text for line in found] == [lines[i][:longest] for i in shown]
    assert [line.cut for line in found] == [max(0, len(lines[i]) - longest) for i in shown]
    assert [line.number - 1 for line in found if line.selected] == hits
    offsets = [sum(len(line) + 1 for line in lines[:i]) for i in shown]
    assert [line.offset for line in found] == offsets
    expected = [line for line in lines if (needle in line) != invert]
    marks = [
        line[:longest]
        + (b" [... %d bytes cut]" % (len(line) - longest) if len(line) > longest else b"")
        for line in expected
    ]
    assert copied == b"".join(line + b"\n" for line in marks)


def test_a_line_that_is_too_long_is_cut_with_a_mark_and_searched_to_its_end(
    logtools: Logtools, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"short\n" + b"x" * 2_000_000 + b"needle\nafter\n")
    done = logtools("grep", "-n", "--max-line-bytes", "10", path, "needle")
    assert done == (0, b"2:xxxxxxxxxx [... 1999996 bytes cut]\n", b"")
    assert logtools("grep", "-c", "--max-line-bytes", "10", path, "needle").stdout == b"1\n"
    assert logtools("grep", "-n", path, "after").stdout == b"3:after\n"


def test_records_have_the_line_and_where_it_is(logtools: Logtools, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a\nx needle needle\n\xff needle\n")
    done = logtools("grep", "--json", path, "needle")
    first, second = json.loads(done.stdout)
    assert first == {
        "file": str(path),
        "line": 2,
        "offset": 2,
        "selected": True,
        "text": "x needle needle",
        "matches": [[2, 8], [9, 15]],
    }
    assert (second["text"], second["base64"]) == ("\ufffd needle", "/yBuZWVkbGU=")
    lines = logtools("grep", "--ndjson", path, "needle").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [first, second]
    assert logtools("grep", "--json", path, "nowhere") == (1, b"[]\n", b"")
    assert logtools("grep", "--ndjson", path, "nowhere") == (1, b"", b"")


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".xz"])
def test_compressed_logs_are_read_directly(logtools: Logtools, tmp_path: Path, suffix: str) -> None:
    compress: Callable[[bytes], bytes] = {
        ".gz": gzip.compress,
        ".zst": zstd.compress,
        ".xz": lzma.compress,
    }[suffix]  # type: ignore[assignment]
    path = tmp_path / f"log{suffix}"
    packed = compress(AWKWARD["rare"])
    path.write_bytes(packed + compress(b"a second needle\n"))
    assert logtools("grep", "-c", path, "needle") == (0, b"2\n", b"")
    path.write_bytes(packed[: len(packed) // 2])
    cut = logtools("grep", "-c", path, "needle")
    assert (cut.code, cut.stdout) == (2, b"")
    assert cut.stderr.startswith(f"logtools: {path}: is cut off".encode())
    path.write_bytes(packed[:20] + bytes(20) + packed[40:])
    damaged = logtools("grep", "-c", path, "needle")
    assert damaged.code == 2
    assert str(path).encode() in damaged.stderr
    path.write_bytes(b"a needle, not compressed\n")
    assert logtools("grep", "-c", path, "needle").stdout == b"1\n"


def test_unreadable_files_are_named_and_mean_2_but_for_a_hit_with_q(
    logtools: Logtools, log: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    said = f"logtools: {missing}: No such file or directory\n".encode()
    done = logtools("grep", "-c", missing, log, "needle")
    assert done == (2, f"{log}:2\n".encode(), said)
    assert logtools("grep", "-q", missing, log, "needle") == (0, b"", said)
    assert logtools("grep", "-q", missing, log, "nowhere") == (2, b"", said)
    done = logtools("grep", tmp_path, "needle")
    assert done == (2, b"", f"logtools: {tmp_path}: Is a directory\n".encode())


def test_a_needle_with_a_newline_is_refused(logtools: Logtools, log: Path) -> None:
    done = logtools("grep", log, "a\nb")
    assert done == (2, b"", b"logtools: NEEDLE has a newline, and so is in no line\n")


def test_what_fits_is_coloured_on_request(logtools: Logtools, log: Path) -> None:
    done = logtools("grep", "-n", "--color=always", log, "needle")
    assert b"two \x1b[1m\x1b[31mneedle\x1b[0m" in done.stdout
    assert b"\x1b" not in logtools("grep", "-n", log, "needle").stdout


def test_lines_are_written_as_they_come_where_that_is_asked_for() -> None:
    process = subprocess.Popen(
        argv("logtools", "grep", "--line-buffered", "x"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    for line in (b"x1\n", b"x2\n"):
        process.stdin.write(b"y\n" + line)
        process.stdin.flush()
        assert process.stdout.readline() == line
    process.stdin.close()
    assert process.wait(20) == 0
    process.stdout.close()


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(AWKWARD["every-other"] * 20)
    done = subprocess.run(
        ["sh", "-c", '"$@" | head -n 1', "sh", *argv("logtools", "grep", path, "needle")],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == (b"a needle\n", b"")


def test_a_full_disk_is_said(log: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            argv("logtools", "grep", log, "needle"),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, b"logtools: stdout: No space left on device\n")


def test_what_is_marked_in_a_line_leaves_the_search_alone(
    logtools: Logtools, tmp_path: Path
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a NEEDLE and a needle\n\nneedle\n" * 3000)
    records = logtools("grep", "-i", "--ndjson", "-A1", path, "Needle").stdout.splitlines()
    spans = [json.loads(record)["matches"] for record in records]
    assert spans == [[[2, 8], [15, 21]], [], [[0, 6]]] * 3000


def test_ctrl_c_ends_it_at_once_though_nobody_reads_what_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(AWKWARD["every-other"] * 20)
    process = subprocess.Popen(
        argv("logtools", "grep", "-n", path, "needle"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stdout.read(1) == b"1"
    until_it_waits_for_a_reader(process.pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    process.communicate()
