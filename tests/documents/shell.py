"""Commands of a document, run by bash one after the other as a reader would type them."""

import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 60
"""How long a command may take; never reached when all is well."""

_ENDLESS = re.compile(r"(^|\s)(serve|(tail|logs)\s(.*\s)?-f|--follow|--watch)(\s|$)")
_CODE = re.compile(r"#.*\bexit code (\d+)")


@dataclass(frozen=True)
class Said:
    """What a command has said, and how it ended."""

    command: str
    code: int
    stdout: str
    stderr: str

    @property
    def wanted_code(self) -> int:
        """The code that the command's own comment names (`# ... exit code 1`), else 0."""
        match = _CODE.search(self.command)
        return int(match[1]) if match else 0


def commands_in(script: str) -> Iterator[str]:
    """Split a script into whole commands: bash says where one is not at its end yet."""
    lines: list[str] = []
    for line in script.splitlines():
        lines.append(line)
        command = "\n".join(lines)
        if not line.endswith("\\") and _is_whole(command):
            if command.strip() and not command.lstrip().startswith("#"):
                yield command
            lines = []
    assert not lines, f"no whole command: {lines}"


def _is_whole(command: str) -> bool:
    done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False)
    return not done.stderr  # of a here-document without its end it warns only


class Shell:
    """A reader's shell: folder, variables and jobs stay from one command to the next.

    Args:
        folder: where it begins, and keeps its memory beside.
        environment: what its commands get.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._memory = folder.with_name(f"{folder.name}.shell")
        self._memory.mkdir()
        self._environment = {**environment}
        self._groups: list[subprocess.Popen[bytes]] = []
        (self._memory / "state").write_text(f"cd {shlex.quote(str(folder))}\n")

    def run(self, command: str) -> Said:
        """Run a command to its end; one that goes on for ever gets Ctrl+C when it has spoken.

        If it goes on in the background, it has spoken when this returns: what serves is up then.
        """
        (self._memory / "command").write_text(command + "\n")
        number = len(self._groups)  # what stays in the background writes into its own
        out, err = self._memory / f"stdout.{number}", self._memory / f"stderr.{number}"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                ["bash", "-c", _SESSION, "bash", str(self._memory)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        self._groups.append(process)
        code = _interrupted(process, out) if _is_endless(command) else _ended(process)
        if _serves_in_background(command):
            _await_words(process, out)
        return Said(command, code, _text(out), _text(err))

    def close(self) -> None:
        """End what the commands have left running."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for group in self._groups:
                with suppress(ProcessLookupError):
                    os.killpg(group.pid, number)
            deadline = time.monotonic() + 5
            while any(map(_lives, self._groups)) and time.monotonic() < deadline:
                time.sleep(0.01)


_SESSION = """
. "$1/state" 2>/dev/null
trap : INT
set -o pipefail
eval "$(cat "$1/command")"
code=$?
trap '' INT
{ declare -p | grep -v '^declare -[a-zA-Z]*r'; declare -f; printf 'cd %q\\n' "$PWD"; } > "$1/state"
exit $code
"""
"""Runs a command and remembers what it left in the shell, also where Ctrl+C comes at its end. A
trap lets bash outlive that, and no failure is hidden by a pipe."""


def _is_endless(command: str) -> bool:
    return bool(_ENDLESS.search(command.partition("#")[0])) and not _in_background(command)


def _serves_in_background(command: str) -> bool:
    return bool(_ENDLESS.search(command.partition("#")[0])) and _in_background(command)


def _in_background(command: str) -> bool:
    return command.partition("#")[0].rstrip().endswith("&")


def _interrupted(process: "subprocess.Popen[bytes]", stdout: Path) -> int:
    _await_words(process, stdout)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    code = _ended(process)
    return 0 if code in {130, -signal.SIGINT} else code


def _await_words(process: "subprocess.Popen[bytes]", stdout: Path) -> None:
    """Wait until something is said, or nobody is left of the group who could."""
    deadline = time.monotonic() + PATIENCE_S
    while not stdout.stat().st_size and _lives(process):
        if time.monotonic() > deadline:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError("it never said anything")
        time.sleep(0.01)


def _ended(process: "subprocess.Popen[bytes]") -> int:
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return -signal.SIGKILL


def _lives(process: "subprocess.Popen[bytes]") -> bool:
    process.poll()  # a shell that has ended is no member of its group any more
    with suppress(ProcessLookupError):
        os.killpg(process.pid, 0)
        return True
    return False


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="backslashreplace")  # with its carriage returns
