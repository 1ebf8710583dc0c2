"""Files of any size, with lines of any length, take the same memory.

TOOLROLL_SPARSE_GB=5 in the environment makes the files as large as that.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment

GB = 1_000_000_000
SIZE = int(float(os.environ.get("TOOLROLL_SPARSE_GB", "0.3")) * GB)
MOST_KIB = 40 * 1024

CALLS = {
    "wc-lite": (["wc_lite", "FILE"], 0),
    "wc-lite all": (["wc_lite", "-lwmcL", "FILE"], 0),
    "wc-lite json": (["wc_lite", "--json", "FILE"], 0),
    "contains": (["contains", "FILE", "needle"], 0),
    "contains caseless": (["contains", "--json", "-i", "FILE", "NEEDLE"], 0),
    "contains long": (["contains", "-i", "FILE", "ß" * 50_000], 1),
    "normalize check": (["normalize", "FILE", "--to", "crlf", "--check", "--binary"], 0),
    "normalize": (["normalize", "FILE", "--to", "lf", "--binary", "-o", "-"], 0),
}
pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="only Linux has VmHWM"
)
calls = pytest.mark.parametrize(("command", "code"), CALLS.values(), ids=CALLS)


WATCHED = """
import sys
from importlib import import_module
code = import_module(f"text_utils.{sys.argv[1]}.cli").main(sys.argv[2:])
status = open("/proc/self/status").read()  # ru_maxrss begins with what the parent had
print(status.partition("VmHWM:")[2].split()[0], file=sys.stderr)
sys.exit(code)
"""


def peak(command: list[str], file: Path) -> tuple[int, int]:
    """Exit code and peak memory in KiB of a command."""
    words = [str(file) if word == "FILE" else word for word in command]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environment({}),
        check=False,
    )
    return done.returncode, int(done.stderr)


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
@pytest.mark.parametrize("text", [b"\n", b"\rx", b"\xc3\xa9\t\r\n"])
def test_nor_does_any_other_text(
    tmp_path: Path, command: list[str], code: int, text: bytes
) -> None:
    file = tmp_path / "text"
    file.write_bytes(text * (1_200_000 // len(text)) + b"needle")
    returned, kib = peak(command, file)
    assert returned == code or "--check" in command
    assert kib < MOST_KIB
