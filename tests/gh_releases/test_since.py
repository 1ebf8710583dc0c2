from datetime import UTC, datetime

import pytest

from tests.gh_releases.conftest import TOKEN, Run
from tests.support.github_data import Repository


@pytest.fixture(autouse=True)
def dated(repo: Repository) -> None:
    """Three releases, made in another order than published, and a draft."""
    repo.add_release("may", published_at="2024-05-01T00:00:00Z")
    repo.add_release("july", published_at="2024-07-01T12:30:00Z")
    repo.add_release("june", published_at="2024-06-15T23:59:59Z")
    repo.add_release("draft", draft=True)


@pytest.mark.parametrize(
    ("since", "tags"),
    [
        ("2024-04-30", ["june", "july", "may"]),
        ("2024-05-01", ["june", "july", "may"]),
        ("20240501", ["june", "july", "may"]),
        ("2024-05-01T00:00:00Z", ["june", "july", "may"]),
        ("2024-05-01T02:00:00+02:00", ["june", "july", "may"]),
        ("2024-05-01T00:00:01Z", ["june", "july"]),
        ("2024-05-01T00:00:00-00:01", ["june", "july"]),
        ("2024-06-15", ["june", "july"]),
        ("2024-06-15T23:59:59", ["june", "july"]),
        ("2024-06-16", ["july"]),
        ("2024-07-01T12:30:00Z", ["july"]),
        ("2024-07-01T14:30:00+02:00", ["july"]),
        ("2024-07-01T12:30:00.000001Z", []),
        ("2024-07-02", []),
        ("0001-01-01", ["june", "july", "may"]),
        ("9999-12-31T23:59:59-12:00", None),
    ],
)
def test_since_keeps_what_was_published_then_or_later(
    gh_releases: Run, monkeypatch: pytest.MonkeyPatch, since: str, tags: list[str] | None
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    ran = gh_releases("--since", since)
    assert (ran.code, ran.tags) == ((2, []) if tags is None else (0, tags))


def test_without_since_a_token_shows_drafts_too(
    gh_releases: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gh_releases().tags == ["june", "july", "may"]
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    assert gh_releases().tags == ["draft", "june", "july", "may"]


def test_a_date_is_the_start_of_a_day_in_utc_wherever_we_are(
    gh_releases: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    assert gh_releases("--since", "2024-05-01").tags == ["june", "july", "may"]


def test_an_instant_with_an_unusual_offset_in_the_answer_is_understood(
    gh_releases: Run, repo: Repository
) -> None:
    moment = datetime(2024, 8, 1, tzinfo=UTC).isoformat()
    repo.add_release("august", published_at=moment)
    assert gh_releases("--since", "2024-08-01").tags == ["august"]
    assert gh_releases("--since", "2024-08-01T00:00:01").tags == []
