import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.gh_releases.conftest import TOKEN, Run
from tests.support import faults
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


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(seconds=-90), "0s"),
        (timedelta(hours=5), "5h"),
        (timedelta(days=40), "40d"),
        (timedelta(days=400), "13mo"),
        (timedelta(days=4000), "10y"),
    ],
)
def test_a_person_sees_how_long_ago_it_was(
    github: GitHub, repo: Repository, ago: timedelta, shown: str
) -> None:
    published = (datetime.now(UTC) - ago).replace(microsecond=0).isoformat()
    repo.add_release("v1", published_at=published)
    seen = on_a_terminal("octo/tool", "--api-url", github.api_url, TERM="dumb")
    assert f" {published[:10]} ({shown}) " in seen


def test_a_person_sees_which_release_is_the_latest(github: GitHub, varied: Repository) -> None:
    varied.add_release("v1.0.1", created_at="2000-01-01T00:00:00Z")
    seen = on_a_terminal("octo/tool", "--api-url", github.api_url, TERM="dumb")
    flagged = {row.split()[0]: "latest" in row for row in seen.splitlines()[1:]}
    assert flagged == {"v2.0-rc1": False, "v1.0": True, "v1.0.1": False}
    assert github.requests[-1].path == "/repos/octo/tool/releases/latest"


def test_a_list_that_cannot_hold_the_latest_release_does_not_ask_for_it(
    github: GitHub, gh_releases: Run, repo: Repository
) -> None:
    repo.add_release("v1", prerelease=True)
    assert gh_releases().tags == ["v1"]
    assert len(github.requests) == 1


def test_a_project_that_shows_none_as_its_latest_has_none(
    github: GitHub, gh_releases: Run, repo: Repository
) -> None:
    repo.add_release("v1")
    github.fault("/latest", faults.status(404))
    ran = gh_releases()
    assert (ran.code, ran.stdout.split("\t")[3], ran.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (faults.status(500), "the server answers 500"),
        (faults.status(403), "the API refuses: 403"),
        (faults.throttled(retry_after=9999), "primary rate limit met"),
    ],
    ids=["500", "403", "limit"],
)
def test_a_list_is_not_lost_because_its_latest_release_cannot_be_told(
    github: GitHub, gh_releases: Run, repo: Repository, fault: faults.Fault, why: str
) -> None:
    repo.add_release("v1")
    github.fault("/latest", fault)
    ran = gh_releases("--retries", 0)
    assert (ran.code, ran.tags, ran.stdout.split("\t")[3]) == (0, ["v1"], "")
    assert ran.stderr.startswith("gh-releases: cannot tell which release is the latest: ")
    assert why in ran.stderr


def test_a_person_sees_assets_with_short_digests(github: GitHub, varied: Repository) -> None:
    seen = on_a_terminal(varied.full_name, "--assets", "--api-url", github.api_url, columns=120)
    header, first, second = re.sub(r"\x1b\[\dm", "", seen).splitlines()
    assert header.split() == ["TAG", "ASSET", "SIZE", "UPDATED", "STATE", "DOWNLOADS", "DIGEST"]
    assert first.split()[:4] == ["v1.0", "tool.tar.gz", "1.5", "kB"]
    assert len(first.split()[-1]) == len("sha256:") + 12
    assert second.split()[-1] == "2", "it has no digest"


def test_meta_says_what_was_asked_and_what_is_left(
    github: GitHub, gh_releases: Run, varied: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    github.fault("/releases", faults.status(502))
    document = gh_releases("--json", "--meta").json
    meta = document["meta"]
    assert [one["tag_name"] for one in document["releases"]] == ["v2.0", "v2.0-rc1", "v1.0"]
    assert (meta["requests"], meta["not_modified"], meta["waited_s"]) == (2, 0, 0.0)
    assert meta["received_bytes"] > 1000
    assert (meta["quota"]["limit"], meta["quota"]["remaining"]) == (5000, 4998)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", meta["quota"]["reset"])
    assert [re.fullmatch(r"7001:[0-9A-F]{8}", one) is not None for one in meta["request_ids"]] == [
        True,
        True,
    ]
    assert varied.releases


@pytest.mark.parametrize("arguments", [["--meta"], ["--meta", "--ndjson"], ["--json", "--ndjson"]])
def test_forms_that_exclude_each_other_are_bad_usage(
    gh_releases: Run, arguments: list[str]
) -> None:
    ran = gh_releases(*arguments)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)


def test_ndjson_is_the_array_line_by_line(
    gh_releases: Run, varied: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    assert gh_releases("--ndjson").records == gh_releases("--json").json
    lines = gh_releases("--json").stdout.splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("[", "]", len(varied.releases) + 2)


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
