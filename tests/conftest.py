"""What every test gets: a clean environment, and a stand-in for GitHub if it asks for one."""

import os
from collections.abc import Iterator

import pytest

from tests.support.github import GitHub

_OURS = ("GH_", "GITHUB_", "TOOLROLL_", "XDG_")
_EVERYBODYS = {"no_color", "force_color", "columns", "lines", "traceparent"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what would change how our commands behave: tokens, proxies, settings."""
    for name in os.environ:
        foreign = name.lower().endswith("_proxy") or name.lower() in _EVERYBODYS
        if foreign or name.startswith(_OURS):
            monkeypatch.delenv(name)


@pytest.fixture
def github() -> Iterator[GitHub]:
    """A stand-in that knows the token `t0ken-s3cret`, and nothing else yet."""
    with GitHub(token="t0ken-s3cret") as server:
        yield server
