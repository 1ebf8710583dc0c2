import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.artifact_index.conftest import Index, rows
from tests.gh_releases.conftest import answering
from tests.support import faults
from tests.support.commands import argv, environment, run
from tests.support.github import GitHub
from tests.support.github_data import Asset, Repository
from tests.support.github_json import release_json
from tests.support.journals import actions_in
from toolroll_shared.errors import Exit

TAGS = "SELECT tag_name FROM releases ORDER BY created_at, id"


@pytest.fixture
def asset(repo: Repository) -> Asset:
    """One of two assets of v1; v2 has none."""
    release = repo.add_release("v1", name="First")
    repo.add_release("v2")
    release.add_asset("other.zip", b"other")
    return release.add_asset("tool.zip", b"tool", download_count=5)


def test_the_first_sync_finds_everything_new_and_the_second_nothing(
    index: Index, asset: Asset
) -> None:
    assert index().counts == ((2, 0, 0), (2, 0, 0))
    assert index().counts == ((0, 0, 2), (0, 0, 2)), asset


def test_the_rows_are_what_github_says(index: Index, db: Path, asset: Asset) -> None:
    index()
    release: Any = release_json(asset.release)
    repository = asset.release.repository
    assert rows(db, "SELECT id, full_name, private, api_host FROM repositories") == [
        (repository.id, "octo/tool", 0, "127.0.0.1")
    ]
    with closing(sqlite3.connect(db)) as connection:
        connection.row_factory = sqlite3.Row
        [first] = map(dict, connection.execute("SELECT * FROM releases WHERE tag_name = 'v1'"))
        found = list(map(dict, connection.execute("SELECT * FROM assets ORDER BY id")))
    assert first.pop("repository_id") == repository.id
    for row in (first, *found):
        assert row.pop("gone_at") is None
        assert row.pop("first_seen_at").endswith("Z")
    assert first == {name: release[name] for name in first}
    assert [row.pop("release_id") for row in found] == [release["id"]] * 2
    assert found == [{name: one[name] for name in found[0]} for one in release["assets"]]


def test_a_changed_download_count_is_one_changed_asset(
    index: Index, db: Path, asset: Asset
) -> None:
    index()
    asset.edit(download_count=6)
    assert index().counts == ((0, 0, 2), (0, 1, 1))
    assert rows(db, "SELECT download_count FROM assets ORDER BY id") == [0, 6]


@pytest.mark.parametrize(
    "change",
    [{"name": "Premier"}, {"name": None}, {"draft": True}, {"prerelease": True}],
    ids=str,
)
def test_a_changed_release_is_one_changed_release(
    index: Index, asset: Asset, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    monkeypatch.setenv("GH_TOKEN", "t0ken-s3cret")
    index()
    asset.release.edit(**change)
    releases, _ = index().counts
    assert releases == (0, 1, 1)
    assert index().counts[0] == (0, 0, 2)


def test_a_replaced_asset_is_a_new_one_under_an_old_name(
    index: Index, db: Path, asset: Asset
) -> None:
    index()
    asset.replace(b"other bytes")
    assert index().counts == ((0, 0, 2), (1, 0, 1))
    digests = rows(db, "SELECT digest FROM assets WHERE name = 'tool.zip'")
    assert len(digests) == len(set(digests)) == 2


def test_an_asset_that_moves_to_another_release_is_changed(
    index: Index, db: Path, repo: Repository, github: GitHub, asset: Asset
) -> None:
    index()
    first, second = (release_json(one) for one in repo.releases.values())
    github.fault("/releases", answering([{**first, "assets": []}, {**second, **_assets(first)}]))
    assert index().counts == ((0, 0, 2), (0, 2, 0))
    homes = rows(db, "SELECT tag_name FROM assets JOIN releases ON releases.id = release_id")
    assert (homes, asset.id in rows(db, "SELECT id FROM assets")) == (["v2", "v2"], True)


def _assets(record: dict[str, object]) -> dict[str, object]:
    return {"assets": record["assets"]}


def test_since_leaves_out_what_is_older_and_drafts(
    index: Index, db: Path, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "t0ken-s3cret")
    repo.add_release("older", published_at="2024-04-30T23:59:59Z").add_asset("a", b"a")
    repo.add_release("same", published_at="2024-05-01T00:00:00Z").add_asset("b", b"b")
    repo.add_release("newer", published_at="2024-05-02T00:00:00Z")
    repo.add_release("draft", draft=True)
    assert index("--since", "2024-05-01").counts == ((2, 0, 0), (1, 0, 0))
    assert rows(db, TAGS) == ["same", "newer"]
    assert index().counts == ((2, 0, 2), (1, 0, 1))


def test_several_repositories_share_a_file(
    index: Index, db: Path, github: GitHub, asset: Asset
) -> None:
    other = github.add_repository("octo/other")
    other.add_release("v1")
    index()
    assert index(repository="octo/other").counts == ((1, 0, 0), (0, 0, 0))
    assert rows(db, "SELECT count(*) FROM releases GROUP BY repository_id") == [2, 1], asset


def test_a_renamed_repository_stays_one(
    index: Index, db: Path, repo: Repository, asset: Asset
) -> None:
    index()
    repo.rename("octo/instrument")
    ran = index()
    releases, _ = ran.counts
    assert releases == (0, 2, 0), "its pages have other addresses now"
    assert rows(db, "SELECT full_name FROM repositories") == ["octo/instrument"]
    assert ran.stderr.count("octo/tool is octo/instrument now") == 1
    assert asset.id in rows(db, "SELECT id FROM assets")


def test_a_page_that_arrived_is_kept_whatever_comes_after(
    index: Index, db: Path, github: GitHub, repo: Repository
) -> None:
    for number in range(150):
        repo.add_release(f"v{number}").add_asset("a", b"a")
    github.fault("*page=2", faults.status(500))
    ran = index("--retries", 0)
    assert (ran.code, ran.stderr.count("\n")) == (Exit.UNREACHABLE, 1)
    assert ran.summary["releases"]["new"] == 100
    assert rows(db, TAGS) == [f"v{number}" for number in range(50, 150)]
    assert rows(db, "SELECT count(*) FROM assets") == [100]
    assert index().counts == ((50, 0, 100), (50, 0, 100))


def test_nothing_of_a_page_is_kept_that_cannot_be_stored(
    index: Index, db: Path, github: GitHub, asset: Asset
) -> None:
    good: Any = release_json(asset.release)
    bad = {**good, "id": 7, "assets": [{**good["assets"][0], "id": 8, "release_id": 0}]}
    index()
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE INSERT ON assets BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
    github.fault("/releases", answering([bad]))
    ran = index()
    assert (ran.code, ran.stderr) == (Exit.FAILED, f"artifact-index: {db}: no\n")
    assert rows(db, "SELECT count(*) FROM releases WHERE id = 7") == [0]


def test_ids_and_sizes_beyond_32_bits_are_kept(
    index: Index, db: Path, github: GitHub, asset: Asset
) -> None:
    release: Any = release_json(asset.release)
    big = {**release["assets"][0], "id": 2**53 + 1, "size": 2**40, "download_count": 2**31}
    github.fault("/releases", answering([{**release, "id": 2**62 + 1, "assets": [big]}]), times=2)
    assert index().counts == ((1, 0, 0), (1, 0, 0))
    assert index().counts == ((0, 0, 1), (0, 0, 1))
    assert rows(db, "SELECT release_id, id, size FROM assets") == [(2**62 + 1, 2**53 + 1, 2**40)]


@pytest.mark.parametrize(
    ("field", "value"), [("id", 2**63), ("size", 10**30), ("download_count", -(2**63) - 1)]
)
def test_a_number_that_no_database_holds_is_the_servers_mistake(
    index: Index, github: GitHub, asset: Asset, field: str, value: int
) -> None:
    release: Any = release_json(asset.release)
    assets = [{**release["assets"][0], field: value}]
    github.fault("/releases", answering([{**release, "assets": assets}]))
    ran = index()
    assert (ran.code, ran.summary["ok"]) == (Exit.UNREACHABLE, False)
    assert "internal error" not in ran.stderr


@pytest.mark.parametrize("field", ["tag_name", "name"])
def test_half_a_character_is_the_servers_mistake_or_kept(
    index: Index, github: GitHub, asset: Asset, field: str
) -> None:
    release = {**release_json(asset.release), field: "half \ud83d"}
    github.fault("/releases", answering([release]))
    ran = index()
    assert ran.code in {Exit.OK, Exit.UNREACHABLE}, ran.stderr


@pytest.mark.parametrize(
    "text",
    ["", "\x00", "a\x00b", "line\nline", "\u7b2c\u4e8c", "\U0001f600", "'; DROP TABLE assets; --"],
)
def test_any_other_text_is_kept_as_it_is(
    index: Index, db: Path, github: GitHub, asset: Asset, text: str
) -> None:
    release = {**release_json(asset.release), "name": text}
    github.fault("/releases", answering([release]), times=2)
    assert index().counts == ((1, 0, 0), (2, 0, 0))
    assert index().counts == ((0, 0, 1), (0, 0, 2))
    assert rows(db, "SELECT name FROM releases") == [text]


def test_a_release_that_pages_repeat_is_counted_once(
    index: Index, github: GitHub, asset: Asset
) -> None:
    release = release_json(asset.release)
    github.fault("/releases", answering([release, release]))
    assert index().counts == ((1, 0, 0), (2, 0, 0))


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the sqlite3 shell is not installed")
def test_the_file_is_a_sound_database_for_the_sqlite3_shell(
    db: Path, index: Index, asset: Asset
) -> None:
    index()
    checks = "PRAGMA integrity_check; PRAGMA foreign_key_check; SELECT name FROM assets ORDER BY id"
    done = subprocess.run(
        ["sqlite3", "-batch", db, checks], capture_output=True, text=True, check=False
    )
    names = [one.name for one in asset.release.assets.values()]
    assert (done.stderr, done.stdout.splitlines()) == ("", ["ok", *names])


def test_two_syncs_at_once_on_a_new_file_both_finish(
    github: GitHub, db: Path, repo: Repository, asset: Asset
) -> None:
    command = argv("artifact_index", "octo/tool", "--db", db, "--api-url", github.api_url)
    processes = [
        subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for _ in range(3)
    ]
    ends = [(one.communicate()[1], one.returncode) for one in processes]
    assert ends == [("", 0)] * 3
    assert (rows(db, TAGS), repo.full_name) == (["v1", "v2"], "octo/tool")
    assert rows(db, "PRAGMA integrity_check") == ["ok"]
    assert [path.name for path in db.parent.iterdir()] == [db.name], asset


def test_the_summary_is_one_line_for_people(github: GitHub, db: Path, asset: Asset) -> None:
    done = run("artifact_index", "octo/tool", "--db", db, "--api-url", github.api_url)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == (
        "octo/tool: releases 2 new, 0 changed, 0 unchanged, 0 gone; "
        "assets 2 new, 0 changed, 0 unchanged, 0 gone\n"
    ), asset


def test_a_reader_who_went_away_does_not_change_the_outcome(
    github: GitHub, db: Path, asset: Asset
) -> None:
    with subprocess.Popen(
        argv("artifact_index", "octo/tool", "--db", db, "--api-url", github.api_url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment({}),
    ) as process:
        assert process.stdout
        process.stdout.close()
        _, stderr = process.communicate()
    assert (process.returncode, stderr, rows(db, TAGS)) == (0, b"", ["v1", "v2"]), asset


def test_a_log_has_a_record_of_each_request(index: Index, tmp_path: Path, asset: Asset) -> None:
    log = tmp_path / "log"
    index("--log-json", log)
    logged = actions_in(log.read_text())
    assert [one["tool"] for one in logged] == ["artifact-index"] * 3, asset
    assert [one["ok"] for one in logged] == [True] * 3
    assert (logged[-1]["action"], logged[-1]["target"]) == ("sync", "octo/tool")
    assert logged[-1]["assets"] == {"new": 2, "changed": 0, "unchanged": 0, "gone": 0}


@pytest.mark.parametrize(
    ("moment", "stored"),
    [
        ("2024-05-01T12:00:00Z", "2024-05-01T12:00:00Z"),
        ("2024-05-01T12:00:00+02:00", "2024-05-01T10:00:00Z"),
        ("2024-05-01T12:00:00.987Z", "2024-05-01T12:00:00Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00+23:59", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z"),
    ],
)
def test_times_are_stored_in_utc_to_the_second(
    index: Index, repo: Repository, db: Path, moment: str, stored: str
) -> None:
    repo.add_release("v1", published_at=moment)
    index()
    index()
    assert rows(db, "SELECT published_at FROM releases") == [stored]


@pytest.mark.parametrize("name", ["octo", "octo/..", "../tool", "octo/tool/more", "", "o/\u001b"])
def test_a_repository_with_an_impossible_name_is_refused(
    index: Index, github: GitHub, repo: Repository, name: str
) -> None:
    answer = {"id": repo.id, "full_name": name, "private": False}
    github.fault("/repos/octo/tool", answering(answer))
    ran = index()
    assert (ran.code, ran.summary["ok"]) == (Exit.UNREACHABLE, False)
    assert ran.stderr.endswith(": its full_name is not OWNER/REPO\n")
