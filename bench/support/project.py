"""A project with releases on loopback: nginx, and the lists of the stand-in.

nginx serves the assets' bytes on one origin. On another it stands before the stand-in, answers for
each asset itself, with a redirect to its bytes, and can do all that so much later.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import github_json
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.nginx import Nginx, serving

TOKEN = "t0ken"  # noqa: S105 - of the stand-in
MOST_ASSETS = 1000  # of a release on GitHub, which shows them all to gh
RULES = """
    default_type application/octet-stream;
    location / {{ echo_sleep {late_s}; echo_exec @answer; }}
    location = /graphql {{ echo_sleep {late_s}; echo_exec @no_draft; }}
    location @no_draft {{ echo '{{"data":{{"repository":{{"release":null}}}}}}'; }}
    location @answer {{
        set $asset "";
        if ($request_uri ~ "^/repos/octo/.+/assets/([0-9]+)$") {{ set $asset /ids/$1; }}
        set $refused "";
        if ($http_authorization = "") {{ set $refused $asset; }}
        if ($refused) {{ return 401; }}
        if ($request_uri ~ "^/(octo/[a-z]+)/releases/download/(.*)$") {{ set $asset /$1/$2; }}
        if ($asset) {{ return 302 {bytes_url}$asset; }}
        proxy_pass {lists_url};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_buffers 256 16k;
    }}
"""


@dataclass(frozen=True)
class Project:
    """Where it is, and what was asked of it."""

    api: Nginx
    bytes: Nginx

    def asked(self) -> tuple[int, int]:
        """Return the requests so far: to the API and the site, and for bytes."""
        return self.api.requests(), self.bytes.requests()


@dataclass(frozen=True)
class Assets:
    """The assets of a repository: so many releases with so many each.

    Args:
        name: of the repository, in lower-case letters.
        releases: how many.
        each: assets in each of them.
        size: of each asset, in bytes.
        same: whether all are one file under many names.
    """

    name: str
    releases: int
    each: int
    size: int
    same: bool = False

    @property
    def count(self) -> int:
        """All assets together."""
        return self.releases * self.each

    def names(self) -> list[str]:
        """TAG/NAME of each asset."""
        return [
            f"v{release}/tool-{number}.bin"
            for release in range(self.releases)
            for number in range(self.each)
        ]

    def make(self, root: Path) -> None:
        """Write the files."""
        first = None
        for name in self.names():
            path = root / "octo" / self.name / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if first is None or not self.same:
                write_random(path, self.size)
                first = path
            else:
                path.hardlink_to(first)

    def add(self, github: GitHub, root: Path) -> Repository:
        """Tell the stand-in of them, and nginx of their ids."""
        repository = github.add_repository(f"octo/{self.name}")
        releases = {
            f"v{number}": repository.add_release(f"v{number}") for number in range(self.releases)
        }
        for name in self.names():
            path = root / "octo" / self.name / name
            asset = releases[path.parent.name].add_asset(path.name, path)
            link = root / "ids" / str(asset.id)
            link.unlink(missing_ok=True)
            link.hardlink_to(path)
        return repository


def write_random(path: Path, size: int) -> None:
    """Write a file of random bytes, a MiB at a time."""
    with path.open("xb") as file:
        for start in range(0, size, 1024 * 1024):
            file.write(os.urandom(min(size - start, 1024 * 1024)))


@contextmanager
def project(root: Path, repositories: list[Assets], *, late_s: float) -> Iterator[Project]:
    """Serve repositories whose files are made.

    Args:
        root: what nginx' unprivileged worker must be able to read.
        repositories: what is served.
        late_s: how much later than at once the API and the site answer.
    """
    github_json.MAX_EMBEDDED = MOST_ASSETS
    (root / "ids").mkdir(exist_ok=True)
    with GitHub(token=TOKEN, quota=10**9) as github, serving(root) as bytes_nginx:
        added = [one.add(github, root) for one in repositories]
        rules = RULES.format(late_s=late_s, bytes_url=bytes_nginx.url, lists_url=github.api_url)
        with serving(root, rules=rules) as api:
            added[0].site.api_url = api.url
            yield Project(api, bytes_nginx)
