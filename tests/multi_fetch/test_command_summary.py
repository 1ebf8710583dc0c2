"""What a run comes to: on stderr for people, in a file for machines, and as an exit code."""

import itertools
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.multi_fetch.commanding import (
    Fetch,
    ended,
    files_in,
    listed,
    refused,
    silent,
    started,
)
from tests.support.rawserver import RawServer, response, sends


def summary_in(path: Path) -> dict[str, Any]:
    """The summary; its sums are right."""
    found: dict[str, Any] = json.loads(path.read_text())
    assert found["ok"] + found["failed"] + found["cancelled"] == found["lines"]
    assert sum(found["errors"].values()) == found["failed"] + found["cancelled"]
    return found


def test_the_summary_for_machines_adds_up(
    fetch_list: Fetch, server: RawServer, tmp_path: Path
) -> None:
    ok, missing = f"{server.url}/ok", f"{server.url}/404"
    urls = (ok, ok, f"{server.url}/other", missing, missing, "junk", refused())
    path = tmp_path / "summary"
    ran = fetch_list(*urls, options=("--json-summary", path, "--retries", 0))
    found = summary_in(path)
    times = {name: found.pop(name) for name in ("duration_s", "requests_per_s", "bytes_per_s")}
    assert all(value >= 0 for value in times.values())
    assert times["duration_s"] > 0
    p50, p95, p99 = found.pop("ms").values()
    assert 0 < p50 <= p95 <= p99 < 60_000
    assert found == {
        "lines": 7,
        "ok": 3,
        "failed": 4,
        "cancelled": 0,
        "duplicates": 2,
        "resumed": 0,
        "fetched": 4,
        "attempts": 4,
        "bytes": len("/ok")
        + len("/other")
        + sum(r["bytes"] for r in ran.records if r["index"] == 4),
        "statuses": {"200": 3, "404": 2},
        "errors": {"connect": 1, "http": 2, "url": 1},
    }
    assert ran.counts == (3, 4, 0)


def test_percentiles_are_those_of_the_records(
    fetch_list: Fetch, server: RawServer, tmp_path: Path
) -> None:
    path = tmp_path / "summary"
    urls = [f"{server.url}/a{number}" for number in range(40)]
    ran = fetch_list(*urls, options=("--json-summary", path, "--concurrency", 3))
    times = sorted(record["ms"] for record in ran.records)
    for name, rank in (("p50", 20), ("p95", 38), ("p99", 40)):
        assert summary_in(path)["ms"][name] == pytest.approx(times[rank - 1], rel=0.02)


def test_the_summary_of_nothing_is_there_too(fetch_list: Fetch, tmp_path: Path) -> None:
    path = tmp_path / "summary"
    assert fetch_list(options=("--json-summary", path)).code == 2
    found = summary_in(path)
    assert (found["lines"], found["ms"]) == (0, {"p50": None, "p95": None, "p99": None})


def test_a_summary_replaces_an_older_one_and_leaves_nothing_beside_it(
    fetch_list: Fetch, server: RawServer, tmp_path: Path
) -> None:
    path = tmp_path / "there" / "summary"
    path.parent.mkdir()
    path.write_text("older")
    assert fetch_list(server.url, options=("--json-summary", path)).code == 0
    assert summary_in(path)["lines"] == 1
    assert files_in(path.parent) == ["summary"]


@pytest.mark.parametrize("place", ["missing/summary", "urls.txt/summary", "."])
def test_a_summary_that_cannot_be_written_is_said_and_does_not_hide_the_rest(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, place: str
) -> None:
    ran = fetch_list(server.url, options=("--json-summary", tmp_path / place))
    assert (ran.code, ran.counts) == (1, (1, 0, 0))
    last = ran.stderr.splitlines()[-1]
    assert last.startswith(f"multi-fetch: --json-summary {tmp_path / place}: ")
    assert files_in(tmp_path) == ["urls.txt"]


def test_a_summary_into_a_pipe_goes_through_it(server: RawServer, tmp_path: Path) -> None:
    """/dev/stdout, /dev/null and >(jq .) are no files to be replaced."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with (
        subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader,
        started(listed(tmp_path, server.url), "--json-summary", pipe) as process,
    ):
        try:
            ran = ended(process)
            assert stat.S_ISFIFO(pipe.stat().st_mode)
            stdout, _ = reader.communicate(timeout=5)
        finally:
            reader.kill()
    assert (ran.code, json.loads(stdout)["lines"]) == (0, 1)


CODES = [
    (("U/ok",), {"http": 0, "transport": 0, "never": 0}),
    (("U/404",), {"http": 1, "transport": 0, "never": 0}),
    (("R",), {"http": 1, "transport": 1, "never": 0}),
    (("U/ok", "U/404"), {"http": 1, "transport": 0, "never": 0}),
    (("U/ok", "R"), {"http": 1, "transport": 1, "never": 0}),
    (("U/404", "R"), {"http": 1, "transport": 1, "never": 0}),
    (("R", "U/ok"), {"http": 1, "transport": 1, "never": 0}),
    (("junk", "U/ok"), {"http": 1, "transport": 1, "never": 0}),
    (("U/404", "U/404"), {"http": 1, "transport": 0, "never": 0}),
    (("#",), {"http": 2, "transport": 2, "never": 0}),
]


@pytest.mark.parametrize(
    ("lines", "fail_on", "code"),
    [(lines, fail_on, code) for lines, codes in CODES for fail_on, code in codes.items()],
)
def test_the_exit_code_is_what_fail_on_says(
    fetch_list: Fetch, server: RawServer, lines: tuple[str, ...], fail_on: str, code: int
) -> None:
    urls = [line.replace("U", server.url).replace("R", refused()) for line in lines]
    assert fetch_list(*urls, options=("--fail-on", fail_on, "--retries", 0)).code == code


def test_a_failure_is_not_lost_by_later_successes(fetch_list: Fetch, server: RawServer) -> None:
    for order in itertools.permutations((f"{server.url}/404", f"{server.url}/a", server.url)):
        assert fetch_list(*order, options=("--concurrency", 1)).code == 1


def test_every_status_is_counted(fetch_list: Fetch, server: RawServer, tmp_path: Path) -> None:
    path = tmp_path / "summary"
    statuses = ("200", "204", "400", "401", "403", "404", "410", "451", "501")
    urls = [f"{server.url}/{status}" for status in statuses]
    fetch_list(*urls, options=("--json-summary", path, "--retries", 0))
    assert summary_in(path)["statuses"] == dict.fromkeys(statuses, 1)


def test_readable_lines_say_what_became_of_each_url(fetch_list: Fetch, server: RawServer) -> None:
    server.answer = sends(response(b"x" * 1500))
    url = f"{server.url}/a"
    ran = fetch_list(url, url, "junk", options=("--concurrency", 1), ndjson=False)
    fine, again, bad = ran.stdout.splitlines()
    assert fine.split()[:3] == ["200", "1.5", "kB"]
    assert fine.endswith(f" ms  {url}")
    assert again.endswith(f" ms  {url}: as line 1")
    assert bad.startswith("url ")
    assert bad.endswith(": not an http or https URL")
    assert ran.counts == (2, 1, 0)


def test_readable_lines_hold_nothing_that_steers_a_terminal(
    fetch_list: Fetch, server: RawServer
) -> None:
    ran = fetch_list(f"{server.url}/\u202e\x1b[31m\x9b", f"{server.url}/\u7b2c", ndjson=False)
    assert ran.stdout.replace("\n", "").isprintable()
    assert ran.stdout.count("\n") == 2


def test_cancelled_lines_are_in_the_summary_of_an_interrupted_run(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    with RawServer(silent) as server:
        urls = [f"{server.url}/{number}" for number in range(20)]
        options = ("--concurrency", 2, "--grace", 0, "--json-summary", path, "--ndjson")
        with started(listed(tmp_path, *urls), *options) as process:
            server.wait_until(lambda server: len(server.requests) == 2)
            process.send_signal(2)
            ran = ended(process)
    found = summary_in(path)
    assert (ran.code, found["lines"], found["cancelled"]) == (130, 20, 20)
    assert found["errors"] == {"cancelled": 20}
