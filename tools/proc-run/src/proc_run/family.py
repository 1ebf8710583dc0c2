"""The command and all that it started, and signals to them."""

from __future__ import annotations

import os
import signal

from .processes import descendants, look_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .processes import Process

_NEEDS_NO_WAKING = {signal.SIGKILL, signal.SIGCONT}


class Family:
    """The command and its descendants: all the descendants that this process has.

    Args:
        pid: the command.
        leads_a_group: whether its process group is its own, not ours.

    Attributes:
        is_led: whether the command was not waited for yet, so that its number is its own.
        untouchable: names, by number, of those that signals of ours do not reach.
    """

    def __init__(self, pid: int, *, leads_a_group: bool) -> None:
        self.pid = pid
        self.leads_a_group = leads_a_group
        self.is_led = True
        self.untouchable: dict[int, str] = {}

    def members(self) -> list[Process]:
        """Return all that have not ended."""
        return descendants(os.getpid())

    def send(self, number: int, *, everyone: bool) -> None:
        """Send a signal, and wake who is stopped, to notice it.

        Args:
            number: the signal.
            everyone: also to those that have left the command's process group. In our own
                group, which others share, only descendants are meant.
        """
        numbers = [number] if number in _NEEDS_NO_WAKING else [number, signal.SIGCONT]
        if self.leads_a_group and self.is_led:
            self._send_to_group(numbers)
        for process in self._others(everyone=everyone):
            self._send(process, numbers)

    def _others(self, *, everyone: bool) -> Iterable[Process]:
        """Return who is to be signalled one by one."""
        if self.leads_a_group or not self.is_led:
            if not everyone:
                return []
            return [one for one in self.members() if not self.is_led or one.group != self.pid]
        ours = os.getpgrp()
        return [one for one in self.members() if everyone or one.group == ours]

    def _send_to_group(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                return
            except PermissionError:
                leader = look_at(self.pid)
                self.untouchable[self.pid] = leader.name if leader else "?"

    def _send(self, process: Process, numbers: Iterable[int]) -> None:
        for number in numbers:
            try:
                process.send(number)
            except PermissionError:
                self.untouchable[process.pid] = process.name
