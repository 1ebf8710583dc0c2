"""The last lines or bytes of files and streams."""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logtools.lasting import (
    tail,
    tail_bytes,
    tail_bytes_from,
    tail_lines,
    tail_lines_from,
)
from logtools.starting import Start, start_offset
from toolroll_shared.streams import Input

DATA = st.lists(st.sampled_from([b"\n", b"a", b"\r", b"\0", b"\xff", b"long line"])).map(b"".join)


def on_file(data: bytes, tail: Callable[[int], None]) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        tail(file.fileno())


def on_pipe(data: bytes, tail: Callable[[int], None]) -> None:
    ours, theirs = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(theirs, "wb") as file:
            file.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(ours, "rb") as file:
        tail(file.fileno())
    writer.join()


def lines_of(data: bytes) -> list[bytes]:
    return [line + b"\n" for line in (data[:-1] if data.endswith(b"\n") else data).split(b"\n")]


WAYS = pytest.mark.parametrize("on", [on_file, on_pipe])
BLOCKS = st.integers(min_value=1, max_value=9)
COUNTS = st.integers(min_value=0, max_value=12)


@WAYS
@given(data=DATA, count=COUNTS, block=BLOCKS)
def test_the_last_lines_are_those_of_the_reference(
    on: Callable[..., None], data: bytes, count: int, block: int
) -> None:
    seen = bytearray()
    on(data, lambda file: tail_lines(file, count, emit=seen.extend, block_bytes=block))
    expected = lines_of(data) if data else []
    assert seen == b"".join(expected[max(len(expected) - count, 0) :])


@WAYS
@given(data=DATA, number=COUNTS, block=BLOCKS)
def test_all_lines_from_one_on_are_those_of_the_reference(
    on: Callable[..., None], data: bytes, number: int, block: int
) -> None:
    seen = bytearray()
    on(data, lambda file: tail_lines_from(file, number, emit=seen.extend, block_bytes=block))
    expected = lines_of(data) if data else []
    assert seen == b"".join(expected[max(number - 1, 0) :])


@WAYS
@given(data=DATA, count=COUNTS, block=BLOCKS)
def test_the_last_bytes_are_exactly_those(
    on: Callable[..., None], data: bytes, count: int, block: int
) -> None:
    seen, rest = bytearray(), bytearray()
    on(data, lambda file: tail_bytes(file, count, emit=seen.extend, block_bytes=block))
    on(data, lambda file: tail_bytes_from(file, count, emit=rest.extend, block_bytes=block))
    assert seen == data[max(len(data) - count, 0) :]
    assert rest == data[max(count - 1, 0) :]


@given(data=DATA, count=COUNTS, skip=st.integers(min_value=0, max_value=20))
def test_a_file_counts_only_from_its_present_position_on(
    data: bytes, count: int, skip: int
) -> None:
    skip = min(skip, len(data))
    seen = bytearray()

    def tail(file: int) -> None:
        os.lseek(file, skip, os.SEEK_SET)
        tail_lines(file, count, emit=seen.extend, block_bytes=3)

    on_file(data, tail)
    expected = lines_of(data[skip:]) if data[skip:] else []
    assert seen == b"".join(expected[max(len(expected) - count, 0) :])


@given(data=DATA, count=COUNTS)
def test_a_start_is_where_the_tail_begins(data: bytes, count: int) -> None:
    offsets: list[int] = []
    seen: list[bytes] = []

    def tail_all(file: int) -> None:
        for kind in kinds:
            own = bytearray()
            os.lseek(file, 0, os.SEEK_SET)
            tail(Input(file, "file"), kind, emit=own.extend)
            seen.append(bytes(own))

    kinds = [
        Start(count),
        Start(count, from_start=True),
        Start(count, in_bytes=True),
        Start(count, in_bytes=True, from_start=True),
    ]
    on_file(data, lambda file: offsets.extend(start_offset(file, kind) for kind in kinds))
    on_file(data, tail_all)
    rests = [data[at:] for at in offsets]
    ended = [rest + b"\n" if rest and rest[-1:] != b"\n" else rest for rest in rests]
    assert seen == [*ended[:2], *rests[2:]]
    parts = data.split(b"\n")
    lines = [part + b"\n" for part in parts[:-1]] + [part for part in parts[-1:] if part]
    assert [data[at:] for at in offsets] == [
        b"".join(lines[max(len(lines) - count, 0) :]),
        b"".join(lines[max(count - 1, 0) :]),
        data[max(len(data) - count, 0) :],
        data[max(count - 1, 0) :],
    ]


@given(
    lines=st.lists(st.integers(min_value=0, max_value=40)),
    limit=st.integers(min_value=1, max_value=20),
    block=BLOCKS,
)
def test_a_long_line_of_a_pipe_is_cut_with_a_mark(lines: list[int], limit: int, block: int) -> None:
    data = b"".join(b"x" * length + b"\n" for length in lines)
    seen = bytearray()

    def tail(file: int) -> None:
        tail_lines(file, 5, emit=seen.extend, max_line_bytes=limit, block_bytes=block)

    on_pipe(data, tail)
    assert seen == b"".join(
        b"x" * min(length, limit)
        + (b" [... %d bytes cut]" % (length - limit) if length > limit else b"")
        + b"\n"
        for length in lines[-5:]
    )


AWKWARD = {
    "empty": b"",
    "no final newline": b"a\nb",
    "only newlines": b"\n" * 300_000,
    "NULs": b"a\0b\n\0\0\nc\0" * 1000,
    "CR CR LF": b"a\r\r\nb\r\r\n",
    "BOM": b"\xef\xbb\xbfa\nb\n",
    "invalid UTF-8": b"\xff\xfe\n\x80" * 100_000,
    "one huge line": b"x" * 3_000_000,
    "many lines": b"".join(b"line %d\n" % number for number in range(200_000)),
}


@pytest.mark.parametrize("name", AWKWARD)
@pytest.mark.parametrize("count", [0, 1, 3, 100_000])
@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("unit", ["lines", "bytes"])
def test_awkward_files_are_tailed_as_gnu_does(
    tmp_path: Path, name: str, count: int, unit: str, *, piped: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(AWKWARD[name])
    source = f"cat {path} |" if piped else ""
    redirected = "" if piped else f"< {path}"
    gnu = shell(f"{source} tail --{unit}={count} {redirected}")
    ours = shell(
        f"{source} {sys.executable} -m tests.logtools.programs {unit} {count} {redirected}"
    )
    if unit == "lines" and gnu and not gnu.endswith(b"\n"):
        gnu += b"\n"  # the house's rule: each line ends with one newline
    assert ours == gnu


def shell(command: str, code: int = 0) -> bytes:
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (code, b"")
    return done.stdout


OURS = f"{sys.executable} -m tests.logtools.programs"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such files")
@pytest.mark.parametrize("path", ["/proc/cpuinfo", "/proc/self/limits", "/sys/kernel/mm/hugepages"])
def test_files_that_do_not_know_their_size_are_read(path: str) -> None:
    if Path(path).is_dir():
        path = str(next(Path("/sys/devices/system/cpu").glob("possible")))
    gnu, ours = shell(f"tail -n 1 < {path}"), shell(f"{OURS} lines 1 < {path}")
    assert ours == gnu
    assert ours


def test_what_a_shell_read_before_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a\nb\nc\n")
    for command in ("tail -n", f"{OURS} lines"):
        assert shell(f"(read x; {command} 5; cat) < {path}") == b"b\nc\n"


def test_a_full_disk_is_told() -> None:
    done = subprocess.run(
        ["bash", "-c", f"echo a | {OURS} lines 1 > /dev/full"], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"No space left" in done.stderr


def test_a_closed_pipe_ends_it_quietly(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"line\n" * 1_000_000)
    assert shell(f"{OURS} lines 900000 < {path} | head -n 1") == b"line\n"


def test_a_fifo_is_read_to_its_end(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert shell(f"(seq 10 > {fifo}) & {OURS} lines 2 < {fifo}") == b"9\n10\n"


def test_a_file_that_shrinks_meanwhile_ends_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"line\n" * 100_000)
    seen = bytearray()

    def emit(piece: bytes | bytearray | memoryview) -> None:
        seen.extend(piece)
        os.truncate(path, 0)

    with path.open("rb") as file:
        tail_lines(file.fileno(), 50_000, emit=emit, block_bytes=4096)
    assert 0 < len(seen) <= 4096 + 1


def peak_kib(source: str, count: int, stdin: IO[bytes] | None = None) -> int:
    """Run a tail as the last command of a shell's line, and return its own peak of memory.

    What the system says of a child that ended would count its parent's memory too.
    """
    code = (
        "import os, sys; from logtools.lasting import tail_lines; "
        f"tail_lines(0, {count}, emit=lambda piece: os.write(1, piece)); "
        'print([line.split()[1] for line in open("/proc/self/status")'
        ' if line.startswith("VmHWM")][0], file=sys.stderr)'
    )
    done = subprocess.run(
        ["bash", "-c", f"{source} {sys.executable} -c '{code}' > /dev/null"],
        stdin=stdin,
        stderr=subprocess.PIPE,
        check=True,
    )
    return int(done.stderr)


def test_five_sparse_gigabytes_that_are_one_line_take_little_memory() -> None:
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a disk takes longer
    with tempfile.TemporaryFile(dir=memory) as file:
        file.truncate(5_000_000_000)
        assert peak_kib("", 10, file) < 40 * 1024


def test_a_huge_line_of_a_pipe_takes_little_memory() -> None:
    assert peak_kib("head -c 300000000 /dev/zero |", 10) < 40 * 1024


def test_many_lines_of_a_pipe_are_not_all_held() -> None:
    assert peak_kib("seq 10000000 |", 1000) < 40 * 1024
