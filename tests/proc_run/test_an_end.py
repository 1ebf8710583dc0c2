"""A test that waits for what does not come is ended, and what it runs with it."""

import signal
import subprocess

import pytest

from tests.proc_run.commands import HEARS, exists, python, running
from tests.support.waiting import until

ENDS_WITH_ITS_INPUT = python(f"""{HEARS}
hear([signal.SIGTERM])
os.write(1, b"%d\\n" % os.getpid())
os.read(0, 1)
""")


def wait_in_vain(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdout is not None
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    process.stdout.readline()


def test_a_wait_for_what_never_comes_is_ended() -> None:
    with running(*ENDS_WITH_ITS_INPUT, stdin=subprocess.PIPE) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        with pytest.raises(TimeoutError, match="does not come"):
            wait_in_vain(process)
    until(lambda: not exists(pid))
