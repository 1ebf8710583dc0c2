"""The walk: observe."""

import re
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.observe.logs import record
from tests.observe.walking import Step, Steps, take
from tests.support.journals import records_in
from tests.support.waiting import until

STEPS: Steps = {
    "a command succeeds": Step(line="observe -- true"),
    "a command fails": Step(line="observe -- sh -c 'exit 1'", code=1, outcome="failed"),
    "there is no such command": Step(line="observe -- /nowhere", code=127, outcome="failed"),
    "a command of ours is met": Step(
        line="observe --textfile metrics.prom --log-json log -- wc-lite good", actions="deliver"
    ),
    "the metrics are not delivered": Step(
        line="observe --textfile nowhere/metrics.prom -- true",
        actions="deliver",
        failed="deliver",
    ),
    "a log is good": Step(line="observe check good", actions="check"),
    "a log is bad": Step(
        line="observe check bad", code=1, outcome="failed", actions="check", failed="check"
    ),
    "a log is not there": Step(
        line="observe check nowhere", code=2, outcome="usage", actions="check", failed="check"
    ),
    "a log is shown": Step(line="observe tail good", actions="tail"),
    "no log is shown": Step(
        line="observe tail nowhere", code=2, outcome="usage", actions="tail", failed="tail"
    ),
    "a log is reported": Step(line="observe report good bad", actions="report"),
    "no log is reported": Step(
        line="observe report nowhere", code=2, outcome="usage", actions="report", failed="report"
    ),
    "it is called badly": Step(line="observe --nonsense -- true", code=2, outcome="usage"),
    "no command is named": Step(line="observe", code=2, outcome="usage"),
}

SERVED = Step(
    line="observe serve --log good --state state --listen 127.0.0.1:0",
    code=143,
    outcome="terminated",
    actions="scrape",
)
STEPS_TERMINATED: Steps = {"scraped": SERVED}


def logs_in(folder: Path) -> None:
    (folder / "good").write_bytes(record())
    (folder / "bad").write_text("no record\n")


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_what_observe_does_is_recorded(tmp_path: Path, step: Step) -> None:
    logs_in(tmp_path)
    take(step, tmp_path)


def test_what_is_scraped_is_recorded(tmp_path: Path) -> None:
    logs_in(tmp_path)

    def scraped(_pid: int) -> None:
        until(lambda: b"\n" in (tmp_path / "stdout").read_bytes())
        url = (tmp_path / "stdout").read_text().split()[0]
        with urlopen(url, timeout=30) as answer:
            assert b"toolroll_actions_total" in answer.read()

    take(SERVED, tmp_path, until=scraped)


def test_one_id_goes_through_all_that_is_run(tmp_path: Path) -> None:
    logs_in(tmp_path)
    line = "observe --log-json log -- proc-run -- wc-lite good"
    take(Step(line=line), tmp_path)
    records = records_in((tmp_path / "log").read_text())
    runs = [one["tool"] for one in records if one["action"] == "run"]
    assert runs == ["wc-lite", "proc-run", "observe"]
    assert re.fullmatch("[0-9a-f]{32}", records[0]["request_id"])
