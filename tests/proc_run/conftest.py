"""An end for each test: one that would wait for ever fails where it waits."""

import signal
from collections.abc import Iterator

import pytest

LIMIT_S = 90.0
"""Never reached when all is well: on a busy machine the slowest test takes a ninth of it.

It is longer than any wait that has a limit of its own, which tells more of what is wrong."""

CLEANING_UP_S = 30.0
"""What is left to a test that has failed so."""

AGAIN_S = 2.0
"""Python hears of a signal that comes just before it waits when another one comes."""


@pytest.fixture(autouse=True)
def an_end() -> Iterator[None]:
    """Interrupt what the test waits for: the output or the end of a process, mostly."""

    def give_up(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, CLEANING_UP_S, AGAIN_S)
        raise TimeoutError("the test waits for something that does not come")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S, AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
