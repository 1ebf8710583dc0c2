import fcntl
import os
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolroll_shared.streams import PIPE, Input, Window, opened, shown


def pipe_with(text: bytes) -> int:
    here, there = os.pipe()
    os.write(there, text)
    os.close(there)
    return here


@given(st.binary(max_size=9000), st.integers(1, 5000), st.lists(st.integers(0, 6000), max_size=40))
def test_a_window_moves_over_all_bytes_and_keeps_what_it_is_told_to(
    text: bytes, block: int, keeps: list[int]
) -> None:
    descriptor = pipe_with(text)
    try:
        window, seen, keep = Window(Input(descriptor, "pipe"), block=block, keep=6000), 0, 0
        while window.advance(keep):
            assert window.offset == seen - keep
            seen += len(window.view) - keep
            assert bytes(window.view) == text[window.offset : seen]
            keep = min(len(window.view), keeps.pop() if keeps else 0)
        assert seen == len(text)
        assert bytes(window.view) == text[seen - keep :]
    finally:
        os.close(descriptor)


def test_an_input_that_is_slow_and_non_blocking_is_waited_for() -> None:
    here, there = os.pipe()
    os.set_blocking(here, False)
    window = Window(Input(here, "pipe"))

    def write() -> None:
        os.write(there, b"late")
        os.close(there)

    writer = threading.Timer(0.05, write)
    writer.start()
    assert window.advance()
    assert bytes(window.view) == b"late"
    assert not window.advance()
    writer.join()
    os.close(here)


def test_a_file_is_opened_and_closed_and_stdin_left_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with opened(str(tmp_path / "file")) as source:
        assert os.read(source.descriptor, 9) == b"x"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(source.descriptor)
    with opened("-") as source:
        assert (source.descriptor, source.name) == (0, "standard input")
    os.fstat(0)
    assert (shown("-"), shown("a/b")) == ("standard input", "a/b")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a pipe hold more")
def test_a_pipe_that_is_read_holds_more(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    other = os.open(fifo, os.O_RDWR)
    with opened(str(fifo)) as source:
        assert fcntl.fcntl(source.descriptor, fcntl.F_GETPIPE_SZ) == PIPE
    os.close(other)
