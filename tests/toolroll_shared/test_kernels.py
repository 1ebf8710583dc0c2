"""The loops of stringzilla and those in plain Python give the same."""

import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.letters import tricky_text
from toolroll_shared import kernels, plain, simd

flags = st.lists(st.sampled_from(b"\0\1"), min_size=1, max_size=300).map(bytes)
few_letters = st.lists(st.sampled_from(b"ab\n"), max_size=200).map(bytes)


def test_the_fast_ones_are_used_where_they_can_be_had() -> None:
    for name in kernels.__all__:
        assert getattr(kernels, name) is getattr(simd, name)


def test_plain_python_does_it_where_they_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("kernels", "simd"):
        monkeypatch.delitem(sys.modules, f"toolroll_shared.{name}")
    monkeypatch.setitem(sys.modules, "stringzilla", None)  # as if it were not installed
    from toolroll_shared.kernels import find

    assert find.__module__ == plain.__name__


@given(flags)
def test_flags_are_counted_alike(text: bytes) -> None:
    flags = memoryview(text)
    assert plain.ones(flags) == simd.ones(flags) == sum(text)
    assert plain.runs(flags) == simd.runs(flags) == len([run for run in text.split(b"\0") if run])


@given(few_letters, st.lists(st.sampled_from(b"ab\n"), min_size=1, max_size=3).map(bytes))
def test_exact_loops_are_alike(text: bytes, needle: bytes) -> None:
    assert plain.find(text, needle, 3) == simd.find(text, needle, 3) == text.find(needle, 3)
    expected = text.rfind(needle, 1, 9)
    assert plain.rfind(text, needle, 1, 9) == simd.rfind(text, needle, 1, 9) == expected
    assert plain.count(text, needle) == simd.count(text, needle) == text.count(needle)
    lengths = [len(piece) for piece in text.split(needle)]
    for module in (plain, simd):
        assert [len(piece) for piece in module.pieces(text, needle)] == lengths
        assert bytes(module.searchable(text)) == text
        whole = re.findall(rb"[^\n]*\n", text)
        assert [bytes(line) for line in module.lines(text)] == [
            *whole,
            text[len(b"".join(whole)) :],
        ]


@given(st.binary(max_size=200), st.binary(min_size=256, max_size=256))
def test_tables_are_applied_alike(text: bytes, table: bytes) -> None:
    outs = [bytearray(len(text)), bytearray(len(text))]
    plain.translate(text, table, memoryview(outs[0]))
    simd.translate(text, table, memoryview(outs[1]))
    assert outs[0] == outs[1] == text.translate(table)
    expected = any(0x80 <= byte < 0xC0 for byte in text)
    assert plain.has_continuations(text) == simd.has_continuations(text) == expected


@given(tricky_text(), tricky_text(min_size=1, max_size=4))
def test_caseless_loops_are_alike(text: str, needle: str) -> None:
    arguments = text.encode(), needle.casefold().encode()
    assert plain.find_caseless(*arguments) == simd.find_caseless(*arguments)
    hits = list(simd.matches_caseless(*arguments))
    assert list(plain.matches_caseless(*arguments)) == hits
    assert (simd.find_caseless(*arguments) >= 0) == (needle.casefold() in text.casefold())
