"""The account of what syncs saw, as `changes` tells it."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from artifact_index import SCHEMA, Store
from artifact_index.cli import main
from gh_releases import Repository
from tests.artifact_index.conftest import rows
from tests.artifact_index.stored import DAY_ONE, Clock, asset, put, release
from tests.support.commands import Finished, argv, call
from tests.support.terminal import shown_on_a_terminal
from toolroll_shared.sqlite import open_database

Tell = Callable[..., list[tuple[Any, ...]]]

LATER = timedelta(hours=1)
A_DAY = timedelta(days=1)
COUNTS = "SELECT day, download_count FROM download_counts WHERE asset_id = 10 ORDER BY day"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(db: Path, clock: Clock) -> Iterator[Store]:
    with closing(open_database(db, SCHEMA)) as connection:
        yield Store(connection, clock=clock)


@pytest.fixture
def tell(db: Path, capsys: pytest.CaptureFixture[str]) -> Tell:
    """Runs `changes --ndjson`, and returns what it is about and what it says of it."""

    def run(*arguments: object) -> list[tuple[Any, ...]]:
        ran = call(Finished, main, capsys, "changes", "--db", db, "--ndjson", *arguments)
        assert (ran.code, ran.stderr) == (0, "")
        fields = ("tag_name", "asset", "change", "field", "old", "new")
        return [
            tuple(record[field] for field in fields)
            for record in map(json.loads, ran.stdout.splitlines())
        ]

    return run


def test_what_is_seen_first_is_new(store: Store, tell: Tell) -> None:
    put(store, [release(1, asset(10, count=5))])
    put(store, [release(1, asset(10, count=5))])
    assert tell() == [
        (None, None, "new", None, None, None),
        ("v1", None, "new", None, None, None),
        ("v1", "asset-10", "new", None, None, None),
    ]


def test_a_field_that_changes_is_told_with_what_it_was(
    store: Store, clock: Clock, tell: Tell
) -> None:
    put(store, [release(1, asset(10, size=3))])
    clock.now += LATER
    put(store, [release(1, asset(10, size=4, name="other"), tag="v1.0", name="One")])
    assert tell("--since", clock.now.isoformat()) == [
        ("v1.0", None, "changed", "tag_name", "v1", "v1.0"),
        ("v1.0", None, "changed", "name", None, "One"),
        ("v1.0", "other", "changed", "name", "asset-10", "other"),
        ("v1.0", "other", "changed", "size", 3, 4),
    ]


def test_a_rename_is_told_once_and_not_for_every_address(
    store: Store, clock: Clock, tell: Tell, db: Path
) -> None:
    put(store, [release(1, asset(10))])
    clock.now += LATER
    moved = release(1, asset(10))
    put(store, [moved], Repository(id=1, full_name="octo/renamed", private=True))
    assert tell("--since", clock.now.isoformat()) == [
        (None, None, "changed", "full_name", "octo/tool", "octo/renamed"),
        (None, None, "changed", "private", 0, 1),
    ]
    assert rows(db, "SELECT full_name, private FROM repositories") == [("octo/renamed", 1)]


def test_what_goes_and_comes_back_is_told_each_time(store: Store, clock: Clock, tell: Tell) -> None:
    both = [release(1, asset(10)), release(2)]
    for there in (both, both[1:], both):
        put(store, there)
        clock.now += LATER
    assert tell("--since", (DAY_ONE + LATER).isoformat()) == [
        ("v1", None, "gone", None, None, None),
        ("v1", "asset-10", "gone", None, None, None),
        ("v1", None, "back", None, None, None),
        ("v1", "asset-10", "back", None, None, None),
    ]


@pytest.mark.parametrize(("seconds", "count"), [(-1, 3), (0, 3), (1, 0)])
def test_since_is_an_instant_that_is_in(store: Store, tell: Tell, seconds: int, count: int) -> None:
    put(store, [release(1, asset(10))])
    since = DAY_ONE + timedelta(seconds=seconds)
    assert len(tell("--since", since.isoformat())) == count


def test_a_count_that_never_changed_has_no_history(store: Store, clock: Clock, db: Path) -> None:
    for _ in range(3):
        put(store, [release(1, asset(10, count=5))])
        clock.now += A_DAY
    assert rows(db, COUNTS) == []


def test_counts_are_kept_by_the_day_on_which_they_changed(
    store: Store, clock: Clock, db: Path
) -> None:
    for count in (5, 6, 6, 9):
        put(store, [release(1, asset(10, count=count))])
        clock.now += A_DAY
    expected = [("2026-01-01", 5), ("2026-01-02", 6), ("2026-01-04", 9)]
    assert rows(db, COUNTS) == expected


def test_of_a_day_the_last_count_is_kept(store: Store, clock: Clock, db: Path, tell: Tell) -> None:
    for count in (5, 6, 7):
        put(store, [release(1, asset(10, count=count))])
        clock.now += LATER
    assert rows(db, COUNTS) == [("2026-01-01", 7)]
    assert [one for one in tell() if one[2] == "downloads"] == []


def downloads(tell: Tell, *arguments: object) -> list[tuple[Any, ...]]:
    return [(asset, *rest) for _, asset, change, _, *rest in tell(*arguments) if change[0] == "d"]


def test_downloads_are_told_from_the_last_count_before_to_the_latest(
    store: Store, clock: Clock, tell: Tell
) -> None:
    for count in (5, 6, 9, 20):
        put(store, [release(1, asset(10, count=count), asset(11, count=1))])
        clock.now += A_DAY
    assert downloads(tell) == [("asset-10", 5, 20)]
    assert downloads(tell, "--since", "2026-01-02") == [("asset-10", 5, 20)]
    assert downloads(tell, "--since", "2026-01-03") == [("asset-10", 6, 20)]
    assert downloads(tell, "--since", "2026-01-04T23:00:00Z") == [("asset-10", 9, 20)]
    assert downloads(tell, "--since", "2026-01-05") == []


def test_downloads_of_an_asset_that_changed_otherwise_too_are_kept(
    store: Store, clock: Clock, db: Path, tell: Tell
) -> None:
    put(store, [release(1, asset(10, count=5))])
    clock.now += A_DAY
    put(store, [release(1, asset(10, count=8, name="other"))])
    assert rows(db, COUNTS) == [("2026-01-01", 5), ("2026-01-02", 8)]
    assert rows(db, "SELECT name, download_count FROM assets") == [("other", 8)]
    assert downloads(tell) == [("other", 5, 8)]


def test_a_clock_that_goes_back_loses_nothing(store: Store, clock: Clock, db: Path) -> None:
    put(store, [release(1, asset(10, count=5))])
    clock.now -= 2 * A_DAY
    put(store, [release(1, asset(10, count=8))])
    assert rows(db, "SELECT download_count FROM assets") == [8]
    assert rows(db, COUNTS) == [("2026-01-01", 8)], "as if it had stood still"


@pytest.fixture
def some(store: Store, clock: Clock) -> None:
    put(store, [release(1, asset(10, name="a\tb\x1b[31m", count=5))])
    clock.now += A_DAY
    put(store, [release(1, asset(10, name="plain", count=6))])


EXPECTED = [
    ["2026-01-01T12:00:00Z", "octo/tool", "", "", "new", ""],
    ["2026-01-01T12:00:00Z", "octo/tool", "v1", "", "new", ""],
    ["2026-01-01T12:00:00Z", "octo/tool", "v1", "plain", "new", ""],
    ["2026-01-02", "octo/tool", "v1", "plain", "downloads", "download_count: 5 -> 6"],
    [
        "2026-01-02T12:00:00Z",
        "octo/tool",
        "v1",
        "plain",
        "changed",
        r"name: a\tb\x1b[31m -> plain",
    ],
]


@pytest.mark.usefixtures("some")
def test_in_a_pipe_the_rows_are_tab_separated_and_safe(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = call(Finished, main, capsys, "changes", "--db", db)
    assert [line.split("\t") for line in ran.stdout.splitlines()] == EXPECTED


@pytest.mark.usefixtures("some")
def test_json_is_one_document_with_ids(db: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = call(Finished, main, capsys, "changes", "--db", db, "--json").json
    assert document.keys() == {"database", "since", "changes"}
    assert (document["database"], document["since"]) == (str(db), None)
    assert [one["at"] for one in document["changes"]] == [row[0] for row in EXPECTED]
    last = document["changes"][-1]
    assert (last["repository_id"], last["release_id"], last["asset_id"]) == (1, 1, 10)
    none = call(Finished, main, capsys, "changes", "--db", db, "--json", "--since", "2027-01-01")
    assert none.json == {
        "database": str(db),
        "since": "2027-01-01T00:00:00Z",
        "changes": [],
    }


@pytest.mark.usefixtures("some")
def test_on_a_terminal_there_is_a_table_with_a_header(db: Path) -> None:
    code, shown = shown_on_a_terminal(argv("artifact_index", "changes", "--db", db))
    assert (code, "TIME" in shown) == (0, True)
    assert "download_count: 5 -> 6" in shown
    assert "\x1b[31m" not in shown


def test_the_log_is_about_rows_that_are_there(store: Store, db: Path) -> None:
    put(store, [release(1, asset(10))])
    put(store, [release(2, asset(10))])
    assert rows(db, "PRAGMA foreign_key_check") == []
    places = "SELECT release_id, asset_id, change FROM changes"
    assert rows(db, places) == [(2, 10, "changed"), (1, None, "gone")]
