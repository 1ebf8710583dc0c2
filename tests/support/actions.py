"""Running a composite action's steps as a runner does: its shell, its files, its expressions."""

import fcntl
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import yaml

from tests.support.layout import ROOT

SHELL = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")
PATIENCE_S = 120  # an installation, on a slow machine
JOB_TOKEN = "t0ken-s3cret"  # the one that the stand-in for GitHub knows


@dataclass(frozen=True)
class Ran:
    """A run of all steps: the last exit code, what they said, outputs and the run's page."""

    code: int
    log: str
    outputs: dict[str, str]
    page: str


def load(action: str) -> dict[str, Any]:
    """An action's definition."""
    document: dict[str, Any] = yaml.safe_load(
        (ROOT / "actions" / action / "action.yml").read_text()
    )
    return document


def parse_outputs(text: str) -> dict[str, str]:
    """Read a file of outputs: NAME=VALUE, or NAME<<FENCE, lines, FENCE."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, mark, rest = re.split(r"(=|<<)", line, maxsplit=1)
        value = iter(partial(next, lines), rest)
        found[name] = rest if mark == "=" else "\n".join(value)
    return found


def expand(text: str, values: dict[str, str]) -> str:
    """Replace what stands in `${{ }}`; the output of a step that did not run is empty."""
    known = {"github.token": JOB_TOKEN, **values}

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return known.get(name, "") if name.startswith("steps.") else known[name]

    return re.sub(r"\$\{\{ (\S+) \}\}", value, text)


def installed_for_all(base: Path) -> Path:
    """A folder that the workers of a test run share; `base` is the temporary one of this worker."""
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "toolroll-actions"


@dataclass
class Runner:
    """A job's place: its workspace, its temporary folder, and the settings of its steps."""

    workspace: Path
    temporary: Path
    settings: dict[str, str]

    def run(self, action: str, **inputs: str) -> Ran:
        """Run an action's steps until one fails; `keep_last` is the input keep-last."""
        values = self.inputs(action, {key.replace("_", "-"): inputs[key] for key in inputs})
        ran = Ran(0, "", {}, "")
        page = ""
        for step in load(action)["runs"]["steps"]:
            ran = self._step(action, step, values)
            page += ran.page
            values |= {f"steps.{step['id']}.outputs.{key}": ran.outputs[key] for key in ran.outputs}
            if ran.code:
                break
        declared = load(action)["outputs"]
        outputs = {name: expand(one["value"], values) for name, one in declared.items()}
        return Ran(ran.code, ran.log, outputs, page)

    @classmethod
    def made(cls, workspace: Path, installed: Path, **settings: str) -> Self:
        """A job in a workspace; what is installed is shared by the jobs of all tests."""
        temporary = workspace.with_name(f"{workspace.name}-temporary")
        temporary.mkdir()
        installed.mkdir(exist_ok=True)
        (temporary / "toolroll").symlink_to(installed)
        return cls(workspace, temporary, settings)

    def inputs(self, action: str, given: dict[str, str]) -> dict[str, str]:
        """The values of `inputs`: as given, which nobody expands, else the defaults."""
        declared = load(action)["inputs"]
        assert given.keys() <= declared.keys()
        return {
            f"inputs.{name}": given[name] if name in given else expand(one["default"], {})
            for name, one in declared.items()
        }

    def start(
        self, action: str, step: dict[str, Any], values: dict[str, str]
    ) -> subprocess.Popen[str]:
        """Start one step; its files for the runner are named for it."""
        script = self.temporary / f"{step['id']}.sh"
        script.write_text(step["run"])
        for name in ("output", "page"):
            (self.temporary / f"{step['id']}.{name}").write_text("")
        settings = {key: expand(text, values) for key, text in step["env"].items()}
        places = {
            "GITHUB_ACTION_PATH": str(ROOT / "actions" / action),
            "GITHUB_OUTPUT": str(self.temporary / f"{step['id']}.output"),
            "GITHUB_STEP_SUMMARY": str(self.temporary / f"{step['id']}.page"),
            "RUNNER_TEMP": str(self.temporary),
        }
        return subprocess.Popen(
            [*SHELL, script],
            cwd=self.workspace,
            env={**os.environ, **self.settings, **places, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _step(self, action: str, step: dict[str, Any], values: dict[str, str]) -> Ran:
        with self._turn(step["id"]), self.start(action, step, values) as process:
            try:
                log, _ = process.communicate(timeout=PATIENCE_S)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
        return self.finished(step["id"], process.returncode, log)

    @contextmanager
    def _turn(self, step: str) -> Iterator[None]:
        """One installs at a time: tests run side by side, which steps of a job do not."""
        with (self.temporary / "toolroll/.lock").open("w") as file:
            if step == "install":
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def finished(self, step: str, code: int, log: str) -> Ran:
        """What a step that ended has left."""
        outputs = parse_outputs((self.temporary / f"{step}.output").read_text())
        return Ran(code, log, outputs, (self.temporary / f"{step}.page").read_text())
