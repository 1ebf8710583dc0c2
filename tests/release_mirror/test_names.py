from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release_mirror.names import MAX_NAME_BYTES, safe_name

ANY_TEXT = st.text(st.characters())  # lone surrogates too: JSON can hold them


@pytest.mark.parametrize(
    "name", ["v1.0", "tool_1.0-linux.tar.gz", "Überraschung", "日本", "a b+c@d"]
)
def test_ordinary_names_stay_as_they_are(name: str) -> None:
    assert safe_name(name) == name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("release/1.0", "release%2F1.0"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("..", "%2E."),
        (".", "%2E"),
        (".bashrc", "%2Ebashrc"),
        ("", "%"),
        ("a\\b", "a%5Cb"),
        ("100%", "100%25"),
        ("a\x00b\n", "a%00b%0A"),
        ("\x1b[31m", "%1B[31m"),
        ("C:evil", "C%3Aevil"),
        ("\ud800", "%ED%A0%80"),
    ],
)
def test_a_dangerous_name_is_encoded(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(ANY_TEXT)
def test_no_name_leaves_its_folder_or_hides(name: str) -> None:
    safe = safe_name(name)
    assert PurePosixPath("tag", safe).parts == ("tag", safe)
    assert not safe.startswith(".")
    assert safe.isprintable()
    assert 0 < len(safe.encode()) <= MAX_NAME_BYTES


@given(st.lists(ANY_TEXT, unique=True, max_size=20))
def test_different_names_stay_different(names: list[str]) -> None:
    assert len({safe_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("character", ["a", "ü", "日", "\n"])
def test_a_long_name_fits_and_keeps_its_ending(character: str) -> None:
    one, other = (safe_name(character * 300 + ending) for ending in (".tar.gz", "x.tar.gz"))
    assert one != other
    assert one.endswith(".tar.gz")
    assert len(one.encode()) <= MAX_NAME_BYTES
