"""What a command and its processes write into the channel, and what becomes of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from observe.schema import problems_of
from tests.observe.commands import Finished, observe, observing, python, records, runs, series, sh
from tests.proc_run.commands import exists
from tests.support.prometheus import promtool
from tests.support.waiting import until

RECORD = (
    '{"ts":"2026-01-01T00:00:00Z","level":"info","tool":"t","action":"a","target":"x",'
    '"duration_ms":1,"ok":true,"request_id":"r","bytes":3}'
)
WRITES = "import os; log = os.open(os.environ['TOOLROLL_LOG'], os.O_WRONLY)\n"
COUNTED = 'toolroll_actions_total{action="a",outcome="ok",tool="t"}'


def counted(
    path: Path, *arguments: object, timeout: float = 60
) -> tuple[Finished, dict[str, float]]:
    """Run a command, whose metrics are to be valid."""
    done = observe("--textfile", path, *arguments, timeout=timeout)
    checked = promtool("check", "metrics", stdin=path.read_text())
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    return done, series(path.read_text())


def test_each_of_many_records_of_several_processes_is_counted_and_kept(tmp_path: Path) -> None:
    script = WRITES + (
        f"[os.write(log, b'''{RECORD}\\n''') for _ in range(20_000)] "
        "if any([os.fork() == 0 for _ in range(2)]) or True else 0\n"
        "try:\n    while True: os.wait()\nexcept ChildProcessError: pass\n"
    )
    log = tmp_path / "log"
    done, found = counted(tmp_path / "x.prom", "--log-json", log, *python(script))
    assert (done.code, done.notes) == (0, "")
    assert found[COUNTED] == 80_000
    assert len(records(log)) == 80_000 + 3


NO_RECORDS = {
    "binary": (b"bytes(range(256)) * 1000", 1001),
    "a line of 10 MB": (b"b'x' * 10_000_000 + b'\\n'", 1),
    "half a line": (b"b'{\"ts\":'", 1),
    "empty lines": (b"b'\\n' * 100_000", 0),
    "deep": (b"b'[' * 100_000 + b'\\n'", 1),
    "no object": (b"b'3\\n[]\\nnull\\n'", 3),
}


@pytest.mark.parametrize("kind", NO_RECORDS)
def test_what_is_no_record_is_counted_as_such(kind: str, tmp_path: Path) -> None:
    what, number = NO_RECORDS[kind]
    script = (
        "import os\nwith open(os.environ['TOOLROLL_LOG'], 'wb') as log:\n"
        f"    log.write({what.decode()})\n"
    )
    log = tmp_path / "log"
    done, found = counted(tmp_path / "x.prom", "--log-json", log, "--name", "job", *python(script))
    assert done.code == 0
    assert done.notes == (f"observe: {number} lines of its log were no records\n" if number else "")
    assert found['toolroll_invalid_lines_total{tool="job"}'] == number
    assert runs(log) == [("job", "ok"), ("observe", "ok")]


HOSTILE = """
import json, os
base = {"ts": "2026-01-01T00:00:00Z", "tool": "t", "action": "a", "duration_ms": 1, "ok": True}
odd = ["\\n", '"', "\\\\", "}", "\\u2028", "\\x00", "\\ud800", "x" * 3000, "", " ", "é", "{", "a b"]
numbers = [-1, 1e999, -1e999, float("nan"), 10**400, 1e308, 2**64, -2**63, "1", None, True, [], {}]
with open(os.environ["TOOLROLL_LOG"], "w") as log:
    def say(**fields):
        log.write(json.dumps({**base, **fields}) + "\\n")
    for ts in ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "0001-01-01", "2099-01-01T00:00:00Z",
               "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "today"):
        say(action="run", ts=ts, tool="when")
    for number in range(10_000):
        say(action=f"a{number}", outcome=f"o{number}")
        say(action="many", outcome=f"o{number}-{os.getpid()}")
        say(tool=f"t{number}-{os.getpid()}", action="run")
    for name in odd:
        for field in ("tool", "action", "outcome", "ts", "target", "request_id", name):
            say(**{field: name}); say(**{"action": "run", field: name})
    for number in numbers:
        for field in base.keys() | {"bytes", "outcome"}:
            say(**{field: number}); say(**{"action": "run", field: number})
"""


def test_a_hostile_log_makes_no_invalid_metrics_and_not_too_many_over_runs(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    sizes: list[int] = []
    found: dict[str, float] = {}
    for _ in range(3):
        done, found = counted(path, *python(HOSTILE), timeout=120)
        assert done.code == 0
        assert "Traceback" not in done.notes
        sizes.append(len(found))
    assert sizes[2] < 16_000
    assert sizes[2] < sizes[0] * 1.5
    assert (
        sum(
            value
            for name, value in found.items()
            if 'action="many"' in name and "actions_total" in name
        )
        == 30_000
    )
    assert found['toolroll_last_success_timestamp_seconds{tool="when"}'] < 4e9
    assert found['toolroll_last_run_timestamp_seconds{tool="python"}'] < 4e9


def test_who_is_left_behind_and_writes_for_ever_does_not_hold_it_up(tmp_path: Path) -> None:
    script = WRITES + (
        "pid = os.fork()\n"
        "if pid: print(pid); raise SystemExit(4)\n"
        "os.setsid(); null = os.open('/dev/null', os.O_RDWR)\n"
        "[os.dup2(null, number) for number in (0, 1, 2)]\n"
        f"while True: os.write(log, b'''{RECORD}\\n''')\n"
    )
    done = observe("--textfile", tmp_path / "x.prom", *python(script), timeout=30)
    assert done.code == 4
    until(lambda: not exists(int(done.stdout)))  # nobody reads: SIGPIPE, or an error of Python's


def test_who_is_left_behind_and_is_silent_does_not_either() -> None:
    script = "sleep 600 >/dev/null 2>&1 3>>$TOOLROLL_LOG & echo $!"
    done = observe(*sh(script), timeout=30)
    assert (done.code, done.notes) == (0, "")
    os.kill(int(done.stdout), 9)


@pytest.mark.parametrize(
    "inner",
    ["exec env -i /bin/sh -c 'exit 3'", "cd / && exit 3", "exec 0<&- 1>&- 2>&-; exit 3"],
)
def test_a_command_that_leaves_everything_behind_is_recorded(inner: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert observe("--log-json", log, *sh(inner)).code == 3
    assert runs(log) == [("sh", "failed"), ("observe", "failed")]


def test_a_command_that_reads_its_own_log_takes_records_but_holds_nothing_up() -> None:
    done = observe(*sh(f"echo '{RECORD}' >>$TOOLROLL_LOG; timeout 1 cat $TOOLROLL_LOG; exit 3"))
    assert done.code == 3


@pytest.mark.parametrize(
    ("command", "code", "outcome"),
    [
        (("contains", "text", "word"), 0, "ok"),
        (("contains", "text", "none"), 1, "no"),
        (("wc-lite", "no-such-file"), 2, "usage"),
        (("wc-lite", "--no-such-option"), 2, "usage"),
        (("proc-run", "--", "sh", "-c", "exit 9"), 9, "failed"),
        (("logtools", "head", "text"), 0, "ok"),
        (("observe", "--name", "observe", "--", "false"), 1, "failed"),
    ],
)
def test_a_tool_of_ours_records_its_run_once(
    command: tuple[str, ...], code: int, outcome: str, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("a word\n")
    log = tmp_path / "log"
    done = observe("--log-json", log, "--", *command, cwd=tmp_path)
    assert done.code == code
    found = [one for one in records(log) if one["action"] == "run"]
    ends = [(one["tool"], one["outcome"]) for one in found if one["tool"] == command[0]]
    last = ends.pop() if command[0] != "observe" else ("observe", outcome)
    assert last == (command[0], outcome)
    assert found[-1]["tool"] == "observe"
    assert (found[-1]["outcome"], found[-1]["ok"]) == (outcome, outcome in {"ok", "no"})
    assert len({one["request_id"] for one in records(log)}) == 1
    assert [problems_of(line) for line in log.read_bytes().splitlines() if problems_of(line)] == []
    if command[0] != "observe":
        assert ends == []


def test_an_explicit_log_of_the_command_is_its_own(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    (tmp_path / "text").write_text("a word\n")
    command = ("wc-lite", "--log-json", theirs, tmp_path / "text")
    env = {"TOOLROLL_LOG": str(ours), "TOOLROLL_REQUEST_ID": "one-id"}
    assert observe("--", *command, env=env).code == 0
    assert runs(ours) == [("wc-lite", "ok"), ("observe", "ok")]
    assert runs(theirs) == [("wc-lite", "ok")]
    assert {one["request_id"] for one in records(ours) + records(theirs)} == {"one-id"}


def test_a_trace_is_the_request_of_all(tmp_path: Path) -> None:
    log, trace = tmp_path / "log", "4bf92f3577b34da6a3ce929d0e0e4736"
    env = {"TRACEPARENT": f"00-{trace}-00f067aa0ba902b7-01"}
    script = "echo $TOOLROLL_REQUEST_ID; wc-lite /dev/null"
    done = observe("--log-json", log, *sh(script), env=env)
    assert done.stdout.decode().startswith(f"{trace}\n")
    assert {one["request_id"] for one in records(log)} == {trace}
    assert runs(log) == [("wc-lite", "ok"), ("sh", "ok"), ("observe", "ok")]


def test_a_long_line_passes_through_to_a_pipe_that_is_read_slowly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    script = (
        f"import os; line = {RECORD[:-1]!r} + ', \"text\": \"' + 'x' * 300_000 + '\"}}\\n'; "
        "open(os.environ['TOOLROLL_LOG'], 'w').write(line)"
    )
    with observing("--log-json", pipe, *python(script)) as process:
        text = pipe.read_text()
        _, stderr = process.communicate(timeout=60)
    assert stderr == b""
    assert [json.loads(one)["tool"] for one in text.splitlines()] == ["t", "python", "observe"]


def test_many_at_once_in_one_log_are_all_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = f"for i in 1 2 3; do echo '{RECORD}'; done >>$TOOLROLL_LOG"
    command = [sys.executable, "-m", "observe", "--log-json", str(log), *sh(script)]
    processes = [subprocess.Popen(command) for _ in range(10)]
    try:
        assert [process.wait(60) for process in processes] == [0] * 10
    finally:
        for process in processes:
            process.kill()
    assert len(records(log)) == 50
    assert len(runs(log)) == 20
