"""GNU timeout(1) is given the same command, options and duration, and does the same.

Where proc-run differs on purpose, the table says with what, and why. What both print of their own
(`timeout: ...`, `proc-run: ...`) is not compared.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import argv
from tests.support.waiting import until

from .commands import TIMEOUT_S, exists, running, state_of

WINDOW_S = 4.0
"""How much later than expected either may end: others use the machine, too."""

IGNORES = "trap '' TERM; "
READY = "echo ready; "
TRAPS, WAITS = "trap 'exit 3' TERM; ", "while :; do sleep 0.05; done"
GRANDCHILD = "sleep 30 & exec sleep 30"  # whose output would be held open


@dataclass(frozen=True)
class Case:
    """What is run, and how both end: with what code, and after how many seconds."""

    code: int
    words: tuple[str, ...] = ("sleep", "30")
    duration: str = "20"
    options: tuple[str, ...] = ()
    takes: float = 0.0
    theirs: tuple[int, ...] = ()
    why: str = ""
    stdin: bytes = b""

    def timeout(self) -> list[str]:
        return ["timeout", *self.options, self.duration, *self.words]

    def proc_run(self) -> list[str]:
        return argv("proc_run", *self.options, f"--timeout={self.duration}", "--", *self.words)


def by_itself(code: int, *words: str, stdin: bytes = b"") -> Case:
    return Case(code, words, stdin=stdin)


def shell(code: int, script: str) -> Case:
    return Case(code, ("sh", "-c", script))


def late(code: int, options: str = "", script: str = "exec sleep 30", takes: float = 0.3) -> Case:
    """A command whose time is over after 0.3 s."""
    return Case(code, ("sh", "-c", script), "0.3", tuple(options.split()), takes)


def lasting(code: int, duration: str, *words: str, takes: float = 0.0) -> Case:
    return Case(code, words or ("true",), duration, takes=takes)


def other(code: int, theirs: int, why: str, duration: str = "20", options: str = "") -> Case:
    """A difference in what is understood."""
    words = ("true",) if duration == "20" else ("sleep", "0.2")
    return Case(code, words, duration, tuple(options.split()), theirs=(theirs,), why=why)


ENDED = {
    "success": by_itself(0, "true"),
    "failure": by_itself(1, "false"),
    "the largest code": shell(255, "exit 255"),
    "a code as of a signal": shell(143, "exit 143"),
    "both outputs": shell(4, "echo out; echo err >&2; exit 4"),
    "no output": shell(0, "exec >&- 2>&-; exit 0"),
    "input": by_itself(0, "cat", stdin=b"\0one\ntwo"),
    "no words but options of its own": by_itself(0, "printf", "%s|", "-k", "--signal", "--", ""),
    "death by HUP": shell(129, "kill -HUP $$"),
    "death by INT": shell(130, "kill -INT $$"),
    "death by QUIT": shell(131, "ulimit -c 0; kill -QUIT $$"),
    "death by ABRT": shell(134, "ulimit -c 0; kill -ABRT $$"),
    "death by KILL": shell(137, "kill -KILL $$"),
    "death by SEGV": shell(139, "ulimit -c 0; kill -SEGV $$"),
    "death by PIPE": shell(141, "kill -PIPE $$"),
    "death by TERM": shell(143, "kill -TERM $$"),
    "death by RTMIN": shell(162, "kill -34 $$"),
    "death by a closed pipe": shell(141, "sleep 0.1 | true; exec 3>&1; (yes; kill -13 $$) | :"),
}
LATE = {
    "TERM": late(124),
    "TERM by name": late(124, "-s TERM"),
    "INT": late(124, "-s INT"),
    "HUP": late(124, "--signal=HUP"),
    "QUIT": late(124, "-s QUIT", "ulimit -c 0; exec sleep 30"),
    "a name in full, in small letters": late(124, "-s sigusr1"),
    "a number": late(124, "-s 10"),
    "a real-time signal": late(124, "-s RTMIN+1"),
    "one counted from above": late(124, "-s RTMAX-1"),
    "KILL": late(137, "-s KILL"),
    "KILL by number": late(137, "-s9"),
    "KILL, and its status": late(137, "-s KILL --preserve-status"),
    "KILL, and KILL again": late(137, "-s KILL -k 0.1"),
    "TERM is ignored": late(137, "-k 0.2", IGNORES + "sleep 30", takes=0.5),
    "TERM is ignored, and its status": late(
        137, "--preserve-status -k 0.2", IGNORES + "sleep 30", takes=0.5
    ),
    "TERM is ignored in our group": late(
        137, "--foreground -k 0.2", "exec env --ignore-signal=TERM sleep 30", takes=0.5
    ),
    "TERM is ignored for a while": late(124, "-k 0", IGNORES + "sleep 1", takes=0.9),
    "it goes before KILL": late(124, "-k 9"),
    "it ends by itself": late(124, "", TRAPS + WAITS),
    "it ends by itself, and its status": late(3, "--preserve-status", TRAPS + WAITS),
    "it succeeds, and its status": late(0, "--preserve-status", "trap 'exit 0' INT TERM; sleep 9"),
    "it dies, and its status": late(143, "--preserve-status"),
    "it dies by INT, and its status": late(130, "--preserve-status -s INT"),
    "in our group": late(124, "--foreground"),
    "in our group, and its status": late(143, "--foreground --preserve-status"),
    "it is stopped": late(124, "", "kill -STOP $$"),
    "it is stopped, and traps": late(3, "--preserve-status", TRAPS + "kill -STOP $$"),
    "with a grandchild": late(124, "", GRANDCHILD),
    "with a grandchild, and KILL": late(137, "-s KILL", GRANDCHILD),
    "with a grandchild that ignores TERM": late(
        137, "-k 0.2", f"({IGNORES} sleep 30) & {IGNORES} wait; wait", takes=0.5
    ),
    "it wrote something": late(124, "", "echo first; echo second >&2; exec sleep 30"),
}
NOT_STARTED = {
    "not found": by_itself(127, "no-such-command"),
    "not found in a folder": by_itself(127, "./no-such-command"),
    "not executable": by_itself(126, "./plain"),
    "a folder": by_itself(126, "."),
    "below a file": by_itself(126, "./plain/below"),
    "no first line": by_itself(0, "./script", "a", "b c"),
    "no interpreter": by_itself(127, "./orphan"),
    "twice, and the first one has no first line": by_itself(0, "twice"),
    "not executable where it is searched": by_itself(126, "denied"),
    "no name": by_itself(127, ""),
    "no command": Case(125, ()),
    "a bad option": Case(125, ("true",), options=("--no-such-option",)),
    "a bad signal": Case(125, ("true",), options=("-s", "invalid")),
    "no signal": Case(125, ("true",), options=("-s", "")),
    "a signal too far": Case(125, ("true",), options=("-s", "65")),
    "a sum of signals": Case(125, ("true",), options=("-s", "TERM+1")),
}
DURATIONS = {
    **{text: lasting(0, text) for text in ("0", "0s", "0e99999", "1.5", "1.", "inf", "1d", "2.5h")},
    **{text: lasting(0, text) for text in ("9" * 30, "10e99999", "1e400d", "99999999999999999d")},
    **{text: lasting(124, text, "sleep", "30") for text in (".2", "1e-1", "0.002m", "2E-1s")},
    **{text: lasting(124, text, "sleep", "30") for text in ("1e-9", "0.00001h", "0.000001d")},
    **{
        text: lasting(125, text) for text in ("", "invalid", "42D", "1 s", "-1", "1,5", "1e", "nan")
    },
    "none": lasting(0, "0", "sleep", "0.3", takes=0.3),
    "at once": Case(
        124, ("sleep", "0.3"), "1e-10000", theirs=(0, 124), why="older ones take it for 0: none"
    ),
}
DIFFERENT = {
    "ms": other(124, 125, "what our other commands take, too", duration="9ms"),
    "weeks": other(0, 125, "what our other commands take, too", duration="1w"),
    "a sign": other(125, 0, "a duration has none", duration="+9"),
    "hexadecimal": other(125, 0, "nobody means that", duration="0x9"),
    "infinity": other(125, 0, "inf is enough", duration="infinity"),
    "signal 0": other(125, 0, "it does nothing, so there would be no limit", options="-s 0"),
    "an exit code": other(125, 0, "143 is no signal", options="-s 143"),
    "-v": other(125, 0, "a timeout is always told", options="-v"),
}
TABLES = {"ended": ENDED, "late": LATE, "start": NOT_STARTED, "for": DURATIONS, "not": DIFFERENT}


@pytest.fixture(scope="module", autouse=True)
def _needs_gnu_timeout() -> None:
    told = subprocess.run("timeout --version", shell=True, capture_output=True, check=False)  # noqa: S602
    if b"GNU coreutils" not in told.stdout:
        pytest.skip("needs the timeout(1) of GNU coreutils")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that can be run, and files that cannot."""
    for place in ("first", "second"):
        (tmp_path / place).mkdir()
    (tmp_path / "plain").touch()
    (tmp_path / "first" / "denied").touch()
    for name, text in [
        ("script", 'printf "%s|" "$@"'),
        ("orphan", "#!/no/such/interpreter\n"),
        ("first/twice", "echo first"),
        ("second/twice", "#!/bin/sh\necho second\n"),
    ]:
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return tmp_path


@dataclass(frozen=True)
class Done:
    code: int
    seconds: float
    stdout: bytes
    stderr: list[str]


def end_of(command: list[str], stdin: bytes, folder: Path) -> Done:
    """Run a command; dying of a signal counts as a shell counts it: proc-run never does."""
    started = time.monotonic()
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        cwd=folder,
        env={**os.environ, "PATH": f"first:second:{os.environ['PATH']}"},
        timeout=TIMEOUT_S,
        check=False,
        start_new_session=True,
    )
    seconds = time.monotonic() - started
    code = 128 - done.returncode if done.returncode < 0 else done.returncode
    own = re.compile("timeout: |proc-run: |Try 'timeout")
    told = [line for line in done.stderr.decode().splitlines() if not own.match(line)]
    return Done(code, seconds, done.stdout, told)


def both(case: Case, folder: Path) -> list[Done]:
    commands = (case.timeout(), case.proc_run())
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda command: end_of(command, case.stdin, folder), commands))


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=f"{of}: {name}") for of in TABLES for name, case in TABLES[of].items()],
)
def test_both_end_alike(case: Case, folder: Path) -> None:
    theirs, ours = both(case, folder)
    assert ours.code == case.code
    assert theirs.code in (case.theirs or (case.code,)), case.why
    for one in (theirs, ours):
        assert case.takes <= one.seconds < case.takes + WINDOW_S
    if not case.theirs:
        assert (ours.stdout, ours.stderr) == (theirs.stdout, theirs.stderr)


TOLD = {
    "TERM": (signal.SIGTERM, "", "exec sleep 30", 143),
    "INT": (signal.SIGINT, "", "exec sleep 30", 130),
    "HUP": (signal.SIGHUP, "", "exec sleep 30", 129),
    "TERM in our group": (signal.SIGTERM, "--foreground", "exec sleep 30", 143),
    "TERM, and its own code": (signal.SIGTERM, "", TRAPS + READY + WAITS, 3),
    "TERM with a grandchild": (signal.SIGTERM, "", GRANDCHILD, 143),
    "TERM with -s INT": (signal.SIGTERM, "-s INT", "exec sleep 30", 143),
    "TERM, and KILL": (signal.SIGTERM, "-k 0.2", IGNORES + READY + "sleep 30", 137),
    "INT, and KILL": (signal.SIGINT, "-k 0.2", "trap '' INT; " + READY + "sleep 30", 137),
    "INT, with a stopped command": (signal.SIGINT, "", "kill -STOP $$", 130),
}


@pytest.mark.parametrize("wrapper", [Case.timeout, Case.proc_run])
@pytest.mark.parametrize(("number", "options", "script", "code"), TOLD.values(), ids=TOLD)
def test_what_the_wrapper_is_sent_is_passed_on(
    wrapper: Callable[[Case], list[str]], number: int, options: str, script: str, code: int
) -> None:
    script = script if READY in script else READY + script
    case = Case(code, ("sh", "-c", script), options=tuple(options.split()))
    with subprocess.Popen(wrapper(case), stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        process.stdout.readline()
        until(lambda: state_of(process.pid) == "S")  # timeout(1) may not have left fork() yet
        process.send_signal(number)
        found = process.wait(TIMEOUT_S)
    assert (128 - found if found < 0 else found) == code


@pytest.mark.parametrize(("goes_on", "wrapper"), [(True, Case.timeout), (False, Case.proc_run)])
def test_only_proc_run_ends_a_descendant_that_left_the_group(
    goes_on: bool,  # noqa: FBT001
    wrapper: Callable[[Case], list[str]],
) -> None:
    """It is what people lose: a daemon that a timeout leaves behind."""
    script = "setsid sh -c 'echo $$; exec sleep 30 >&-' & wait"
    case = Case(124, ("sh", "-c", script), "0.5")
    done = subprocess.run(wrapper(case), stdout=subprocess.PIPE, check=False)
    pid = int(done.stdout)
    assert done.returncode == case.code
    assert exists(pid) == goes_on
    if goes_on:
        os.kill(pid, signal.SIGKILL)


def test_a_timeout_is_told_in_one_line() -> None:
    with running("-t", "0.3", "sleep", "30") as process:
        _, told = process.communicate(timeout=TIMEOUT_S)
    assert told == b"proc-run: timed out after 0.3s: sent TERM\n"
