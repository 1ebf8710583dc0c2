"""From a command's start to the end of the last process that it left behind.

One loop waits for signals, output and the clock. Nothing in it waits for anything else, so
no reader, descendant or command that goes on for ever keeps a limit from being kept.
"""

from __future__ import annotations

import os
import select
import signal
import time

from .agenda import Agenda
from .force import Force
from .hearing import ENDING, TOLD, wait_for
from .results import Ending, signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .family import Family
    from .hearing import Heard, Hearing
    from .limits import Limits
    from .plumbing import Connection

    Say = Callable[[str], None]

SOON_S = 0.02
"""Seconds until another look for what is there, as wait(2) says, but was not found."""

AT_ONCE = 50
"""How many processes are waited for before anything else has its turn."""


class Run:
    """A command that was just started.

    Args:
        family: the command and its descendants.
        connection: its streams.
        limits: what is allowed to it.
        hearing: signals.
        started: when, in monotonic seconds.
        mirrors_stops: whether we stop when it does, for a shell to see.
        say: told what a user should know.
    """

    def __init__(  # noqa: PLR0913 - the parts of a run
        self,
        family: Family,
        connection: Connection,
        limits: Limits,
        hearing: Hearing,
        *,
        started: float,
        mirrors_stops: bool,
        say: Say,
    ) -> None:
        self._family = family
        self._connection = connection
        self._streams = connection.streams
        self._limits = limits
        self._hearing = hearing
        self._mirrors_stops = mirrors_stops
        self._say = say
        self._agenda = Agenda()
        self._force = Force(family, limits, self._agenda, say)
        self._started = started
        self._is_alone = False
        self._ending = Ending(family.pid)

    def to_its_end(self) -> Ending:
        """Wait until the command and, unless they are spared, its descendants have ended."""
        self._agenda.plan(self._time_out, self._limits.timeout)
        self._agenda.plan(self._idle_out, self._limits.idle_timeout)
        while not self._is_over():
            self._wait()
            self._agenda.do_what_is_due()
            if self._force.is_over:
                self._stop_reading("what goes on")
        self._ending.descendants = [
            (process.pid, process.name, fate) for process, fate in self._force.outlived.values()
        ]
        return self._ending

    def _is_over(self) -> bool:
        has_ended = self._force.is_over or (self._is_alone and not self._family.is_led)
        return has_ended and all(stream.is_over for stream in self._streams)

    def _wait(self) -> None:
        events = {self._hearing.descriptor: select.POLLIN}
        for descriptor, event in self._wanted():
            events[descriptor] = events.get(descriptor, 0) | event
        ready = wait_for(events, self._agenda.seconds)
        self._move(ready)
        if self._hearing.descriptor in ready:
            heard = self._hearing.take()
            for one in sorted(heard, key=lambda each: each.number != signal.SIGCONT):
                self._heed(one)

    # output, and input for a terminal

    def _wanted(self) -> Iterator[tuple[int, int]]:
        for stream in self._streams:
            if not stream.is_over:
                yield stream.waits_for
        if wanted := self._connection.input_waits_for:
            yield wanted

    def _move(self, ready: list[int]) -> None:
        """Pass on what came. While a reader of ours is slow, silence is not the command's."""
        wanted = self._connection.input_waits_for
        if wanted and wanted[0] in ready:
            self._connection.feed_it()
        moved = [
            stream.step()
            for stream in self._streams
            if not stream.is_over and stream.waits_for[0] in ready
        ]
        if not any(moved):
            return
        if self._limits.idle_timeout is not None and self._may_time_out():
            is_slow = any(stream.waits_for_its_reader for stream in self._streams)
            self._agenda.plan(self._idle_out, None if is_slow else self._limits.idle_timeout)
        if self._leave_the_reader in self._agenda:
            self._agenda.plan(self._leave_the_reader, self._limits.kill_after)

    # signals

    def _heed(self, heard: Heard) -> None:
        if heard.number == signal.SIGCHLD:
            self._reap()
        elif heard.number == signal.SIGCONT:
            self._go_on()
        elif heard.number == signal.SIGWINCH:
            self._connection.resize()
        elif heard.number in TOLD and self._family.is_led:
            self._family.tell(heard.number)
        elif heard.number in ENDING:
            self._ending.is_wanted = True
            if self._family.is_led:
                self._pass_on(heard)
            else:
                self._hurry()

    def _pass_on(self, heard: Heard) -> None:
        """Send the command what we were sent, unless the terminal sent it to both of us."""
        self._ending.passed_on.append(signal_name(heard.number))
        if self._family.leads_a_group or not heard.by_terminal:
            self._family.send(heard.number, everyone=False)
        self._force.say_who_is_out_of_reach()
        if self._limits.kills_after_signals:
            self._force.kill_later(after=heard.number)

    def _hurry(self) -> None:
        """The command has ended, and somebody wants an end of what is left, too."""
        if self._is_alone or self._force.is_over:
            for stream in self._streams:
                stream.drop()
        elif self._force.is_at_work:
            self._force.kill()
        else:
            self._linger()

    def _go_on(self) -> None:
        """Somebody continued us: we do so with the command."""
        self._connection.begin_again()
        self._family.send(signal.SIGCONT, everyone=False)
        if self._idle_out in self._agenda:
            self._agenda.plan(self._idle_out, self._limits.idle_timeout)

    # the command's end

    def _reap(self) -> None:
        """Wait for those that have ended; those that come too fast have to leave us time."""
        for _ in range(AT_ONCE):
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG | os.WUNTRACED)
            except ChildProcessError:
                self._be_alone()
                return
            if not pid:
                if self._family.has_left_strangers:
                    self._be_alone()
                return
            if os.WIFSTOPPED(status):
                self._note_stop(pid, os.WSTOPSIG(status))
                continue
            self._ending.usage.add(usage)
            if pid == self._family.pid:
                self._note_end(status)
        self._agenda.plan(self._reap, 0.0)

    def _note_stop(self, pid: int, number: int) -> None:
        if pid != self._family.pid:
            return
        if self._mirrors_stops:
            os.kill(os.getpid(), signal.SIGSTOP)  # until somebody continues us
        else:
            self._say(f"the command was stopped by {signal_name(number)} (kill -CONT {pid})")

    def _note_end(self, status: int) -> None:
        self._family.is_led = False
        self._ending.status = status
        self._ending.duration_s = time.monotonic() - self._started
        self._agenda.cancel(self._time_out, self._idle_out)
        self._connection.command_ended()
        if self._ending.timed_out:
            self._agenda.plan(self._leave_the_reader, self._limits.kill_after)
        if self._force.has_begun and not self._limits.keeps_descendants:
            self._force.ask_the_rest()
        else:  # what is left is spared, or has its time of grace
            self._force.stop()
            self._agenda.plan(self._linger, self._grace)

    @property
    def _grace(self) -> float:
        """Seconds until the next look: none where there is nothing to wait for."""
        is_free = self._limits.keeps_descendants and not self._streams
        return 0.0 if is_free else self._limits.grace

    def _be_alone(self) -> None:
        """No descendant is left; who still holds a stream open is a stranger."""
        if not self._is_alone:
            self._is_alone = True
            self._force.stop()
            if self._linger not in self._agenda:
                self._agenda.plan(self._linger, self._limits.grace)

    # limits

    def _may_time_out(self) -> bool:
        return self._family.is_led and not self._ending.timed_out

    def _time_out(self) -> None:
        self._end_it("timeout", f"timed out after {self._limits.timeout:g}s")

    def _idle_out(self) -> None:
        self._end_it("idle_timeout", f"wrote nothing for {self._limits.idle_timeout:g}s")

    def _end_it(self, outcome: str, why: str) -> None:
        self._agenda.cancel(self._time_out, self._idle_out)
        self._ending.timed_out = outcome
        self._force.ask(why)

    def _linger(self) -> None:
        """The command has ended, and what outlived it had its time of grace."""
        if self._is_alone:
            self._stop_reading("a process that is no descendant")
        elif self._limits.keeps_descendants:
            if names := self._force.note("kept"):
                self._say(f"goes on after the command: {names}")
            self._force.is_over = True
        elif names := self._force.note("ended"):
            self._force.ask(f"goes on after the command: {names}")
        else:  # it is about to be waited for, was missed as it forked, or /proc does not show it
            self._agenda.plan(self._linger, SOON_S)
            self._force.give_up_later()

    def _leave_the_reader(self) -> None:
        """A limit was reached, and then nobody took output for as long as a command may go on."""
        for stream in self._streams:
            if stream.waits_for_its_reader:
                self._say(f"{stream.name} has a reader that takes nothing: the rest is dropped")
                stream.drop()

    def _stop_reading(self, holder: str) -> None:
        """Read what is there now, and leave the rest to nobody."""
        open_ones = [stream for stream in self._streams if stream.goes_on]
        for stream in open_ones:
            stream.finish()
        if open_ones:
            names = " and ".join(stream.name for stream in open_ones)
            self._say(f"{names} held open by {holder}: not read any longer")
