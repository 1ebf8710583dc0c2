"""Which files belong to a log, and in which order they were written."""

import os
from pathlib import Path

import pytest

from logtools.generations import siblings


def make(folder: Path, names: dict[str, int]) -> list[str]:
    """Make files that were last written at these seconds, and return the generations in order."""
    for name, second in names.items():
        (folder / name).touch()
        os.utime(folder / name, (second, second))
    found = siblings(str(folder / "app.log"))
    return [Path(one.path).name for one in found if one.is_generation]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(
            {"app.log.1": 30, "app.log.2.gz": 20, "app.log.10.gz": 10},
            ["app.log.10.gz", "app.log.2.gz", "app.log.1"],
            id="numbers count rotations",
        ),
        pytest.param(
            {"app.log.1": 30, "app.log.2": 40},
            ["app.log.2", "app.log.1"],
            id="a late writer changes nothing",
        ),
        pytest.param(
            {"app.log.1": 1000, "app.log.2": 2000, "app.log.3": 3000},
            ["app.log.1", "app.log.2", "app.log.3"],
            id="some rotators count upward",
        ),
        pytest.param(
            {"app.log-20260102": 10, "app.log-20260101.gz": 5000, "app.log-20251231": 20},
            ["app.log-20251231", "app.log-20260101.gz", "app.log-20260102"],
            id="dates go before times",
        ),
        pytest.param(
            {"app.log-31-12-2025": 10, "app.log-01-01-2026": 20},
            ["app.log-31-12-2025", "app.log-01-01-2026"],
            id="days first are not understood, times are",
        ),
        pytest.param(
            {"app.2026-01-02.log": 10, "app-20260101.log.xz": 10, "app.1.log": 10, "app.log": 99},
            ["app-20260101.log.xz", "app.1.log", "app.2026-01-02.log"],
            id="before the extension",
        ),
        pytest.param(
            {"app.log.1": 10, "app.log.1.gz": 11},
            ["app.log.1"],
            id="the compressed file beside the plain one is not whole yet",
        ),
        pytest.param(
            {"app.log.bak": 1, "app.log.cursor": 1, "app-errors.log": 1, "application.log.1": 1},
            [],
            id="other files",
        ),
    ],
)
def test_generations_are_found_oldest_first(
    tmp_path: Path, names: dict[str, int], expected: list[str]
) -> None:
    assert sorted(make(tmp_path, names)) == sorted(expected)
    if "app.2026-01-02.log" not in names:
        assert make(tmp_path, names) == expected
