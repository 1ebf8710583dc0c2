"""The limit of file descriptors: raised as far as it goes, and said before it hurts."""

import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.multi_fetch.commanding import in_a_shell, kinds_in, listed, targets, tells_its_path
from tests.support.rawserver import TIMEOUT, Connection, RawServer, Request


def test_a_soft_limit_is_raised_by_itself(server: RawServer, tmp_path: Path) -> None:
    urls = [f"{server.url}/a{number}" for number in range(100)]
    script = 'ulimit -Sn 40; "$0" -m multi_fetch "$1" --ndjson --concurrency 100'
    ran = in_a_shell(script, listed(tmp_path, *urls))
    assert (ran.code, ran.counts) == (0, (100, 0, 0))


@pytest.mark.parametrize(
    ("more", "possible"), [("", 68), ("--output-dir out", 45)], ids=["", "saving"]
)
def test_a_hard_limit_is_said_with_what_is_possible(
    server: RawServer, tmp_path: Path, more: str, possible: int
) -> None:
    path = listed(tmp_path, f"{server.url}/a")
    script = f'cd "$2"; ulimit -n 200; "$0" -m multi_fetch "$1" --concurrency 1000 {more}'
    ran = in_a_shell(script, path, tmp_path)
    assert (ran.code, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert ran.stderr.startswith("multi-fetch: --concurrency 1000: needs ")
    assert f"at most {possible} is possible" in ran.stderr
    assert targets(server) == []


@pytest.mark.parametrize("more", ["", "--output-dir out"], ids=["", "saving"])
def test_what_is_said_to_be_possible_is(server: RawServer, tmp_path: Path, more: str) -> None:
    urls = [f"{server.url}/a{number}" for number in range(150)]
    script = (
        'cd "$2"; ulimit -n 200; n=$("$0" -m multi_fetch "$1" --concurrency 1000 '
        f"{more} 2>&1 | sed 's/.*at most \\([0-9]*\\) .*/\\1/'); "
        f'"$0" -m multi_fetch "$1" --ndjson --concurrency "$n" {more}'
    )
    ran = in_a_shell(script, listed(tmp_path, *urls), tmp_path)
    assert (ran.code, ran.counts) == (0, (150, 0, 0))


def test_idle_connections_to_other_hosts_leave_enough(tmp_path: Path) -> None:
    """As many hosts as may be in flight were fetched from, and then as many others are at once."""
    at_once = threading.Barrier(80)

    def together(connection: Connection, request: Request) -> None:
        with suppress(threading.BrokenBarrierError):  # somebody did not come
            at_once.wait(TIMEOUT)
        tells_its_path(connection, request)

    with ExitStack() as stack:
        answers = [tells_its_path] * 80 + [together] * 80
        servers = [stack.enter_context(RawServer(answer)) for answer in answers]
        path = listed(tmp_path, *(f"{one.url}/a" for one in servers))
        script = 'ulimit -n 224; "$0" -m multi_fetch "$1" --ndjson --concurrency 80 --retries 0'
        ran = in_a_shell(script, path)
    assert kinds_in(ran.records) == {None: 160}


def test_no_limit_at_all_is_no_problem(server: RawServer, tmp_path: Path) -> None:
    path = listed(tmp_path, f"{server.url}/a")
    assert in_a_shell('ulimit -n unlimited; "$0" -m multi_fetch "$1"', path).code == 0
