"""--log-json: one record for each fetch, for `observe` to make metrics of."""

from pathlib import Path

import pytest

from tests.multi_fetch.commanding import Fetch, ended, listed, silent, started
from tests.support.journals import actions_in, records_in
from tests.support.rawserver import RawServer


def test_each_fetch_is_one_action(fetch_list: Fetch, server: RawServer, tmp_path: Path) -> None:
    log = tmp_path / "log"
    a, missing = f"{server.url}/a", f"{server.url}/404"
    ran = fetch_list(a, a, missing, "junk", options=("--log-json", log))
    *logged, run = records_in(log.read_text())
    assert (len(logged), run["actions"], run["failed"], run["bytes"]) == (3, 3, 2, 6)
    actions = {action["target"]: action for action in logged}
    assert actions.keys() == {a, missing, "(no http URL)"}
    fine, bad = actions[a], actions[missing]
    assert len({action["request_id"] for action in actions.values()}) == 1
    assert (fine["tool"], fine["action"], fine["ok"]) == ("multi-fetch", "fetch", True)
    assert (fine["status"], fine["bytes"], fine["attempts"], fine["error"]) == (200, 2, 1, None)
    assert (bad["level"], bad["ok"], bad["status"], bad["error"]) == ("error", False, 404, "http")
    assert fine["duration_ms"] == ran.records[0]["ms"]


def test_the_log_is_appended_to_and_its_id_comes_from_the_parent(
    fetch_list: Fetch, server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLROLL_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("TOOLROLL_REQUEST_ID", "abc")
    for _ in range(2):
        assert fetch_list(server.url).code == 0
    actions = actions_in((tmp_path / "log").read_text())
    assert [action["request_id"] for action in actions] == ["abc", "abc"]


def test_a_log_on_stderr_does_not_mix_with_the_summary(server: RawServer, tmp_path: Path) -> None:
    urls = [f"{server.url}/a{number}" for number in range(50)]
    with started(listed(tmp_path, *urls), "--log-json", "-") as process:
        ran = ended(process)
    lines = ran.stderr.splitlines()
    assert len(actions_in("\n".join(line for line in lines if line.startswith("{")))) == 50
    assert len(lines) == 53


def test_a_log_that_is_full_is_said_once_and_stops_nothing(
    fetch_list: Fetch, server: RawServer
) -> None:
    urls = [f"{server.url}/a{number}" for number in range(5)]
    ran = fetch_list(*urls, options=("--log-json", "/dev/full"))
    assert (ran.code, ran.counts) == (0, (5, 0, 0))
    assert ran.stderr.count("the log cannot be written") == 1


def test_what_was_cancelled_is_logged_as_such(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with RawServer(silent) as server:
        urls = [f"{server.url}/{number}" for number in range(5)]
        options = ("--log-json", log, "--concurrency", 2, "--grace", 0)
        with started(listed(tmp_path, *urls), *options) as process:
            server.wait_until(lambda server: len(server.requests) == 2)
            process.send_signal(2)
            assert ended(process).code == 130
    actions = actions_in(log.read_text())
    assert {(action["error"], action["ok"]) for action in actions} == {("cancelled", False)}
    assert sorted(action["target"] for action in actions) == urls
