"""The walk: proc-run."""

from pathlib import Path

import pytest

from tests.observe.walking import Step, Steps, take
from tests.support.waiting import until

STEPS: Steps = {
    "a command succeeds": Step(line="proc-run true", actions="command"),
    "its output is read": Step(
        line="proc-run --quiet-on-success --log-json log echo x", actions="command"
    ),
    "a command fails": Step(
        line="proc-run false", code=1, outcome="failed", actions="command", failed="command"
    ),
    "it is tried again": Step(
        line="proc-run --retries 1 --backoff 0 sh -c 'exit 3'",
        code=3,
        outcome="failed",
        actions="command",
        failed="command",
    ),
    "it succeeds in the end": Step(
        line="proc-run --retries 1 --backoff 0 sh -c 'test -e x || { touch x; exit 1; }'",
        actions="command",
        failed="command",
    ),
    "it takes too long": Step(
        line="proc-run --timeout 0.2s sleep 60",
        code=124,
        outcome="failed",
        actions="command",
        failed="command",
    ),
    "it says nothing for too long": Step(
        line="proc-run --idle-timeout 0.2s sleep 60",
        code=124,
        outcome="failed",
        actions="command",
        failed="command",
    ),
    "it dies": Step(
        line="proc-run sh -c 'kill -9 $$'",
        code=137,
        outcome="failed",
        actions="command",
        failed="command",
    ),
    "there is no such command": Step(
        line="proc-run --json /nowhere/at/all",
        code=127,
        outcome="failed",
        actions="command",
        failed="command",
    ),
    "another one runs": Step(
        line="proc-run --lock lock proc-run --log-json log --lock lock true",
        code=75,
        outcome="failed",
        actions="command",
        failed="command",
    ),
    "it is called badly": Step(line="proc-run --nonsense x", code=125, outcome="failed"),
    "its environment is missing": Step(
        line="proc-run --env-file nowhere true", code=125, outcome="failed"
    ),
}

TERMINATED = Step(
    line="proc-run sh -c 'echo up; exec sleep 60'",
    code=143,
    outcome="failed",
    actions="command",
    failed="command",
)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_each_attempt_and_the_run_are_recorded(tmp_path: Path, step: Step) -> None:
    take(step, tmp_path)


def test_a_command_that_is_terminated_is_recorded(tmp_path: Path) -> None:
    def up(_pid: int) -> None:
        until(lambda: b"up" in (tmp_path / "stdout").read_bytes())

    take(TERMINATED, tmp_path, until=up)
