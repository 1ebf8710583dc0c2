"""The projects on GitHub that the documents speak of, as the stand-in has them."""

import gzip
import hashlib

from tests.support.github import GitHub
from tests.support.github_data import Repository

TOKEN = "t0ken-s3cret"
SYSTEMS = ("linux_amd64", "linux_arm64", "macOS_arm64", "windows_amd64")


def fill(github: GitHub) -> dict[str, Repository]:
    """Add them, with their releases; return them by name."""
    tool = github.add_repository("cli/cli")
    for month, tag in enumerate(["v2.78.0", "v2.79.0", "v2.80.0-pre.0", "v2.80.0"], start=1):
        add_release(tool, tag, f"2026-{month:02}-10T12:00:00Z", "gh", ".tar.gz")
    uv = github.add_repository("astral-sh/uv")
    for day, tag in enumerate(["0.9.5", "0.9.6"], start=1):
        add_release(uv, tag, f"2026-11-{day:02}T12:00:00Z", "uv", ".tar.gz")
    ruff = github.add_repository("astral-sh/ruff")
    add_release(ruff, "0.14.5", "2026-11-13T12:00:00Z", "ruff", ".tar.gz")
    private = github.add_repository("owner/private", private=True)
    add_release(private, "v1.0", "2026-05-01T12:00:00Z", "private", ".zip")
    return {one.full_name: one for one in (tool, uv, ruff, private)}


def add_release(repo: Repository, tag: str, at: str, name: str, ending: str) -> None:
    """Add a release with a file for each system, and their checksums.

    Args:
        repo: where.
        tag: its tag.
        at: when it was published.
        name: what its files' names begin with.
        ending: what they end with.
    """
    version = tag.removeprefix("v")
    release = repo.add_release(
        tag, name=f"{name} {version}", prerelease="-" in tag, created_at=at, published_at=at
    )
    sums = ""
    for system in SYSTEMS:
        asset, content = (
            f"{name}_{version}_{system}{ending}",
            _content(f"{name} {version} {system}"),
        )
        release.add_asset(asset, content)
        sums += f"{hashlib.sha256(content).hexdigest()}  {asset}\n"
    release.add_asset("checksums.txt", sums.encode())


def _content(text: str) -> bytes:
    return gzip.compress(f"{text}\n".encode() * 500, mtime=0)
