"""Signals as events: blocked, and read from a descriptor when there is time for them.

So none interrupts anything, none is lost, and each tells whether somebody sent it or a key
of the terminal, which reaches the whole process group.
"""

from __future__ import annotations

import math
import os
import select
import signal
import time

from .linux import FROM_THE_KERNEL, pending_signals, signal_descriptor

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Somebody wants the command to end."""

TOLD = (signal.SIGUSR1, signal.SIGUSR2)
"""They are passed on, and mean what the command says they mean."""

LONGEST_WAIT_S = 3600.0
"""poll() takes no more than 24 days; whoever waits looks at the clock again."""


class Heard:
    """A signal that came: its number, and whether the terminal sent it to the whole group."""

    def __init__(self, number: int, *, by_terminal: bool) -> None:
        self.number = number
        self.by_terminal = by_terminal


class Hearing:
    """Hears signals from now on, for the rest of this process.

    Signals that our parent had us ignore stay ignored, as the command will ignore them.

    Attributes:
        descriptor: readable when a signal came.
        mask: the signals that were blocked before: what the command gets.
    """

    def __init__(self) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, no child would tell how it ended
        numbers: set[int] = {signal.SIGCHLD, signal.SIGCONT, signal.SIGWINCH}
        numbers |= {
            number for number in ENDING + TOLD if signal.getsignal(number) != signal.SIG_IGN
        }
        self.mask = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        self.descriptor = signal_descriptor(numbers)

    def take(self) -> list[Heard]:
        """Return what came since the last time, at once."""
        return [
            Heard(number, by_terminal=code == FROM_THE_KERNEL and not _is_for_us_alone(number))
            for number, code in pending_signals(self.descriptor)
        ]

    def sleep(self, seconds: float) -> Heard | None:
        """Wait, but not beyond a signal that wants an end; return that one."""
        until = time.monotonic() + seconds
        while True:
            for heard in self.take():
                if heard.number in ENDING:
                    return heard
            left = until - time.monotonic()
            if left <= 0:
                return None
            wait_for({self.descriptor: select.POLLIN}, left)


def _is_for_us_alone(number: int) -> bool:
    """Tell whether the terminal sends a signal to nobody else: its hangup, to who leads a session.

    What a key sends reaches the whole process group, and so does what a leader's end leads to.
    """
    return number == signal.SIGHUP and os.getsid(0) == os.getpid()


def wait_for(descriptors: dict[int, int], seconds: float) -> list[int]:
    """Return those descriptors for which one of their poll() events came, within that time."""
    poll = select.poll()
    for descriptor, events in descriptors.items():
        poll.register(descriptor, events)
    milliseconds = math.ceil(max(0.0, min(seconds, LONGEST_WAIT_S)) * 1000)
    return [descriptor for descriptor, _ in poll.poll(milliseconds)]
