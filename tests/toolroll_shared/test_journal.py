import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import until_it_ends_by
from tests.toolroll_shared.programs import (
    ENVIRONMENT,
    TIMEOUT,
    await_line,
    end,
    finish,
    nobody_reads,
    program,
    start,
)
from toolroll_shared.loglines import LineFile

OPENS = "def body():\n    log = journal.open({!r})\n    "


def run_record(path: Path) -> dict[str, Any]:
    last: dict[str, Any] = json.loads(path.read_text().splitlines()[-1])
    assert last["action"] == "run"
    assert last["target"] == "tool"
    return {name: last.get(name) for name in ("ok", "outcome", "exit_code", "error")}


def ending(outcome: str, code: int, error: str | None = None) -> dict[str, Any]:
    ok = outcome in {"ok", "no"}
    return {"ok": ok, "outcome": outcome, "exit_code": code, "error": error}


ENDINGS = {
    "done": ("return 0", ending("ok", 0)),
    "the answer is no": ("return 1", ending("no", 1)),
    "an action failed": (
        "log.record('a', 'x', duration_s=0, ok=False); return 1",
        ending("failed", 1),
    ),
    "an error": (
        "from toolroll_shared.errors import TryLater; raise TryLater('x: busy')",
        ending("try_later", 75, "x: busy"),
    ),
    "a bug": (
        "raise LookupError('where')",
        ending(
            "bug",
            70,
            "internal error: LookupError: where (a bug; TOOLROLL_TRACEBACK=1 shows the traceback)",
        ),
    ),
    "a full disk": (
        "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 1); print('x'); return 0",
        ending("failed", 1, "stdout: No space left on device"),
    ),
    "a reader that left": ("raise BrokenPipeError", ending("ok", 0)),
    "a code of another": ("return 99", ending("failed", 99)),
}


@pytest.mark.parametrize(("source", "expected"), ENDINGS.values(), ids=ENDINGS)
def test_the_last_record_tells_how_the_run_ended(
    tmp_path: Path, source: str, expected: dict[str, Any]
) -> None:
    path = tmp_path / "log"
    done = finish(program(OPENS.format(str(path)) + source))
    assert done.returncode == expected["exit_code"]
    assert run_record(path) == expected


def test_the_last_record_counts_what_was_done(tmp_path: Path) -> None:
    path = tmp_path / "log"
    acts = "log.record('a', 'x', duration_s=0, bytes=5)\n    " * 3
    acts += "log.record('a', 'x', duration_s=0, ok=False, bytes=None); return 1"
    finish(program(OPENS.format(str(path)) + acts))
    *_, last = map(json.loads, path.read_text().splitlines())
    assert (last["actions"], last["failed"], last["bytes"]) == (4, 1, 15)
    assert last["duration_ms"] > 0


WAITS = OPENS + "print('ready', flush=True)\n    import time; time.sleep(60)\n"


@pytest.mark.parametrize(
    ("number", "outcome", "code"),
    [(signal.SIGINT, "interrupted", 130), (signal.SIGTERM, "terminated", 143)],
)
def test_a_run_that_a_signal_ends_is_recorded(
    tmp_path: Path, number: signal.Signals, outcome: str, code: int
) -> None:
    path = tmp_path / "log"
    process = start(program(WAITS.format(str(path))))
    process.send_signal(number)
    assert end(process)[0] == code
    assert run_record(path) == ending(outcome, code)


def test_a_run_that_a_second_signal_ends_at_once_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "log"
    source = OPENS.format(str(path)) + (
        "import time\n    try:\n        print('ready', flush=True); time.sleep(60)\n"
        "    finally:\n        print('slow', flush=True); time.sleep(60)\n"
    )
    process = start(program(source))
    process.send_signal(signal.SIGTERM)
    await_line(process, "slow")
    until_it_ends_by(signal.SIGTERM, process)
    assert end(process)[0] == 143
    assert run_record(path) == ending("terminated", 143)


def test_a_failure_before_the_log_is_opened_is_in_the_log_of_the_environment(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    source = (
        "from toolroll_shared.errors import UsageError\ndef body():\n    raise UsageError('no')"
    )
    finish(program(source), env={**ENVIRONMENT, "TOOLROLL_LOG": str(path)})
    assert run_record(path) == ending("usage", 2, "no")


def test_a_help_page_is_no_run(tmp_path: Path) -> None:
    path = tmp_path / "log"
    source = "def body():\n    raise SystemExit(0)"
    done = finish(program(source), env={**ENVIRONMENT, "TOOLROLL_LOG": str(path)})
    assert (done.returncode, path.exists()) == (0, False)


def test_a_log_may_go_to_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found: list[str] = []
    reader = threading.Thread(target=lambda: found.append(path.read_text()))
    reader.start()
    done = finish(program(OPENS.format(str(path)) + "log.record('a', 'x', duration_s=0); return 0"))
    reader.join(TIMEOUT)
    assert done.returncode == 0
    assert [json.loads(line)["action"] for line in found[0].splitlines()] == ["a", "run"]


MANY = "print('ready', flush=True)\n    while True: log.record('a', 'x', duration_s=0)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_pipe_that_nobody_reads_does_not_hold_up_a_signal(
    tmp_path: Path, number: signal.Signals
) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    try:
        process = start(program(OPENS.format(str(path)) + MANY))
        process.send_signal(number)
        assert end(process)[0] in {130, 143}
    finally:
        os.close(descriptor)


def test_a_pipe_whose_reader_goes_stops_no_work() -> None:
    with nobody_reads() as pipe:
        done = finish(
            program(
                OPENS.format(f"/dev/fd/{pipe}") + "log.record('a', 'x', duration_s=0)\n    return 0"
            ),
            pass_fds=[pipe],
        )
    assert done.returncode == 0
    assert "going on without" in done.stderr


def fill(file: LineFile) -> None:
    while True:
        file.write(b"x" * 4096)


def test_a_pipe_that_nobody_reads_is_given_up_after_a_while(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    file = LineFile(str(path))
    file.patience = 0.01
    try:
        with pytest.raises(TimeoutError, match="nobody reads it"):
            fill(file)
    finally:
        file.close()
        os.close(descriptor)


def test_a_child_gets_the_id_of_the_run(tmp_path: Path) -> None:
    path = tmp_path / "log"
    python = [sys.executable, "-m"]
    command = [*python, "proc_run", "--log-json", str(path), "--", *python, "text_utils.wc_lite"]
    command += ["--log-json", str(path)]
    subprocess.run([*command, "/dev/null"], check=True, capture_output=True, timeout=TIMEOUT)
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert [one["tool"] for one in found] == ["wc-lite", "wc-lite", "proc-run", "proc-run"]
    assert len({one["request_id"] for one in found}) == 1
