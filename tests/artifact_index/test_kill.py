"""kill -9 at any point leaves a sound database, and the next run completes it."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from artifact_index import SCHEMA
from artifact_index.cli import main
from artifact_index.commands import reading
from artifact_index.verify import problems
from tests.artifact_index.conftest import Index, rows
from tests.artifact_index.test_races import meanwhile
from tests.support import faults
from tests.support.commands import argv, environment
from tests.support.github import GitHub
from tests.support.github_data import Repository
from tests.support.waiting import until_it_has_open, until_it_waits_for_a_lock
from toolroll_shared.errors import Exit
from toolroll_shared.sqlite import BUSY_TIMEOUT_S

KILLS = 50
RELEASES = 210  # three pages

FORKS = """
import os, sys, time
from artifact_index.cli import main
import artifact_index.commands
for line in sys.stdin:
    delay, *argv = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if not child:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(main(argv))
    time.sleep(float(delay))
    os.kill(child, 9)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Runs syncs without the time that Python takes to start, and kills each after a while."""


class Killer:
    """Begins syncs, and kills them after some time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, seconds: float, *arguments: object) -> int:
        """Return the exit code: -9, or that of a run which was faster."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write("\t".join([str(seconds), *map(str, arguments)]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def killer() -> Iterator[Killer]:
    command = [sys.executable, "-c", FORKS]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, text=True, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=environment({})
    ) as process:
        yield Killer(process)
        assert process.stdin
        process.stdin.close()


def alter(repo: Repository, rng: random.Random) -> None:
    """Change something on every page, and let some of it go."""
    releases = list(repo.releases.values())
    for release in rng.sample(releases, 30):
        release.edit(name=f"named {rng.random()}")
        for asset in list(release.assets.values()):
            asset.edit(download_count=rng.randrange(10**6))
    for release in rng.sample(releases, 5):
        release.delete()
    for _ in range(5):
        repo.add_release(f"w{rng.random()}").add_asset("a", b"a")


def content(db: Path) -> tuple[list[Any], ...]:
    """What is there upstream, as the database has it."""
    return tuple(
        rows(db, sql)
        for sql in (
            "SELECT id, tag_name, name FROM releases WHERE gone_at IS NULL ORDER BY id",
            "SELECT id, release_id, name, download_count FROM assets "  # noqa: ISC004 - one query
            "WHERE gone_at IS NULL ORDER BY id",
            "SELECT full_name, next_page FROM repositories",
        )
    )


def expected(repo: Repository) -> tuple[list[Any], ...]:
    """What the database should have, from upstream's own values."""
    releases = sorted(repo.releases.values(), key=lambda release: release.id)
    assets = sorted(
        (asset for release in releases for asset in release.assets.values()),
        key=lambda asset: asset.id,
    )
    return (
        [(one.id, one.tag, one.name) for one in releases],
        [(one.id, one.release.id, one.name, one.download_count) for one in assets],
        [(repo.full_name, None)],
    )


def sound(db: Path) -> list[str]:
    with reading(db) as connection:
        return problems(connection, SCHEMA)


def test_fifty_kills_leave_a_sound_database_that_the_next_run_completes(
    github: GitHub, repo: Repository, db: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = random.Random(4)  # noqa: S311 - the kills are to be anywhere, not secret
    for number in range(RELEASES):
        repo.add_release(f"v{number}").add_asset("a", b"a")
    arguments = ["octo/tool", "--db", str(db), "--api-url", github.api_url]
    codes = []
    with killer() as killed:
        for _ in range(KILLS):
            codes.append(killed.run(rng.uniform(0.01, 0.15), *arguments))
            if db.exists():  # the first may be killed before it is there
                assert sound(db) == []
            assert main(arguments) == 0
            assert content(db) == expected(repo)
            alter(repo, rng)
    assert codes.count(-9) > KILLS / 2, codes
    others = {path.name for path in db.parent.iterdir()} - {db.name}
    assert [name for name in others if not name.endswith((".new", ".new-journal"))] == []
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("number", [2, 15])
def test_a_run_that_is_interrupted_says_that_it_can_go_on(
    github: GitHub, repo: Repository, db: Path, index: Index, number: int
) -> None:
    for one in range(150):
        repo.add_release(f"v{one}")
    stalled = github.fault("*page=2", faults.stall_headers())
    command = argv("artifact_index", "octo/tool", "--db", db, "--api-url", github.api_url)
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment({})
    ) as process:
        assert stalled.reached.wait(20)
        process.send_signal(number)
        _, stderr = process.communicate()
    said = "interrupted" if number == 2 else "terminated"
    assert process.returncode == (Exit.INTERRUPTED if number == 2 else Exit.TERMINATED)
    assert stderr == (
        "artifact-index: what was read so far is stored; run it again to go on\n"
        f"artifact-index: {said}\n"
    )
    assert rows(db, "SELECT count(*) FROM releases") == [100]
    assert index().counts[0] == (50, 0, 100)


def test_waiting_for_another_processs_transaction_can_be_interrupted(
    github: GitHub, repo: Repository, db: Path, index: Index
) -> None:
    repo.add_release("v1")
    index()
    command = argv("artifact_index", "octo/tool", "--db", db, "--api-url", github.api_url)
    with closing(sqlite3.connect(db, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment({})
        ) as process:
            until_it_has_open(process.pid, db)
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate()
            assert time.monotonic() - started < BUSY_TIMEOUT_S / 2, "it did not wait to the end"
    assert (process.returncode, stderr) == (Exit.INTERRUPTED, "artifact-index: interrupted\n")


def test_waiting_for_a_lock_in_the_middle_of_the_work_can_be_interrupted(
    github: GitHub, repo: Repository, db: Path, index: Index
) -> None:
    repo.add_release("v1")
    index()
    repo.add_release("v2")
    command = argv("artifact_index", "octo/tool", "--db", db, "--api-url", github.api_url)
    connect = partial(sqlite3.connect, isolation_level=None, check_same_thread=False)
    with closing(connect(db)) as holder:
        github.fault("/releases", meanwhile(lambda: holder.execute("BEGIN IMMEDIATE")))
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=environment({})
        ) as process:
            until_it_waits_for_a_lock(process.pid)
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, stderr = process.communicate()
            assert time.monotonic() - started < BUSY_TIMEOUT_S / 2, "it did not wait to the end"
    assert process.returncode == Exit.INTERRUPTED
    assert stderr.endswith("artifact-index: interrupted\n")
    assert index().counts[0] == (1, 0, 1)
