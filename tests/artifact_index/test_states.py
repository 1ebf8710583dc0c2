"""Whatever upstream went through, the database ends as a single sync of its last state does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from artifact_index import SCHEMA
from artifact_index.cli import main
from artifact_index.commands import reading
from artifact_index.verify import problems
from tests.artifact_index.conftest import rows
from tests.support.github import GitHub
from tests.support.github_data import Asset, Release, Repository

TAGS = 4
ASSETS = 5
RELEASE_ROWS = (
    "SELECT id, repository_id, tag_name, name, draft, prerelease, created_at, published_at, "
    "html_url FROM releases WHERE gone_at IS NULL ORDER BY id"
)
ASSET_ROWS = (
    "SELECT id, release_id, name, size, digest, content_type, state, download_count, created_at, "
    "updated_at, url, browser_download_url FROM assets WHERE gone_at IS NULL ORDER BY id"
)
REPOSITORY_ROWS = (
    "SELECT id, full_name, private, api_host, synced_since, next_page, gone_at FROM repositories"
)


@dataclass(frozen=True)
class State:
    """What upstream has: which releases, under which name, and where each asset is.

    Attributes:
        name: of the repository.
        titles: of each release; None is one that is not there.
        homes: of each asset the number of its release; None is one that is not there.
        counts: of each asset.
    """

    name: str
    titles: Sequence[str | None]
    homes: Sequence[int | None]
    counts: Sequence[int]


STATES = st.builds(
    State,
    st.sampled_from(["octo/tool", "octo/renamed"]),
    st.tuples(*[st.sampled_from([None, "One", "Two", ""])] * TAGS),
    st.tuples(*[st.sampled_from([None, *range(TAGS)])] * ASSETS),
    st.tuples(*[st.integers(0, 2)] * ASSETS),
)


class Upstream:
    """A repository that can be put into any state, with the same ids each time.

    Attributes:
        shown: the ids of all assets that it ever had.
    """

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self.shown: set[int] = set()
        self.releases = [repo.add_release(f"v{number}") for number in range(TAGS)]
        self.assets = [self.releases[0].add_asset(f"a{n}", b"x" * n) for n in range(ASSETS)]

    def become(self, state: State) -> None:
        self.repo.rename(state.name)
        self.repo.releases.clear()
        for release, title in zip(self.releases, state.titles, strict=True):
            release.assets.clear()
            if title is not None:
                self.repo.releases[release.id] = release
                release.edit(name=title or None, prerelease=not title)
        for asset, home, count in zip(self.assets, state.homes, state.counts, strict=True):
            asset.download_count = count
            if home is not None:
                _attach(asset, self.releases[home])
                self.shown |= {asset.id} if state.titles[home] is not None else set()
        self.repo.touch()


def _attach(asset: Asset, release: Release) -> None:
    asset.release = release
    release.assets[asset.id] = asset
    release.touch()


def sync(github: GitHub, db: Path, *arguments: str) -> None:
    common = ["--db", str(db), "--api-url", github.api_url, "--no-cache"]
    assert main(["octo/tool", *common, *arguments]) == 0


def content(db: Path) -> tuple[list[Any], ...]:
    return tuple(rows(db, sql) for sql in (REPOSITORY_ROWS, RELEASE_ROWS, ASSET_ROWS))


@settings(max_examples=40, deadline=None)
@given(st.lists(STATES, min_size=1, max_size=4))
def test_any_history_ends_in_the_database_of_the_last_state(states: list[State]) -> None:
    with TemporaryDirectory() as folder, GitHub() as github:
        upstream = Upstream(github.add_repository("octo/tool"))
        lived, fresh = Path(folder, "lived.sqlite"), Path(folder, "fresh.sqlite")
        for state in states:
            upstream.become(state)
            sync(github, lived)
        sync(github, fresh)
        assert content(lived) == content(fresh)
        assert set(rows(lived, "SELECT id FROM assets")) == upstream.shown
        with reading(lived) as connection:
            assert problems(connection, SCHEMA) == []
