"""Each command in this process, and a folder of awkward texts."""

from collections.abc import Callable

import pytest

from tests.text_utils.awkward import Said, fixture_awkward, in_process
from text_utils.contains.cli import main as main_of_contains
from text_utils.normalize.cli import main as main_of_normalize
from text_utils.wc_lite.cli import main as main_of_wc_lite

__all__ = ["fixture_awkward"]

Run = Callable[..., Said]


@pytest.fixture
def wc_lite(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    return in_process(main_of_wc_lite, capfdbinary)


@pytest.fixture
def contains(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    return in_process(main_of_contains, capfdbinary)


@pytest.fixture
def normalize(capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    return in_process(main_of_normalize, capfdbinary)
