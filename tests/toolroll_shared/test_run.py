import errno
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.waiting import (
    until_it_ends_by,
    until_it_waits_for_a_reader,
    until_it_waits_in_poll,
)
from tests.toolroll_shared.programs import (
    ENVIRONMENT,
    TIMEOUT,
    await_line,
    end,
    finish,
    in_shell,
    nobody_reads,
    program,
    start,
)
from toolroll_shared.cli import run
from toolroll_shared.errors import (
    CorruptStore,
    Exit,
    Refused,
    ToolError,
    TryLater,
    Unreachable,
    UsageError,
)
from toolroll_shared.logs import Journal

FULL = "No space left on device"
BUG = "(a bug; TOOLROLL_TRACEBACK=1 shows the traceback)"


def raising(error: BaseException) -> Callable[[Journal], int]:
    def body(_journal: Journal) -> int:
        raise error

    return body


@pytest.mark.parametrize("code", [0, 1, 2, 75])
def test_the_bodys_code_is_the_commands(code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tool", lambda _journal: code) == code
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ToolError("what: why"), 1, "what: why"),
        (UsageError("what: why"), 2, "what: why"),
        (CorruptStore("what: why"), 65, "what: why"),
        (Unreachable("what: why"), 69, "what: why"),
        (TryLater("what: why"), 75, "what: why"),
        (Refused("what: why"), 77, "what: why"),
        (ToolError("two\nlines\t\x1b[31m red \u202e\ud800"), 1, r"two lines \x1b[31m red"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(errno.ENOENT, "No such file", "a\nb"), 1, "a b: No such file"),
        (OSError(errno.EACCES, "Permission denied", b"\xff"), 1, r"\udcff: Permission denied"),
        (OSError(errno.EBADF, "Bad file descriptor", 99), 1, "99: Bad file descriptor"),
        (OSError(errno.ENOSPC, FULL), 1, f"stdout: {FULL}"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), 1, "refused"),
        (OSError("odd\n"), 1, "odd"),
        (OSError(), 1, "OSError"),
        (RuntimeError("no\nidea"), 70, f"internal error: RuntimeError: no idea {BUG}"),
        (AssertionError(), 70, f"internal error: AssertionError:  {BUG}"),
        (RecursionError("deep"), 70, f"internal error: RecursionError: deep {BUG}"),
    ],
    ids=repr,
)
def test_an_error_is_one_line_and_a_code(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("tool", raising(error)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"tool: {message}")
    assert err.splitlines() == [err[:-1]]
    assert err[:-1].isprintable()


@pytest.mark.parametrize("error", [UsageError("x"), OSError(28, "full"), ValueError("bug")])
def test_a_command_may_have_one_code_for_all_errors(error: Exception) -> None:
    assert run("tool", raising(error), failure=125) == 125
    assert run("tool", raising(KeyboardInterrupt()), failure=125) == 130
    assert run("tool", lambda _journal: 3, failure=125) == 3


def test_the_codes_are_the_documented_ones() -> None:
    assert {code.name: code.value for code in Exit} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "CORRUPT": 65,
        "UNREACHABLE": 69,
        "BUG": 70,
        "TRY_LATER": 75,
        "REFUSED": 77,
        "INTERRUPTED": 130,
        "TERMINATED": 143,
    }


def test_a_reader_that_went_away_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("tool", raising(BrokenPipeError(errno.EPIPE, "Broken pipe"))) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("exit_argument", "code"), [(None, 0), (0, 0), (2, 2)])
def test_an_exit_keeps_its_code(exit_argument: int | None, code: int) -> None:
    assert run("tool", raising(SystemExit(exit_argument))) == code


def test_an_exit_with_a_text_is_no_success() -> None:
    assert run("tool", raising(SystemExit("what: why"))) != 0


def test_the_traceback_of_a_bug_is_shown_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOOLROLL_TRACEBACK", "1")
    assert run("tool", raising(RuntimeError("no idea"))) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_handlers_of_signals_are_put_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    run("tool", lambda _journal: 0)
    run("tool", raising(KeyboardInterrupt()))
    assert signal.getsignal(number) is before


def test_a_command_runs_in_any_thread() -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(run("tool", raising(UsageError("x")))))
    thread.start()
    thread.join()
    assert codes == [2]


PLAIN = """
import time
def body():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("cleaned", flush=True)
"""
ASYNCIO = """
import asyncio
async def work():
    try:
        print("ready", flush=True)
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0)
        print("cleaned", flush=True)
def body():
    asyncio.run(work())
"""
RUN_ASYNC = ASYNCIO.replace("asyncio.run(work())", "run_async(work())").replace(
    "import asyncio", "import asyncio\nfrom toolroll_shared.signals import run_async"
)
IN_THREADS = """
import threading
def body():
    try:
        print("ready", flush=True)
        threading.Event().wait(60)
    finally:
        print("cleaned", flush=True)
"""
WAITING = [
    pytest.param(PLAIN, id="plain"),
    pytest.param(IN_THREADS, id="lock"),
    pytest.param(ASYNCIO, id="asyncio"),
    pytest.param(RUN_ASYNC, id="run_async"),
]


@pytest.mark.parametrize("definitions", WAITING)
@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_cleans_up_and_says_so(
    definitions: str, number: signal.Signals, code: int, word: str
) -> None:
    process = start(program(definitions))
    process.send_signal(number)
    assert end(process) == (code, "cleaned\n", f"tool: {word}\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_in_an_import_ends_python_m_with_its_code(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    inside_an_exec = PLAIN.replace("time.sleep(60)", "exec('time.sleep(60)')")
    (tmp_path / "tool.py").write_text(program(inside_an_exec)[-1])
    process = start([sys.executable, "-m", "tool"], cwd=tmp_path)
    process.send_signal(number)
    assert end(process)[0] == code


SLOW_CLEANUP = PLAIN.replace('print("cleaned", flush=True)', 'print("slow", flush=True)') + (
    "        time.sleep(60)\n"
)
SLOW_ASYNC_CLEANUP = ASYNCIO.replace("asyncio.sleep(0)", "slowly()").replace(
    "async def work",
    'async def slowly():\n    print("slow", flush=True)\n'
    "    await asyncio.sleep(60)\nasync def work",
)


@pytest.mark.parametrize("definitions", [SLOW_CLEANUP, SLOW_ASYNC_CLEANUP], ids=["plain", "async"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_ends_a_slow_cleanup(
    definitions: str, number: signal.Signals, code: int
) -> None:
    process = start(program(definitions))
    process.send_signal(number)
    await_line(process, "slow")
    until_it_ends_by(number, process)
    assert end(process)[0] == code


AT_EACH_CALL = """
import asyncio, os, select, signal, sys
from toolroll_shared.cli import run
from toolroll_shared.signals import run_async

async def work():
    try:
        for _ in range(3):
            await asyncio.sleep(0.001)
    finally:
        await asyncio.sleep(0)

HELD = ("asyncio.", "toolroll_shared.signals")

def interrupted_at(moment):
    calls = 0
    def count(frame, event, _argument):
        nonlocal calls
        if event != "call" or not frame.f_globals["__name__"].startswith(HELD):
            return
        calls += 1
        if calls == moment:
            signal.raise_signal(signal.SIGTERM)
    def body(journal):
        sys.setprofile(count)
        try:
            run_async(work())
        finally:
            sys.setprofile(None)
        return 0 if calls >= moment else 99
    return run("tool", body)

os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
for moment in range(1, 1000):
    child = os.fork()
    if not child:
        os._exit(interrupted_at(moment))
    handle = os.pidfd_open(child)
    if not select.select([handle], [], [], 10)[0]:
        os.kill(child, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(handle)
    print(code, flush=True)
    if code == 99:
        break
"""


def test_a_signal_at_any_moment_of_an_event_loop_ends_the_work() -> None:
    done = finish([sys.executable, "-c", AT_EACH_CALL], timeout=60)
    *codes, last = map(int, done.stdout.split())
    assert last == 99, "each call that there is was a moment"
    assert set(codes) <= {143, 0}
    assert codes == sorted(codes, reverse=True), "0 only when the work has ended"
    assert codes.count(143) > 50


QUICK_CLEANUPS = {
    "plain": PLAIN.replace(
        'print("cleaned"', 'print("slow", flush=True); input(); print("cleaned"'
    ),
    "run_async": RUN_ASYNC.replace(
        "await asyncio.sleep(0)",
        'print("slow", flush=True); await asyncio.to_thread(input)',
    ),
}


@pytest.mark.parametrize("name", QUICK_CLEANUPS)
def test_a_sigterm_that_comes_twice_at_a_time_is_one(name: str) -> None:
    process = start(program(QUICK_CLEANUPS[name]), stdin=subprocess.PIPE)
    process.send_signal(signal.SIGTERM)
    await_line(process, "slow")
    process.send_signal(signal.SIGTERM)
    assert process.communicate("\n", timeout=TIMEOUT) == ("cleaned\n", "tool: terminated\n")
    assert process.returncode == 143


NOTES = """
from toolroll_shared.output import note
def notes():
    while True:
        note("tool", "x" * 1000)
"""
FULL_PIPES = {
    "notes": NOTES + "def body():\n    notes()\n",
    "notes in a loop": NOTES + "from toolroll_shared.signals import run_async\n"
    "async def work():\n    notes()\n"
    "def body():\n    run_async(work())\n",
    "results": "from toolroll_shared.output import write\n"
    "def body():\n    while True:\n        write('x' * 1000, flush=True)\n",
    "records": "def body():\n"
    "    log = journal.open('-')\n"
    "    while True:\n        log.record('wait', 'nobody', duration_s=0)\n",
}


@pytest.mark.parametrize(
    ("definitions", "waits"),
    [
        (definitions, until_it_waits_in_poll if "records" in name else until_it_waits_for_a_reader)
        for name, definitions in FULL_PIPES.items()
    ],
    ids=FULL_PIPES,
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_that_waits_for_a_reader(
    definitions: str, waits: Callable[[int], None], number: signal.Signals, code: int
) -> None:
    with subprocess.Popen(
        program(definitions), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT
    ) as process:
        try:
            waits(process.pid)
            process.send_signal(number)
            assert process.wait(TIMEOUT) == code
        finally:
            process.kill()
        assert process.stderr
        assert b"Traceback" not in process.stderr.read()


@pytest.mark.parametrize("definitions", [PLAIN, RUN_ASYNC], ids=["plain", "run_async"])
@pytest.mark.parametrize(
    ("ignored", "sent", "code"),
    [("INT", signal.SIGINT, 143), ("TERM", signal.SIGTERM, 130)],
)
def test_a_signal_that_our_parent_ignores_is_ignored(
    definitions: str, ignored: str, sent: signal.Signals, code: int
) -> None:
    process = start(in_shell(program(definitions), f"trap '' {ignored}; {{}}"))
    process.send_signal(sent)
    process.send_signal({143: signal.SIGTERM, 130: signal.SIGINT}[code])
    assert end(process)[:2] == (code, "cleaned\n")


def test_run_async_returns_the_result_and_passes_errors_on() -> None:
    done = finish(
        program(
            "from toolroll_shared.signals import run_async\n"
            "from toolroll_shared.errors import TryLater\n"
            "async def seven(): return 7\n"
            "async def fail(): raise TryLater('what: why')\n"
            "def body():\n"
            "    assert run_async(seven()) == 7\n"
            "    return run_async(fail())\n"
        )
    )
    assert (done.returncode, done.stderr) == (75, "tool: what: why\n")


WRITES = "from toolroll_shared.output import write, write_result\ndef body():\n    "
PARSES = (
    "from toolroll_shared.cli import Parser, add_common_arguments\n"
    "def body():\n"
    "    parser = Parser('tool')\n"
    "    add_common_arguments(parser, tool='shared')\n"
    "    parser.parse_args(['{}'])\n"
)
FAILS = "from toolroll_shared.errors import TryLater\n" + WRITES
WRITERS = [
    pytest.param(WRITES + "write('x'); return 0", id="little"),
    pytest.param(WRITES + "write('x' * 1_000_000); return 0", id="much"),
    pytest.param(WRITES + "write_result('x'); return 0", id="result"),
    pytest.param(PARSES.format("--help"), id="help"),
    pytest.param(PARSES.format("--version"), id="version"),
]


@pytest.mark.parametrize("definitions", WRITERS)
def test_a_full_stdout_is_an_error(definitions: str) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123 - no path to speak of
        done = finish(program(definitions), stdout=full)
    assert (done.returncode, done.stderr) == (1, f"tool: stdout: {FULL}\n")


@pytest.mark.parametrize("definitions", WRITERS)
def test_a_closed_stdout_is_an_error(definitions: str) -> None:
    done = finish(in_shell(program(definitions), "{} >&-"))
    assert (done.returncode, done.stderr) == (1, "tool: stdout: stdout is closed\n")


@pytest.mark.parametrize("definitions", WRITERS)
def test_a_closed_pipe_ends_the_command_quietly(definitions: str) -> None:
    with nobody_reads() as pipe:
        done = finish(program(definitions), stdout=pipe)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_pipe_does_not_change_the_code_of_finished_work() -> None:
    with nobody_reads() as pipe:
        done = finish(program(WRITES + "write_result('x'); return 1"), stdout=pipe)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("failure", "code", "message"),
    [
        ("raise TryLater('what: why')", 75, "what: why"),
        ("raise KeyboardInterrupt", 130, "interrupted"),
        ("raise RuntimeError('x')", 70, f"internal error: RuntimeError: x {BUG}"),
    ],
)
@pytest.mark.parametrize("stdout", ["full", "pipe"])
def test_an_error_after_output_that_nobody_gets_keeps_its_code_and_line(
    failure: str, code: int, message: str, stdout: str
) -> None:
    command = program(FAILS + f"write('x'); {failure}")
    with nobody_reads() as pipe, open("/dev/full", "wb") as full:  # noqa: PTH123
        done = finish(command, stdout=pipe if stdout == "pipe" else full)
    assert (done.returncode, done.stderr) == (code, f"tool: {message}\n")


SAYS = (
    "from toolroll_shared.errors import UsageError\n"
    "from toolroll_shared.output import note, write\n"
    "def body():\n"
    "    for _ in range(3): note('tool', 'on it')\n"
    "    write('done\\n')\n"
)
STDERR = {"closed": "{} 2>&-", "full": "{} 2>/dev/full"}


@pytest.mark.parametrize("stderr", ["closed", "full", "broken pipe"])
@pytest.mark.parametrize(("last", "code"), [("return 0", 0), ("raise UsageError('no')", 2)])
def test_a_stderr_that_is_gone_stops_no_work_and_changes_no_code(
    stderr: str, last: str, code: int
) -> None:
    command = program(SAYS + f"    {last}")
    with nobody_reads() as pipe:
        if stderr in STDERR:
            done = finish(in_shell(command, STDERR[stderr]))
        else:
            done = finish(command, stderr=pipe)
    assert (done.returncode, done.stdout) == (code, "done\n")


def test_what_was_written_before_an_error_is_not_lost() -> None:
    done = finish(program(FAILS + "write('first\\n'); raise TryLater('what: why')"))
    assert (done.returncode, done.stdout) == (75, "first\n")


def test_starting_up_loads_nothing_heavy() -> None:
    loaded = "{'asyncio', 'structlog', 'rich', 'tenacity', 'sqlite3', 'json.decoder'}"
    source = (
        f"import sys, toolroll_shared.cli; print({loaded} - {{'json.decoder'}} & set(sys.modules))"
    )
    assert finish([sys.executable, "-c", source]).stdout == "set()\n"
