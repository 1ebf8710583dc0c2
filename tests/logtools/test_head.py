"""`logtools head` copies what GNU head copies, and ends each line."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logtools.heading import head_bytes, head_lines
from tests.logtools.awkward import AWKWARD
from tests.logtools.conftest import Logtools, piped
from tests.support.commands import argv
from toolroll_shared.streams import Input


def head(*arguments: object, stdin: bytes = b"") -> bytes:
    """What GNU head prints."""
    done = subprocess.run(
        ["head", *map(str, arguments)], input=stdin, capture_output=True, check=False
    )
    return done.stdout


def ended(text: bytes) -> bytes:
    return text if not text or text.endswith(b"\n") else text + b"\n"


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize(
    "options",
    [[], ["-n", "1"], ["-n3"], ["-n", "0"], ["-n", "-1"], ["-n", "-0"], ["-n", "-3"], ["-n+2"]],
    ids=" ".join,
)
def test_lines_are_those_of_head_each_with_its_newline(
    logtools: Logtools, tmp_path: Path, name: str, options: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(AWKWARD[name])
    expected = ended(head(*options, path))
    assert logtools("head", *options, path) == (0, expected, b"")


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize(
    "options", [["-c", "0"], ["-c7"], ["-c", "-5"], ["-c", "1K"]], ids=" ".join
)
def test_bytes_are_those_of_head(
    logtools: Logtools, tmp_path: Path, name: str, options: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(AWKWARD[name])
    expected = head(*[one.replace("1K", "1000") for one in options], path)
    assert logtools("head", *options, path) == (0, expected, b"")


@pytest.mark.parametrize("options", [[], ["-q"], ["-v"], ["-n1"], ["-v", "-n", "-1"]])
def test_several_files_get_headers_as_head_prints_them(
    logtools: Logtools, tmp_path: Path, options: list[str]
) -> None:
    paths = [tmp_path / name for name in ("only-newlines", "empty", "one-line")]
    for path in paths:
        path.write_bytes(AWKWARD[path.name])
    assert logtools("head", *options, *paths).stdout == head(*options, *paths)
    assert logtools("head", *options, paths[0]).stdout == head(*options, paths[0])


@given(
    text=st.lists(st.sampled_from(b"ab\n"), max_size=80).map(bytes),
    number=st.integers(0, 12),
    but_last=st.booleans(),
    block=st.integers(1, 9),
)
def test_blocks_of_any_size_make_no_difference(
    text: bytes, number: int, *, but_last: bool, block: int
) -> None:
    def run(function: object) -> bytes:
        here, there = os.pipe()
        os.write(there, text)
        os.close(there)
        out: list[bytes] = []
        try:
            function(  # type: ignore[operator]
                Input(here, "pipe"),
                number,
                lambda piece: out.append(bytes(piece)),
                but_last=but_last,
                block=block,
            )
        finally:
            os.close(here)
        return b"".join(out)

    lines = [line + b"\n" for line in text.removesuffix(b"\n").split(b"\n")] if text else []
    stop = max(0, len(lines) - number) if but_last else number
    assert run(head_lines) == b"".join(lines[:stop])
    assert run(head_bytes) == text[: max(0, len(text) - number) if but_last else number]


def test_standard_input_is_read_and_the_rest_of_a_file_left_to_who_comes_next(
    tmp_path: Path,
) -> None:
    assert piped("head", "-n1", stdin=b"a\nb\n") == (0, b"a\n", b"")
    assert piped("head", "-v", "-n1", "-", stdin=b"a\nb\n").stdout == b"==> standard input <==\na\n"
    path = tmp_path / "file"
    path.write_bytes(b"a\nb\nc\n")
    with path.open("rb") as file:
        subprocess.run(
            argv("logtools", "head", "-n", "1"), stdin=file, stdout=subprocess.DEVNULL, check=True
        )
        assert os.read(file.fileno(), 9) == b"b\nc\n"


def test_an_endless_input_is_read_no_further_than_needed() -> None:
    done = subprocess.run(
        argv("logtools", "head", "-c", "5", "/dev/zero"),
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert done.stdout == bytes(5)


def test_what_cannot_be_read_is_named_and_the_rest_printed(logtools: Logtools, log: Path) -> None:
    done = logtools("head", "-n1", "/nonexistent", log)
    assert done.code == 2
    assert done.stdout == f"==> {log} <==\none\n".encode()
    assert done.stderr == b"logtools: /nonexistent: No such file or directory\n"


@pytest.mark.parametrize("number", ["x", "1.5", "", "--5", "9" * 30])
def test_a_number_that_is_none_is_refused(logtools: Logtools, log: Path, number: str) -> None:
    done = logtools("head", f"-n={number}", log)
    assert (done.code, done.stdout) == (2, b"")
    assert b"is not a number" in done.stderr
