"""Pages that are kept: they save quota and time, and never change what is listed."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from gh_releases import cache, origin
from gh_releases.cache import Cache, Entry, is_etag
from tests.gh_releases.conftest import TOKEN, Run, adding, answering
from tests.support import faults
from tests.support.commands import argv, environment
from tests.support.faults import Fault
from tests.support.github import GitHub
from tests.support.github_data import Release, Repository
from tests.support.github_http import Request, Response
from tests.support.journals import actions_in
from toolroll_shared.errors import Exit


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the pages are kept; it is not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "toolroll" / "gh-releases"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("GH_TOKEN", TOKEN)
    return TOKEN


@pytest.fixture
def pages(repo: Repository) -> list[str]:
    """Two and a half pages, newest first."""
    return fill(repo, 250)


def fill(repo: Repository, count: int) -> list[str]:
    tags = [f"v{number}" for number in range(count)]
    for tag in tags:
        repo.add_release(tag)
    return tags[::-1]


def statuses(github: GitHub) -> list[int]:
    """Of the requests since the last look."""
    found = [request.status for request in github.requests]
    github.forget_requests()
    return found


def tags_of(ran: object) -> list[str]:
    return [record["tag_name"] for record in ran.json]  # type: ignore[attr-defined]


def entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


# What it saves.


def test_a_second_run_asks_only_whether_anything_changed_and_spends_no_quota(
    github: GitHub, gh_releases: Run, token: str, pages: list[str], folder: Path
) -> None:
    first = gh_releases("--json", "--meta").json
    assert statuses(github) == [200, 200, 200]
    second = gh_releases("--json", "--meta").json
    assert statuses(github) == [304, 304, 304]
    assert [one["tag_name"] for one in second["releases"]] == pages
    assert second["releases"] == first["releases"]
    assert [run["meta"]["quota"]["remaining"] for run in (first, second)] == [4997, 4997]
    assert [run["meta"]["not_modified"] for run in (first, second)] == [0, 3]
    assert second["meta"]["received_bytes"] == 0
    assert (len(entries(folder)), len(token)) == (3, 12)


@pytest.mark.parametrize("option", ["--json", "--ndjson", "--assets"])
def test_what_is_printed_is_the_same_with_and_without_it(
    gh_releases: Run, repo: Repository, token: str, option: str
) -> None:
    for number in range(3):
        repo.add_release(f"v{number}", name=f"\u7b2c{number}\x1b").add_asset("a\x7f", b"1")
    runs = [gh_releases(option) for _ in range(2)] + [gh_releases(option, "--no-cache")]
    assert len({run.stdout for run in runs}) == 1
    assert "v2" in runs[0].stdout
    assert token not in runs[0].stdout


def test_without_a_token_it_works_as_well(
    github: GitHub, gh_releases: Run, pages: list[str]
) -> None:
    assert tags_of(gh_releases("--json")) == tags_of(gh_releases("--json")) == pages
    assert statuses(github) == [200] * 3 + [304] * 3


def test_no_cache_neither_reads_nor_writes(
    github: GitHub, gh_releases: Run, pages: list[str], folder: Path
) -> None:
    assert tags_of(gh_releases("--json", "--no-cache")) == pages
    assert not folder.exists()
    gh_releases("--json")
    before = [path.stat() for path in entries(folder)]
    gh_releases("--json", "--no-cache")
    assert statuses(github) == [200] * 9
    assert [path.stat() for path in entries(folder)] == before


def test_the_asset_pages_and_the_latest_release_are_kept_too(
    github: GitHub, gh_releases: Run, repo: Repository
) -> None:
    release = repo.add_release("v1")
    for number in range(230):
        release.add_asset(f"a{number}", b"")
    rows = gh_releases().stdout
    assert statuses(github) == [200] * 5
    assert gh_releases().stdout == rows
    assert statuses(github) == [304] * 5
    assert rows.split("\t")[3:5] == ["latest", "230"]


# What it must not change.


def newest(repo: Repository) -> Release:
    return next(reversed(repo.releases.values()))


CHANGES: dict[str, Callable[[Repository], object]] = {
    "published": lambda repo: repo.add_release("new"),
    "published with an old commit": lambda repo: repo.add_release(
        "backport", created_at="2000-01-01T00:00:00Z"
    ),
    "edited": lambda repo: newest(repo).edit(name="another", prerelease=True),
    "deleted first": lambda repo: newest(repo).delete(),
    "deleted last": lambda repo: next(iter(repo.releases.values())).delete(),
    "uploaded": lambda repo: newest(repo).add_asset("late.zip", b"1"),
    "downloaded": lambda repo: newest(repo).add_asset("a", b"1", download_count=3),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("count", [1, 99, 100, 101, 200, 201])
def test_every_change_is_seen(
    gh_releases: Run, repo: Repository, count: int, change: Callable[[Repository], object]
) -> None:
    fill(repo, count)
    before = gh_releases("--json").json
    change(repo)
    after = gh_releases("--json").json
    assert after == gh_releases("--json", "--no-cache").json
    assert after != before


def test_a_full_last_page_that_has_not_changed_is_asked_whether_it_is_still_the_last(
    github: GitHub, gh_releases: Run, repo: Repository
) -> None:
    """The ETag is made from the body, and the next page is named in a header."""
    tags = fill(repo, origin.PAGE_SIZE)
    assert tags_of(gh_releases("--json")) == tags_of(gh_releases("--json")) == tags
    asked = [(request.method, request.status) for request in github.requests]
    assert asked == [("GET", 200), ("GET", 304), ("HEAD", 200)]
    repo.add_release("backport", created_at="2000-01-01T00:00:00Z")
    assert tags_of(gh_releases("--json")) == [*tags, "backport"]
    github.fault("*per_page=100", faults.status(502), times=1)
    assert tags_of(gh_releases("--json")) == [*tags, "backport"]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (faults.status(404), Exit.FAILED),
        (faults.status(500), Exit.UNREACHABLE),
        (faults.throttled(secondary=True), Exit.TRY_LATER),
    ],
    ids=["404", "500", "limit"],
)
@pytest.mark.parametrize("lasting", [False, True])
def test_a_full_last_page_that_cannot_be_asked_is_fetched_again(
    github: GitHub,
    gh_releases: Run,
    repo: Repository,
    fault: Fault,
    code: Exit,
    *,
    lasting: bool,
    tmp_path: Path,
) -> None:
    """A HEAD that is refused does not say why; what the page itself says counts."""

    def unconditional(request: Request, usual: Response) -> Response:
        fails = request.method == "HEAD" or (lasting and "if-none-match" not in request.headers)
        return fault.answer(request, usual) if fails else usual

    tags = fill(repo, origin.PAGE_SIZE)
    gh_releases("--json")
    github.fault("/releases", Fault("no HEAD", answer=unconditional), times=3)
    ran = gh_releases("--json", "--retries", 0, "--max-wait", 0, "--log-json", tmp_path / "log")
    [record] = actions_in((tmp_path / "log").read_text())
    if lasting:
        assert (ran.code, ran.stdout, record["ok"]) == (code, "", False)
    else:
        assert (ran.code, tags_of(ran), record["status"]) == (0, tags, 200)


def test_a_next_page_that_was_found_this_way_is_kept(
    github: GitHub, gh_releases: Run, repo: Repository
) -> None:
    tags = fill(repo, origin.PAGE_SIZE)
    gh_releases("--json")
    repo.add_release("backport", created_at="2000-01-01T00:00:00Z")
    for expected in ([304, 200, 200], [304, 304]):
        github.forget_requests()
        assert tags_of(gh_releases("--json")) == [*tags, "backport"]
        assert statuses(github) == expected


def test_a_full_last_page_whose_304_has_a_link_header_is_asked_no_more(
    github: GitHub, gh_releases: Run, repo: Repository
) -> None:
    fill(repo, 2 * origin.PAGE_SIZE)
    gh_releases("--json")
    github.forget_requests()
    link = f'<{github.api_url}/repos/octo/tool/releases?per_page=100>; rel="prev"'
    github.fault("*page=2", adding(link=link))
    assert len(gh_releases("--json").json) == 200
    assert statuses(github) == [304, 304]


def test_a_next_page_in_a_304_is_followed(
    github: GitHub, gh_releases: Run, pages: list[str]
) -> None:
    gh_releases("--json")
    link = f'<{github.api_url}/repos/octo/tool/releases?per_page=100&page=3>; rel="next"'
    github.fault("*per_page=100", adding(link=link))
    assert tags_of(gh_releases("--json")) == pages[:100] + pages[200:]


def test_two_tokens_never_share_an_entry(
    github: GitHub,
    gh_releases: Run,
    repo: Repository,
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
) -> None:
    repo.add_release("public")
    repo.add_release("secret", draft=True)
    seen = []
    for token in ("", TOKEN, "", TOKEN):
        monkeypatch.setenv("GH_TOKEN", token)
        seen.append(tags_of(gh_releases("--json")))
    assert seen == [["public"], ["secret", "public"]] * 2
    assert statuses(github) == [200, 200, 304, 304]
    monkeypatch.setenv("GH_TOKEN", "another-t0ken")
    assert gh_releases("--json").code == Exit.REFUSED
    assert len(entries(folder)) == 2


def test_no_file_tells_the_token_or_is_for_others_to_read(
    gh_releases: Run, token: str, pages: list[str], folder: Path
) -> None:
    gh_releases("--json")
    assert folder.stat().st_mode & 0o777 == 0o700
    for path in entries(folder):
        assert token not in path.name
        assert token.encode() not in path.read_bytes()
    assert pages


def test_two_hosts_never_share_an_entry(gh_releases: Run, repo: Repository, folder: Path) -> None:
    repo.add_release("here")
    gh_releases("--json")
    with GitHub() as other:
        other.add_repository("octo/tool").add_release("there")
        assert tags_of(gh_releases("--json", "--api-url", other.api_url)) == ["there"]
    assert len(entries(folder)) == 2


@pytest.mark.parametrize(
    "moment",
    [
        "2024-05-01T12:00:00+02:00",
        "2024-05-01T12:00:00.123456Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
@pytest.mark.parametrize("form", ["--json", "rows", "--assets"])
def test_a_time_in_any_zone_is_the_same_from_a_kept_page(
    gh_releases: Run, repo: Repository, moment: str, form: str
) -> None:
    repo.add_release("v1", published_at=moment, created_at=moment).add_asset("a", b"1")
    arguments = [] if form == "rows" else [form]
    first, second = gh_releases(*arguments), gh_releases(*arguments)
    assert (first.code, first.stdout, first.stderr) == (0, second.stdout, "")
    if form != "--assets":
        assert moment in first.stdout


# What it must survive.


def flips(data: bytes) -> Iterator[bytes]:
    for place in range(0, len(data), max(1, len(data) // 60)):
        yield data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :]


def test_an_entry_that_is_damaged_anywhere_is_dropped(
    github: GitHub, gh_releases: Run, repo: Repository, folder: Path
) -> None:
    repo.add_release("v1").add_asset("a", b"1")
    expected = gh_releases("--json").stdout
    [path] = entries(folder)
    whole = path.read_bytes()
    damaged = [b"", whole[:-1], whole[: len(whole) // 2], whole + b"x", b"\0" * len(whole)]
    for content in [*damaged, *flips(whole)]:
        path.write_bytes(content)
        github.forget_requests()
        ran = gh_releases("--json")
        assert (ran.code, ran.stdout, ran.stderr, statuses(github)) == (0, expected, "", [200])
    assert path.read_bytes() == whole
    gh_releases("--json")
    assert statuses(github) == [304]


def test_an_entry_under_another_name_is_dropped(
    github: GitHub, gh_releases: Run, pages: list[str], folder: Path
) -> None:
    gh_releases("--json")
    first, second, third = entries(folder)
    contents = [path.read_bytes() for path in (first, second, third)]
    for path, content in zip((second, third, first), contents, strict=True):
        path.write_bytes(content)
    statuses(github)
    assert tags_of(gh_releases("--json")) == pages
    assert statuses(github) == [200] * 3


def test_an_entry_that_was_moved_is_none_even_if_it_is_sound(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    first, second = keep(folder, "https://a/1"), keep(folder, "https://a/2")
    first.replace(second)
    kept = Cache(folder, token=None, notify=print)
    assert kept.load("https://a/2", list[str]) is None
    assert entries(folder) == []


def test_an_entry_of_absurd_size_is_not_read(
    github: GitHub,
    gh_releases: Run,
    repo: Repository,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    repo.add_release("v1")
    gh_releases("--json")
    [path] = entries(folder)
    size = path.stat().st_size
    for most, status in ((size, 304), (size - 1, 200)):
        monkeypatch.setattr(cache, "MAX_ENTRY_BYTES", most)
        statuses(github)
        assert tags_of(gh_releases("--json")) == ["v1"]
        assert statuses(github) == [status]


@pytest.mark.parametrize("kind", ["folder", "fifo", "link to nowhere", "link to itself"])
def test_something_else_in_the_place_of_an_entry_does_no_harm(
    gh_releases: Run, repo: Repository, folder: Path, kind: str
) -> None:
    repo.add_release("v1")
    gh_releases("--json")
    [path] = entries(folder)
    path.unlink()
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "link to nowhere":
            path.symlink_to(folder / "nowhere")
        case _:
            path.symlink_to(path.name)
    ran = gh_releases("--json")
    assert (ran.code, tags_of(ran), ran.stderr.count("\n")) == (0, ["v1"], kind == "folder")


def test_a_file_in_the_place_of_the_folder_is_said_once(
    gh_releases: Run, pages: list[str], folder: Path
) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("in the way")
    ran = gh_releases("--json")
    assert (ran.code, tags_of(ran)) == (0, pages)
    assert ran.stderr.startswith(f"gh-releases: the cache {folder}: ")
    assert (ran.stderr.endswith("; going on without\n"), ran.stderr.count("\n")) == (True, 1)


def test_a_folder_that_others_may_write_is_not_trusted(
    github: GitHub, gh_releases: Run, pages: list[str], folder: Path
) -> None:
    gh_releases("--json")
    folder.chmod(0o777)
    statuses(github)
    ran = gh_releases("--json")
    assert (ran.code, tags_of(ran), statuses(github)) == (0, pages, [200] * 3)
    assert ran.stderr == (
        f"gh-releases: the cache {folder}: others may write there; going on without\n"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_not_trusted(
    github: GitHub, gh_releases: Run, pages: list[str], folder: Path
) -> None:
    gh_releases("--json")
    os.chown(folder, 12345, -1)
    statuses(github)
    ran = gh_releases("--json")
    assert (ran.code, tags_of(ran), statuses(github)) == (0, pages, [200] * 3)
    assert "others may write there" in ran.stderr


def test_runs_side_by_side_share_it_in_peace(github: GitHub, repo: Repository) -> None:
    """While releases come in, each run lists what was there at some moment, and says nothing."""
    fill(repo, 150)
    command = argv("gh_releases", "octo/tool", "--json", "--api-url", github.api_url)
    runs = []
    for number in range(12):
        runs.append(
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment({})
            )
        )
        repo.add_release(f"new-{number}")
    for run in runs:
        stdout, stderr = run.communicate(timeout=60)
        assert (run.returncode, stderr) == (0, b"")
        listed = [record["tag_name"] for record in json.loads(stdout)]
        assert {f"v{number}" for number in range(150)} <= set(listed)
        assert len(set(listed)) == len(listed)


def test_two_writers_of_one_entry_never_meet(tmp_path: Path) -> None:
    """Each writes under a name of its own: with a shared one, the slower rename would fail."""
    said: list[str] = []

    def write() -> None:
        kept = Cache(tmp_path / "kept", token=None, notify=said.append)
        for size in range(100):
            kept.store(Entry(url="https://a/1", etag='"1"', next_url=None, value=["x" * size]))

    (tmp_path / "kept").mkdir(mode=0o700)
    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == []
    assert Cache(tmp_path / "kept", token=None, notify=print).load("https://a/1", list[str])


@pytest.mark.parametrize("setting", [{"HOME": ""}, {"HOME": "relative"}])
def test_without_a_home_nothing_is_kept_and_nothing_said(
    gh_releases: Run, repo: Repository, monkeypatch: pytest.MonkeyPatch, setting: dict[str, str]
) -> None:
    repo.add_release("v1")
    monkeypatch.delenv("XDG_CACHE_HOME")
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    ran = gh_releases("--json")
    assert (ran.code, tags_of(ran), ran.stderr) == (0, ["v1"], "")


def test_a_relative_cache_home_counts_as_none(
    gh_releases: Run, repo: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    repo.add_release("v1")
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    gh_releases("--json")
    assert len(entries(tmp_path / ".cache" / "toolroll" / "gh-releases")) == 1
    assert not Path("here").exists()


@pytest.mark.parametrize("fault", [answering([], 304), answering(b"", 304, etag='"x"')], ids=str)
def test_a_304_that_nobody_asked_for_makes_no_sense(
    github: GitHub, gh_releases: Run, repo: Repository, fault: Fault
) -> None:
    repo.add_release("v1")
    github.fault("/releases", fault)
    ran = gh_releases("--json")
    assert (ran.code, ran.stdout) == (Exit.UNREACHABLE, "")
    assert "304" in ran.stderr


@pytest.mark.parametrize(
    "etag", ["", "no quotes", '"a', '"\x01"', '"' + "x" * 2000 + '"', '"a"\tb', "W/", 'w/"a"']
)
def test_what_is_no_etag_is_not_sent_back(
    github: GitHub, gh_releases: Run, repo: Repository, etag: str, folder: Path
) -> None:
    repo.add_release("v1")
    github.fault("/releases", adding(etag=etag))
    assert tags_of(gh_releases("--json")) == ["v1"]
    assert not folder.exists()
    assert not is_etag(etag)


def test_a_page_that_was_not_whole_is_not_kept(
    github: GitHub, gh_releases: Run, repo: Repository, folder: Path
) -> None:
    repo.add_release("v1")
    for fault in (faults.truncated_json(), faults.cut_body(after=10), answering([{"id": 1}])):
        github.fault("/releases", fault)
        assert gh_releases("--json", "--retries", 0).code == Exit.UNREACHABLE
    assert not folder.exists()


# How it ends.


def keep(folder: Path, url: str, *, size: int = 10) -> Path:
    kept = Cache(folder, token=None, notify=print)
    kept.store(Entry(url=url, etag='"1"', next_url=None, value=["x" * size]))
    kept.close()
    return max(entries(folder), key=lambda path: path.stat().st_mtime_ns)


def test_what_was_not_used_for_a_month_goes(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    old, used = keep(folder, "https://a/1"), keep(folder, "https://a/2")
    left_by_a_kill = old.with_name(f"{old.name}.0123456789abcdef.new")
    foreign = folder / "thesis.txt"
    for path in (left_by_a_kill, foreign):
        path.write_bytes(b"half")
    for path in (old, used, left_by_a_kill, foreign):
        past = time.time() - cache.MAX_AGE_S - 60
        os.utime(path, (past, past))
    reader = Cache(folder, token=None, notify=print)
    assert reader.load("https://a/2", list[str]) is not None
    new = keep(folder, "https://a/3")
    assert set(entries(folder)) == {used, new, foreign}


def test_the_eldest_go_where_there_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "MAX_CACHE_BYTES", 25_000)
    folder = tmp_path / "kept"
    paths = []
    for number in range(5):
        paths.append(keep(folder, f"https://a/{number}", size=10_000))
        os.utime(paths[-1], (number, time.time() - 100 + number))
    keep(folder, "https://a/9", size=10_000)
    assert [path.exists() for path in paths] == [False, False, False, False, True]


def test_other_files_in_its_folder_are_no_entries(
    gh_releases: Run, repo: Repository, folder: Path
) -> None:
    repo.add_release("v1")
    folder.mkdir(parents=True, mode=0o700)
    (folder / "README").write_text("not ours")
    (folder / "a folder").mkdir()
    assert tags_of(gh_releases("--json")) == ["v1"]
    assert (folder / "README").exists()
    shutil.rmtree(folder)
    assert tags_of(gh_releases("--json")) == ["v1"]
