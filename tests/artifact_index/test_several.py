"""Several repositories in one run: one that fails does not stop the rest."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from artifact_index import SCHEMA
from artifact_index.cli import main
from tests.artifact_index.conftest import Index, rows
from tests.support import faults
from tests.support.commands import Finished, call
from tests.support.github import GitHub
from toolroll_shared.errors import Exit
from toolroll_shared.sqlite import open_database

STORED = "SELECT full_name FROM repositories ORDER BY full_name"


@pytest.fixture(autouse=True)
def three(github: GitHub) -> None:
    """octo/a, octo/b and octo/c with a release each."""
    for name in "abc":
        github.add_repository(f"octo/{name}").add_release("v1").add_asset("x", b"x")


def outcomes(ran: Finished) -> list[tuple[str, bool]]:
    return [(one["repository"], one["ok"]) for one in ran.json["repositories"]]


def test_all_that_are_named_are_stored_in_that_order(index: Index, db: Path) -> None:
    ran = index("octo/c", "octo/a", repository="octo/b")
    assert (ran.code, ran.stderr) == (0, "")
    assert outcomes(ran) == [("octo/b", True), ("octo/c", True), ("octo/a", True)]
    assert rows(db, STORED) == ["octo/a", "octo/b", "octo/c"]


def test_one_that_is_named_twice_is_asked_for_once(index: Index, github: GitHub) -> None:
    ran = index("octo/b", "Octo/B", repository="octo/b")
    assert outcomes(ran) == [("octo/b", True)]
    assert len(github.requests) == 2


@pytest.mark.parametrize(
    ("status", "code"), [(404, Exit.FAILED), (500, Exit.FAILED), (451, Exit.FAILED)]
)
def test_one_that_fails_is_named_and_the_rest_is_stored(
    index: Index, db: Path, github: GitHub, status: int, code: Exit
) -> None:
    github.fault("/repos/octo/b", faults.status(status))
    ran = index("octo/b", "octo/c", "--retries", 0, repository="octo/a")
    assert (ran.code, ran.stderr.count("\n")) == (code, 1)
    assert "octo/b" in ran.stderr
    assert outcomes(ran) == [("octo/a", True), ("octo/b", False), ("octo/c", True)]
    assert rows(db, STORED) == ["octo/a", "octo/c"]


def test_a_failure_that_all_share_is_the_exit_code(index: Index, github: GitHub) -> None:
    github.fault("/repos/octo", faults.status(500), times=2)
    ran = index("octo/b", "--retries", 0, repository="octo/a")
    assert (ran.code, ran.stderr.count("\n")) == (Exit.UNREACHABLE, 2)


def test_failures_of_several_kinds_are_1(index: Index, github: GitHub) -> None:
    github.fault("/repos/octo/a", faults.status(500))
    github.fault("/repos/octo/b", faults.status(404))
    assert index("octo/b", "--retries", 0, repository="octo/a").code == Exit.FAILED


def test_a_limit_stops_the_run_and_says_what_was_not_tried(
    index: Index, db: Path, github: GitHub
) -> None:
    github.fault("/repos/octo/b", faults.throttled(retry_after=3600))
    ran = index("octo/b", "octo/c", "--max-wait", 0, repository="octo/a")
    assert (ran.code, rows(db, STORED)) == (Exit.TRY_LATER, ["octo/a"])
    assert ran.stderr.splitlines()[-1] == "artifact-index: octo/c: not tried after that"
    assert outcomes(ran) == [("octo/a", True), ("octo/b", False), ("octo/c", False)]
    assert len(github.requests_to("api", "/repos/octo/c")) == 0


def test_all_is_every_repository_and_one_that_stays_gone_is_no_failure(
    github: GitHub, db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--db", db, "--api-url", github.api_url)
    call(Finished, main, capsys, "octo/a", "octo/b", *common)
    github.fault("/repos/octo/b", faults.status(404), times=2)
    ran = call(Finished, main, capsys, "--all", *common, "--json")
    assert (ran.code, outcomes(ran)) == (Exit.FAILED, [("octo/a", True), ("octo/b", False)])
    ran = call(Finished, main, capsys, "--all", *common)
    [since] = rows(db, "SELECT gone_at FROM repositories WHERE gone_at IS NOT NULL")
    assert (ran.code, ran.stderr) == (0, "")
    assert f"octo/b: not found since {since}\n" in ran.stdout
    ran = call(Finished, main, capsys, "--all", *common, "--json")
    assert (ran.code, sorted(outcomes(ran))) == (0, [("octo/a", True), ("octo/b", True)])
    assert rows(db, "SELECT count(*) FROM repositories WHERE gone_at IS NULL") == [2]


def test_all_of_a_database_without_repositories_is_a_mistake(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_database(db, SCHEMA).close()
    ran = call(Finished, main, capsys, "--all", "--db", db)
    assert (ran.code, ran.stdout) == (Exit.USAGE, "")
    assert ran.stderr == f"artifact-index: {db}: holds no repositories yet: name some\n"


def test_another_server_is_refused_before_it_is_asked_anything(
    github: GitHub, db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ("--db", db, "--api-url", github.api_url)
    call(Finished, main, capsys, "octo/a", *common)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute("UPDATE repositories SET api_host = 'ghe.example'")
    github.forget_requests()
    ran = call(Finished, main, capsys, "--all", *common)
    assert (ran.code, github.requests) == (Exit.CORRUPT, [])
    assert rows(db, "SELECT gone_at FROM repositories") == [None]


def test_trouble_with_the_database_ends_the_run_but_not_its_summary(
    index: Index, db: Path, github: GitHub
) -> None:
    index(repository="octo/c")
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE INSERT ON assets BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
    ran = index("octo/b", repository="octo/c")
    assert (ran.code, outcomes(ran)) == (Exit.FAILED, [("octo/c", True), ("octo/b", False)])
    assert ran.stderr == f"artifact-index: {db}: no\n"
    ran = index("octo/a", "octo/c", repository="octo/b")
    assert (ran.code, len(outcomes(ran))) == (Exit.FAILED, 3)
    assert ran.stderr.endswith("artifact-index: octo/c: not tried after that\n")
    assert len(github.requests_to("api", "/repos/octo/a")) == 0


def test_all_of_a_database_that_is_not_there_is_an_error_and_makes_none(
    db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = call(Finished, main, capsys, "--all", "--db", db)
    assert (ran.code, ran.stdout) == (Exit.USAGE, "")
    why = "is not there yet: name the repositories to begin with"
    assert ran.stderr == f"artifact-index: {db}: {why}\n"
    assert list(db.parent.iterdir()) == []


def test_the_database_is_in_the_users_data_folder_if_nothing_else_is_said(
    github: GitHub,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cases: list[tuple[dict[str, Any], Path]] = [
        ({"XDG_DATA_HOME": tmp_path / "data"}, tmp_path / "data"),
        ({"XDG_DATA_HOME": "relative", "HOME": tmp_path}, tmp_path / ".local/share"),
        ({"XDG_DATA_HOME": "", "HOME": tmp_path / "me"}, tmp_path / "me/.local/share"),
    ]
    for settings, folder in cases:
        for name, value in settings.items():
            monkeypatch.setenv(name, str(value))
        expected = folder / "toolroll" / "artifact-index.sqlite"
        ran = call(Finished, main, capsys, "octo/a", "--api-url", github.api_url)
        assert (ran.code, rows(expected, STORED)) == (0, ["octo/a"])
        status = call(Finished, main, capsys, "status", "--json")
        assert status.json["database"] == str(expected)
    monkeypatch.delenv("HOME")
    ran = call(Finished, main, capsys, "status")
    assert (ran.code, ran.stderr.count("\n")) == (Exit.USAGE, 1)
    assert "neither --db nor HOME says where the database is" in ran.stderr
