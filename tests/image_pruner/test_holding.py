"""Work that signals wait for."""

import signal
import sys

import pytest

from tests.support.waiting import until_it_ends_by
from tests.toolroll_shared.programs import await_line, end, finish, program, start

HELD = """
import os, signal
from image_pruner.holding import held
reader, writer = os.pipe()
os.set_blocking(writer, False)
signal.set_wakeup_fd(writer)  # tells of a signal that came
def body():
    with held():
        print("ready", flush=True)
        os.read(reader, 1)
        print("whole", flush=True)
        {more}
    print("never", flush=True)
"""


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_waits_for_the_work(number: signal.Signals, code: int, word: str) -> None:
    process = start(program(HELD.format(more="")))
    process.send_signal(number)
    assert end(process) == (code, "whole\n", f"tool: {word}\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_does_not(number: signal.Signals, code: int) -> None:
    process = start(program(HELD.format(more="while True: signal.pause()")))
    process.send_signal(number)
    await_line(process, "whole")
    until_it_ends_by(number, process)
    assert end(process)[:2] == (code, "")


def test_it_works_in_a_program_that_is_not_ours_too() -> None:
    lines = (
        "import os, signal, threading",
        "from image_pruner.holding import held",
        "try:",
        "    with held():",
        "        os.kill(os.getpid(), signal.SIGINT)",
        "        print('whole')",
        "except KeyboardInterrupt:",
        "    print('then')",
        "try:",
        "    with held():",
        "        os.kill(os.getpid(), signal.SIGINT)",
        "        os.kill(os.getpid(), signal.SIGINT)",
        "        print('never')",
        "except KeyboardInterrupt:",
        "    print('at once')",
        "def work():",
        "    with held():",
        "        print('threads hear no signals')",
        "threading.Thread(target=work).start()",
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler",
    )
    done = finish([sys.executable, "-c", "\n".join(lines)])
    assert done.stdout.splitlines() == ["whole", "then", "at once", "threads hear no signals"]
    assert done.stderr == ""


def test_a_signal_that_our_parent_ignores_stays_ignored() -> None:
    lines = (
        "import os, signal",
        "from image_pruner.holding import held",
        "signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "with held():",
        "    os.kill(os.getpid(), signal.SIGINT)",
        "    os.kill(os.getpid(), signal.SIGINT)",
        "print('whole')",
    )
    assert finish([sys.executable, "-c", "\n".join(lines)]).stdout == "whole\n"
