"""Where stringzilla has no wheel, the same comes out."""

import sys

import pytest

from tests.text_utils.awkward import TEXTS, ours, said

PLAINLY = """
import sys
from importlib import import_module
sys.modules["stringzilla"] = None  # as if it were not installed
code = import_module(f"text_utils.{sys.argv[1]}.cli").main(sys.argv[2:])
assert "toolroll_shared.plain" in sys.modules and "toolroll_shared.simd" not in sys.modules
sys.exit(code)
"""


def plainly(command: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", PLAINLY, command.replace("-", "_"), *arguments]


@pytest.mark.usefixtures("awkward")
@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("wc-lite", ["-lwmcL", *TEXTS]),
        ("wc-lite", ["--json", *TEXTS]),
        ("normalize", ["--check", "--binary", "--to", "lf", *TEXTS]),
        ("normalize", ["--check", "--to", "crlf", "--mac", *TEXTS]),
        *[
            ("normalize", ["--binary", "--to", "lf", "-o", "-", name])
            for name in ("nuls", "lone-returns")
        ],
        *[("normalize", ["--to", "crlf", "-o", "-", name]) for name in ("mixed", "cr-cr-lf")],
        *[("contains", ["--json", "border", needle]) for needle in ("needle", "\r", "zzz")],
        *[
            ("contains", ["-i", "--json", name, needle])
            for name in ("utf8", "invalid")
            for needle in ("K", "ss", "σίσυφος", "NEEDLEn", "é", "caF")
        ],
        ("contains", ["-i", "--json", "--hex", "invalid", "66e9"]),
    ],
)
def test_the_output_is_the_same(command: str, arguments: list[str]) -> None:
    assert said(plainly(command, *arguments)) == said(ours(command, *arguments))
