import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from typing import Any

import pytest

from tests.gh_releases.conftest import TOKEN, Run
from tests.support.commands import argv, environment
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.github_json import release_json

RELEASE_FIELDS = (
    "id",
    "tag_name",
    "name",
    "draft",
    "prerelease",
    "created_at",
    "published_at",
    "html_url",
)
ASSET_FIELDS = (
    "id",
    "name",
    "size",
    "digest",
    "content_type",
    "state",
    "download_count",
    "created_at",
    "updated_at",
    "url",
    "browser_download_url",
)
HOSTILE = "\x1b[31mred\x1b]0;title\x07\ttab\nline\r\x9b2J\u202eright\u2028\x00\x7f"
SHOWN = r"\x1b[31mred\x1b]0;title\x07\ttab\nline\r\x9b2J\u202eright\u2028\x00\x7f"  # never raw


@pytest.fixture
def varied(repo: Repository) -> Repository:
    """A draft, a pre-release without assets, and a release with two."""
    release = repo.add_release("v1.0", name="First", published_at="2024-05-01T12:00:00Z")
    release.add_asset("tool.tar.gz", b"x" * 1500, download_count=40)
    release.add_asset("tool.zip", b"x" * 500, download_count=2, digest=False)
    repo.add_release("v2.0-rc1", prerelease=True, published_at="2024-06-01T12:00:00Z")
    repo.add_release("v2.0", name="\u7b2c\u4e8c", draft=True, prerelease=True)
    return repo


def chosen(record: dict[str, Any], fields: tuple[str, ...]) -> dict[str, Any]:
    return {field: record[field] for field in fields}


def test_a_pipe_gets_tab_separated_rows_without_a_header(
    gh_releases: Run, varied: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    ran = gh_releases()
    assert (ran.code, ran.stderr) == (0, "")
    assert ran.stdout.splitlines() == [
        "v2.0\t\u7b2c\u4e8c\t\tdraft,pre-release\t0\t0\t0",
        "v2.0-rc1\t\t2024-06-01T12:00:00Z\tpre-release\t0\t0\t0",
        "v1.0\tFirst\t2024-05-01T12:00:00Z\tlatest\t2\t2000\t42",
    ], varied


def test_json_has_githubs_own_names_and_values(
    gh_releases: Run, varied: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    expected = []
    for release in varied.ordered(drafts=True):
        record = release_json(release)
        assets: Any = record["assets"]
        listed = chosen(record, RELEASE_FIELDS)
        expected.append({**listed, "assets": [chosen(asset, ASSET_FIELDS) for asset in assets]})
    ran = gh_releases("--json")
    assert (ran.code, ran.json, ran.stderr) == (0, expected, "")
    assert ran.stdout.isascii()


def test_no_releases_are_no_rows_and_an_empty_array(gh_releases: Run, repo: Repository) -> None:
    assert (gh_releases().stdout, gh_releases("--json").json, repo.releases) == ("", [], {})


@pytest.mark.parametrize("field", ["tag", "name"])
def test_text_that_could_steer_a_terminal_is_escaped_in_the_table(
    gh_releases: Run, repo: Repository, field: str
) -> None:
    repo.add_release(HOSTILE if field == "tag" else "v1", name=HOSTILE)
    [row] = gh_releases().stdout.splitlines()
    assert row.split("\t")[["tag", "name"].index(field)] == SHOWN


def test_json_carries_such_text_unchanged_and_without_a_raw_control_character(
    gh_releases: Run, repo: Repository
) -> None:
    repo.add_release("v1", name=HOSTILE)
    ran = gh_releases("--json")
    assert ran.json[0]["name"] == HOSTILE
    assert ran.stdout.replace("\n", "").isprintable()


def on_a_terminal(*arguments: object, columns: int = 80, **settings: str) -> str:
    """What a person sees who runs gh-releases on a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, columns, 0, 0))
    with (
        subprocess.Popen(
            argv("gh_releases", *arguments),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment({"TERM": "xterm", **settings}),
        ) as process,
        os.fdopen(ours, "rb", buffering=0) as screen,
    ):
        os.close(theirs)
        seen = b""
        while block := _read(screen.fileno()):
            seen += block
    assert process.returncode == 0
    return seen.decode().replace("\r\n", "\n")


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65536)
    except OSError:  # Linux says EIO when the other end is closed
        return b""


def test_a_terminal_gets_aligned_columns_with_a_header(github: GitHub, varied: Repository) -> None:
    seen = on_a_terminal(varied.full_name, "--api-url", github.api_url, TERM="dumb")
    header, *rows = seen.splitlines()
    assert header.split() == ["TAG", "NAME", "PUBLISHED", "FLAGS", "ASSETS", "SIZE", "DOWNLOADS"]
    assert [row.index("2024-") for row in rows] == [header.index("PUBLISHED")] * 2
    assert [row.split()[0] for row in rows] == ["v2.0-rc1", "v1.0"]


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_a_terminal_gets_no_escapes_from_data_and_no_line_too_long(
    github: GitHub, repo: Repository, columns: int
) -> None:
    repo.add_release("v1", name=HOSTILE + "long " * 100)
    seen = on_a_terminal("octo/tool", "--api-url", github.api_url, columns=columns)
    assert set(re.findall(r"\x1b[^m]*m?", seen)) <= {"\x1b[1m", "\x1b[0m"}, "bold, for the header"
    plain = re.sub(r"\x1b\[\dm", "", seen)
    assert all(line.isprintable() and len(line) <= columns for line in plain.splitlines())
    assert len(plain.splitlines()) == 2


def test_markup_in_a_name_is_text(github: GitHub, repo: Repository) -> None:
    repo.add_release("v1", name="[red]not red[/red] :smile:")
    seen = on_a_terminal("octo/tool", "--api-url", github.api_url, columns=200)
    assert "[red]not red[/red] :smile:" in seen


@pytest.mark.parametrize("arguments", [(), ("--since", "2024-01-01"), ("--assets",)])
def test_a_person_is_told_that_there_is_nothing(
    github: GitHub, repo: Repository, arguments: tuple[str, ...]
) -> None:
    seen = on_a_terminal(repo.full_name, "--api-url", github.api_url, *arguments, TERM="dumb")
    assert seen.splitlines() == ["gh-releases: octo/tool: nothing to list"]
