"""The command and all that it started, and signals to them."""

from __future__ import annotations

import os
import signal

from .processes import descendants, fleeting_children, look_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .processes import Process

_NEEDS_NO_WAKING = {signal.SIGKILL, signal.SIGCONT}


def present_descendants() -> Collection[tuple[int, int]]:
    """Return `pid` and `start` of all that this process has: a shell's that became it by exec."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # as nearly always, and quicker to learn than by looking around
        return ()
    return {(one.pid, one.start) for one in descendants(os.getpid())}


class Family:
    """The command and its descendants: all the descendants that this process has got since.

    Args:
        pid: the command.
        leads_a_group: whether its process group is its own, not ours.
        strangers: `pid` and `start` of those that we had before.

    Attributes:
        is_led: whether the command was not waited for yet, so that its number is its own.
        untouchable: names, by number, of those that signals of ours do not reach.
    """

    def __init__(
        self, pid: int, *, leads_a_group: bool, strangers: Collection[tuple[int, int]] = ()
    ) -> None:
        self.pid = pid
        self.leads_a_group = leads_a_group
        self._strangers = strangers
        self._reached: set[int] = set()
        self.is_led = True
        self.untouchable: dict[int, str] = {}

    def members(self) -> list[Process]:
        """Return all that have not ended."""
        found = descendants(os.getpid(), without=self._strangers)
        if found or self._strangers or self.is_led:
            return found
        return fleeting_children()

    @property
    def has_left_strangers(self) -> bool:
        """Whether none of it is there, but others are that would be waited for in vain."""
        return bool(self._strangers) and not self.is_led and not self.members()

    def send(self, number: int, *, everyone: bool) -> None:
        """Send a signal, and wake who is stopped, to notice it.

        Args:
            number: the signal.
            everyone: also to those that have left the command's process group. In our own
                group, which others share, only descendants are meant.
        """
        self._send_to(self._others(everyone=everyone), number)

    def send_to_the_rest(self, number: int) -> None:
        """Send a signal to those that were in no process group to which one was sent before."""
        self._send_to([one for one in self.members() if one.group not in self._reached], number)

    def _send_to(self, those: Collection[Process], number: int) -> None:
        numbers = [number] if number in _NEEDS_NO_WAKING else [number, signal.SIGCONT]
        groups = {one.group for one in those if self._has_our_group(one)}
        if self.leads_a_group and self.is_led:
            groups.add(self.pid)
        for group in groups:
            self._send_to_group(group, numbers)
        for process in those:
            self._send(process, [0] if process.group in groups else numbers)  # 0: may we at all?

    def _has_our_group(self, process: Process) -> bool:
        """Tell whether only descendants can be in a process's group.

        A signal to the group also reaches those that it forks meanwhile, again and again.
        """
        is_the_command_s = self.leads_a_group and process.group == self.pid
        return is_the_command_s or process.session != os.getsid(0)

    def tell(self, number: int) -> None:
        """Send a signal to the command alone, which has not ended."""
        try:
            os.kill(self.pid, number)
        except PermissionError:
            self._cannot_reach_the_command()

    def _others(self, *, everyone: bool) -> list[Process]:
        """Return who is to be signalled, but for a group of which that need not be known."""
        if everyone:
            return self.members()
        if not self.is_led:
            return []
        groups = {command.group for command in [look_at(self.pid)] if command}
        groups.add(self.pid if self.leads_a_group else os.getpgrp())
        self._reached |= groups
        if groups == {self.pid}:
            return []
        return [one for one in self.members() if one.group in groups]

    def _send_to_group(self, group: int, numbers: Iterable[int]) -> None:
        for number in numbers:
            try:
                os.killpg(group, number)
            except ProcessLookupError:
                return
            except PermissionError:
                if group == self.pid:
                    self._cannot_reach_the_command()

    def _cannot_reach_the_command(self) -> None:
        leader = look_at(self.pid)
        self.untouchable[self.pid] = leader.name if leader else "?"

    def _send(self, process: Process, numbers: Iterable[int]) -> None:
        for number in numbers:
            try:
                process.send(number)
            except PermissionError:
                self.untouchable[process.pid] = process.name
