import pytest

from toolroll_shared.spans import human_span


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0, "0s"),
        (0.9, "0s"),
        (119, "119s"),
        (120, "2m"),
        (7199, "119m"),
        (7200, "2h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (60 * 86_400, "60d"),
        (61 * 86_400, "2mo"),
        (730 * 86_400, "23mo"),
        (731 * 86_400, "2y"),
        (10_000 * 86_400, "27y"),
    ],
)
def test_a_span_is_said_in_one_unit_and_rounded_down(seconds: float, shown: str) -> None:
    assert human_span(seconds) == shown
