from datetime import UTC, datetime

import pytest

from release_mirror.rules import Release, Rules, wanted_releases
from tests.release_mirror.parts import release

RELEASES = [
    release(1, "v1", published_at="2024-01-01T00:00:00Z"),
    release(2, "v2-rc", published_at="2024-02-01T00:00:00Z", prerelease=True),
    release(3, "v2", published_at="2024-03-01T00:00:00Z"),
    release(4, "v1.1", published_at="2024-04-01T00:00:00Z"),
    release(5, "draft", published_at=None, draft=True),
    release(6, "gone", published_at="2024-05-01T00:00:00Z", gone=True),
]


def tags(rules: Rules, *, latest_id: int | None = 3) -> list[str]:
    return [one.tag for one in wanted_releases(RELEASES, rules, latest_id=latest_id)]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (Rules(), ["v1.1", "v2", "v1"]),
        (Rules(prereleases=True), ["v1.1", "v2", "v2-rc", "v1"]),
        (Rules(latest=True), ["v2"]),
        (Rules(keep_last=2), ["v1.1", "v2"]),
        (Rules(keep_last=2, prereleases=True), ["v1.1", "v2"]),
        (Rules(keep_last=1, tags=("v1*",)), ["v1.1"]),
        (Rules(tags=("v1", "v2*")), ["v2", "v1"]),
        (Rules(since=datetime(2024, 3, 1, tzinfo=UTC)), ["v1.1", "v2"]),
        (Rules(since=datetime(2024, 3, 1, 0, 0, 1, tzinfo=UTC)), ["v1.1"]),
        (Rules(latest=True, since=datetime(2024, 4, 1, tzinfo=UTC)), []),
    ],
)
def test_each_rule_narrows_or_widens_the_choice(rules: Rules, expected: list[str]) -> None:
    assert tags(rules) == expected


def test_a_latest_release_that_is_none_is_not_guessed() -> None:
    assert tags(Rules(latest=True), latest_id=None) == []


def test_two_releases_of_the_same_second_have_one_order() -> None:
    twins = [release(8, "a"), release(7, "b")]
    both: list[list[Release]] = [
        wanted_releases(order, Rules(), latest_id=None) for order in (twins, twins[::-1])
    ]
    assert both[0] == both[1]


@pytest.mark.parametrize(
    ("rules", "name", "expected"),
    [
        (Rules(), "tool.deb", True),
        (Rules(include=("*.deb",)), "tool.deb", True),
        (Rules(include=("*.deb",)), "tool.deb.sig", False),
        (Rules(include=("*.deb*",), exclude=("*.sig",)), "tool.deb.sig", False),
        (Rules(exclude=("*.sig",)), "tool.deb", True),
        (Rules(include=("*.DEB",)), "tool.deb", False),
    ],
)
def test_globs_are_about_the_whole_name_of_an_asset(
    *, rules: Rules, name: str, expected: bool
) -> None:
    assert rules.takes(name) == expected


def test_a_limit_of_size_includes_itself() -> None:
    assert [Rules(max_size=5).exceeded(size) for size in (4, 5, 6)] == [False, False, True]
    assert not Rules().exceeded(10**12)
