"""Texts that are hard on whatever counts, searches or mends them, and the commands on them."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import argv, environment

TEXTS = {
    "empty": b"",
    "no-final-newline": b"one\ntwo",
    "only-newlines": b"\n" * 999,
    "only-returns": b"\r" * 999,
    "nuls": b"a\0b\0\nc\0\0\n",
    "crlf": b"one\r\ntwo\r\n\r\n",
    "mixed": b"one\r\ntwo\nthree\r\n\nfour",
    "lone-returns": b"a\r\nb\rc\n\rd\r",
    "cr-cr-lf": b"a\r\r\nb\r\r\r\nc\r\r",
    "bom": b"\xef\xbb\xbfone\r\ntwo\n",
    "bom-only": b"\xef\xbb\xbf",
    "half-a-bom": b"\xef\xbb",
    "invalid": b"caf\xe9\n\xff\xfe\xfd x\n\xc3\n\xe2\x82",
    "surrogate": b"a\xed\xa0\x80b\n\xf4\x90\x80\x80c\n\xc0\x80\n",
    "utf8": "žluťoučký kůň\tİß ﬁ ΣΊΣΥΦΟΣ\n\u212a日本語 é e\u0301 😀\u00a0x\u2028y\n".encode(),
    "spaces": b" \t\v\f\r\n x\vy\fz\r w \t",
    "tabs": b"\ta\tbb\n1234567\t8\n12345678\t9\n\x08\x07\x7f\x1b[1mx\n",
    "controls": b"\x01 \x02\n",
    "one-long-line": b"x" * 300_001,
    "long-lines": b"abc d\xc3\xa9" * 40_000 + b"\r\n" + b"y" * 200_000 + b"\r\n",
    "border": b"x" * (512 * 1024 - 1) + b"\r\n" + b"needle" * 9,
}
"""Name -> text."""

texts = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


@dataclass(frozen=True)
class Said:
    """A command that ended, in bytes."""

    code: int
    out: bytes
    err: bytes


def said(command: list[str], stdin: bytes | int | None = b"", **settings: str) -> Said:
    """Run any command to its end; stdin is what it is given, or a descriptor."""
    given: dict[str, Any] = {"stdin": stdin} if isinstance(stdin, int) else {"input": stdin}
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        command, capture_output=True, env=environment(settings), timeout=60, check=False, **given
    )
    return Said(done.returncode, done.stdout, done.stderr)


def ours(command: str, *arguments: object) -> list[str]:
    """The command line of `wc-lite`, `contains` or `normalize`."""
    return argv(f"text_utils.{command.replace('-', '_')}", *arguments)


def tool(name: str) -> str:
    """Where somebody else's command is that does the same."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"needs {name}, which ours is compared with")
    return path


def in_process(
    main: Callable[[list[str]], int], capture: pytest.CaptureFixture[bytes]
) -> Callable[..., Said]:
    """Return what runs a command's `main` in this process."""

    def run(*arguments: object) -> Said:
        capture.readouterr()
        code = main([*map(str, arguments)])
        captured = capture.readouterr()
        return Said(code, captured.out, captured.err)

    return run


@pytest.fixture(name="awkward")
def fixture_awkward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The present folder, with each text in a file of its name."""
    folder = tmp_path / "awkward"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_bytes(text)
    monkeypatch.chdir(folder)
    return folder


@contextmanager
def piped(text: bytes) -> Iterator[int]:
    """The end to read from of a pipe that holds a short text."""
    here, there = os.pipe()
    try:
        os.write(there, text)
        os.close(there)
        yield here
    finally:
        os.close(here)
