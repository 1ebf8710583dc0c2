"""The walk: multi-fetch."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observe.walking import Step, Steps, take
from tests.support.rawserver import Connection, RawServer, Request, response
from tests.support.waiting import until

STEPS: Steps = {
    "all is fetched": Step(line="multi-fetch good", actions="fetch"),
    "all is saved": Step(
        line="multi-fetch --output-dir out --json-summary sum --log-json log good",
        actions="fetch summary",
    ),
    "it is a dry look": Step(line="multi-fetch --method HEAD --ndjson good", actions="fetch"),
    "one is not there": Step(
        line="multi-fetch mixed", code=1, outcome="failed", actions="fetch", failed="fetch"
    ),
    "failures are taken": Step(
        line="multi-fetch --fail-on never mixed", actions="fetch", failed="fetch"
    ),
    "nobody listens": Step(
        line="multi-fetch --retries 0 dead",
        code=1,
        outcome="failed",
        actions="fetch",
        failed="fetch",
    ),
    "the summary cannot be written": Step(
        line="multi-fetch --json-summary nowhere/sum good",
        code=1,
        outcome="failed",
        actions="fetch summary",
        failed="summary",
    ),
    "there is no list": Step(line="multi-fetch nowhere", code=2, outcome="usage"),
    "the list is empty": Step(line="multi-fetch empty", code=2, outcome="usage"),
    "it is called badly": Step(line="multi-fetch --nonsense good", code=2, outcome="usage"),
}

TERMINATED = Step(
    line="multi-fetch --grace 0 slow",
    code=143,
    outcome="terminated",
    actions="fetch",
    failed="fetch",
)


def answer(connection: Connection, request: Request) -> None:
    """Answer by what the path says."""
    if request.target == "/silent":
        connection.wait_for_hangup()
    elif request.target == "/404":
        connection.send(response(b"no", status=404))
    else:
        connection.send(response(b"text"))


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(answer) as server:
        yield server


@pytest.fixture
def folder(server: RawServer, tmp_path: Path) -> Path:
    """A folder with lists."""
    url = server.url
    lists = {"good": f"{url}/a\n{url}/b\n", "mixed": f"{url}/a\n{url}/404\njunk\n", "empty": "#\n"}
    lists |= {"dead": "http://127.0.0.1:1/\n", "slow": f"{url}/silent\n"}
    for name, text in lists.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_each_fetch_and_the_run_are_recorded(folder: Path, step: Step) -> None:
    take(step, folder)


def test_what_is_in_flight_is_recorded_when_it_is_terminated(
    server: RawServer, folder: Path
) -> None:
    take(TERMINATED, folder, until=lambda _pid: until(lambda: bool(server.requests)))
