"""Files of any size, with lines of any length, take the same memory.

TOOLROLL_SPARSE_GB=5 in the environment makes the files as large as that.
"""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import environment
from tests.text_utils.awkward import ours

GB = 1_000_000_000
SIZE = int(float(os.environ.get("TOOLROLL_SPARSE_GB", "0.3")) * GB)
MOST_KIB = 40 * 1024

CALLS = {
    "wc-lite": (ours("wc-lite", "FILE"), 0),
    "wc-lite all": (ours("wc-lite", "-lwmcL", "FILE"), 0),
    "wc-lite json": (ours("wc-lite", "--json", "FILE"), 0),
    "contains": (ours("contains", "FILE", "needle"), 0),
    "contains caseless": (ours("contains", "--json", "-i", "FILE", "NEEDLE"), 0),
    "contains long": (ours("contains", "-i", "FILE", "ß" * 50_000), 1),
    "normalize check": (ours("normalize", "FILE", "--to", "crlf", "--check", "--binary"), 0),
    "normalize": (ours("normalize", "FILE", "--to", "lf", "--binary", "-o", "-"), 0),
}
calls = pytest.mark.parametrize(("command", "code"), CALLS.values(), ids=CALLS)


def peak(command: list[str], file: Path) -> tuple[int, int]:
    """Exit code and peak memory in KiB of a command."""
    words = [str(file) if word == "FILE" else word for word in command]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environment({})) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss


@calls
def test_a_line_without_an_end_takes_no_memory(
    tmp_path: Path, command: list[str], code: int
) -> None:
    file = tmp_path / "sparse"
    with file.open("wb") as sparse:
        sparse.truncate(SIZE)
        sparse.seek(0, os.SEEK_END)
        sparse.write(b"needle")
    returned, kib = peak(command, file)
    assert returned == code
    assert kib < MOST_KIB


@calls
@pytest.mark.parametrize("text", [b"\n", b"\r", b"\rx", b"a\n", b"\xc3\xa9\t\r\n", b"\xff\x80 "])
def test_nor_does_any_other_text(
    tmp_path: Path, command: list[str], code: int, text: bytes
) -> None:
    file = tmp_path / "text"
    file.write_bytes(text * (2_000_000 // len(text)) + b"needle")
    returned, kib = peak(command, file)
    assert returned == code or "--check" in command
    assert kib < MOST_KIB
