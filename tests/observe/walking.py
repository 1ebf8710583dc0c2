"""A walk over commands: each is run as a user runs it, and every record it writes is judged."""

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import jsonschema_rs

import observe
from tests.support.commands import environment
from tests.support.journals import records_in

SCHEMA_PATH = Path(observe.__file__).with_name("record.schema.json")
PATIENCE_S = 60  # never reached when all is well

Until: TypeAlias = Callable[[int], object]
"""Takes a process id, and returns when it is time for a signal."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command, and how it ends.

    Attributes:
        line: as in a shell; TOOLROLL_LOG says where its records go, unless it does so itself.
        code: its exit code.
        outcome: of its last record.
        actions: the names of its other records, each once.
        failed: those of them of which at least one is not ok.
    """

    line: str
    code: int = 0
    outcome: str = "ok"
    actions: str = ""
    failed: str = ""

    @property
    def words(self) -> list[str]:
        """The command and its arguments."""
        return shlex.split(self.line)

    @property
    def tool(self) -> str:
        """The command."""
        return self.words[0]

    @property
    def met(self) -> set[tuple[str, str]]:
        """Tool and action of each record that it writes."""
        return {(self.tool, action) for action in ("run", *self.actions.split())}


Steps: TypeAlias = Mapping[str, Step]


@cache
def schema() -> dict[str, Any]:
    """Return the schema of a record."""
    found: dict[str, Any] = json.loads(SCHEMA_PATH.read_text())
    return found


@cache
def _validator() -> Any:
    return jsonschema_rs.validator_for(schema(), validate_formats=True)


def complaints(record: object) -> list[str]:
    """Return what the schema has against a record."""
    return [
        "".join(f"/{part}" for part in one.instance_path) + f": {one.message}"
        for one in _validator().iter_errors(record)
    ]


def take(
    step: Step,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    *,
    until: Until | None = None,
) -> None:
    """Run a step in a folder, and judge its records.

    Args:
        step: what is run, and how it is to end.
        folder: where; its log and its output go there, too.
        settings: more of the environment.
        until: when to end it with SIGTERM; None: it ends by itself. It reads a pipe for stdin
            that nobody writes to, then.
    """
    log = folder / "log"
    settings = dict(settings or {})
    if "--log-json" not in step.line:
        settings["TOOLROLL_LOG"] = str(log)
    code, said = _run(step, folder, until, settings)
    assert code == step.code, said
    _judge(step, records_in(log.read_text()), said)


def _run(
    step: Step, folder: Path, until: Until | None, settings: Mapping[str, str]
) -> tuple[int, str]:
    """Return the exit code, and what was said on stderr."""
    words = [str(Path(sys.executable).with_name(step.tool)), *step.words[1:]]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env=environment({"PATH": path, **settings}),
            stdin=subprocess.DEVNULL if until is None else subprocess.PIPE,
            stdout=out,
            stderr=err,
        )
        with process:
            try:
                if until is not None:
                    until(process.pid)
                    process.send_signal(signal.SIGTERM)
                code = process.wait(PATIENCE_S)
            finally:
                process.kill()
    return code, (folder / "stderr").read_text(errors="replace")


def _judge(step: Step, records: list[dict[str, Any]], said: str) -> None:
    for record in records:
        assert complaints(record) == [], record
    assert len({one["request_id"] for one in records}) == 1
    *actions, run = [one for one in records if one["tool"] == step.tool]
    assert len(actions) + 1 == len(records) or step.tool == "observe", "others write there"
    assert run["action"] == "run"
    assert (run["outcome"], run["exit_code"]) == (step.outcome, step.code), said
    assert run["ok"] == (step.outcome in {"ok", "no"})
    assert [one for one in actions if one["action"] == "run"] == []
    assert {one["action"] for one in actions} == set(step.actions.split()), said
    failed = [one["action"] for one in actions if not one["ok"]]
    assert set(failed) == set(step.failed.split()), actions
    assert (run["actions"], run["failed"]) == (len(actions), len(failed))
    assert run["bytes"] == sum(one.get("bytes") or 0 for one in actions)
