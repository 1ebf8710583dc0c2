"""Ends the command and what it started: asks, waits, and then does not ask any more."""

from __future__ import annotations

import signal

from .results import signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .agenda import Agenda
    from .family import Family
    from .limits import Limits
    from .processes import Process

    Say = Callable[[str], None]

AGAIN_S = 0.1
"""Seconds between two looks at what should have ended."""

GIVE_UP_S = 5.0
"""Seconds after KILL when a process counts as one that cannot be ended (it is another user's,
or waits for a broken disk), and is left alone."""


NAMED = 20
"""How many processes a message names; a longer one might wait for its reader."""


class Force:
    """Ends a family within its limits.

    Args:
        family: the command and its descendants.
        limits: which signal, how long until KILL, who is spared.
        agenda: where the next step is planned.
        say: told each step.

    Attributes:
        has_begun: whether a signal was sent, and not only passed on for somebody else.
        is_over: whether nothing more will be tried.
        outlived: those that outlived the command, by their numbers, each with its fate:
            `ended` by a signal, `killed`, `kept`, `left`.
    """

    def __init__(self, family: Family, limits: Limits, agenda: Agenda, say: Say) -> None:
        self.has_begun = False
        self.is_over = False
        self.outlived: dict[int, tuple[Process, str]] = {}
        self._family = family
        self._limits = limits
        self._agenda = agenda
        self._say = say
        self._told: set[int] = set()
        self._sent = limits.signal

    @property
    def is_at_work(self) -> bool:
        """Whether KILL will follow."""
        return self.kill in self._agenda or self._strike in self._agenda

    def ask(self, why: str) -> None:
        """Send the signal of the limits; KILL follows."""
        self.has_begun = True
        self._agenda.cancel(self.give_up)
        self._begin(lambda number: self._family.send(number, everyone=not self._family.is_led))
        self._say(f"{why}: sent {signal_name(self._limits.signal)}")
        self.say_who_is_out_of_reach()

    def ask_the_rest(self) -> None:
        """Likewise with what left the process group of a command that has ended now.

        It comes after the command, which may be about to end it in order: a run of ours, say.
        """
        self.stop()
        self._begin(self._family.send_to_the_rest)
        self.say_who_is_out_of_reach()

    def _begin(self, send: Callable[[int], None]) -> None:
        if self._limits.signal == signal.SIGKILL:
            self._strike()
            return
        send(self._limits.signal)
        self.kill_later(after=self._limits.signal)
        if self._limits.kill_after is None and not self._family.is_led:
            self._agenda.plan(self.give_up, self._limits.grace)

    def kill_later(self, *, after: int) -> None:
        """Let KILL follow a signal unless it will already."""
        if not self.is_at_work:
            self._sent = after
            self._agenda.plan(self.kill, self._limits.kill_after)

    def kill(self) -> None:
        """Send KILL, as often as something new turns up."""
        who = "the command" if self._family.is_led else "what it started"
        self.has_begun = True
        self._strike()
        self._say(f"{who} goes on after {signal_name(self._sent)}: sent KILL")
        self.say_who_is_out_of_reach()

    def _strike(self) -> None:
        """Send KILL, while there is the command first to its process group, and then to all."""
        is_first = self.give_up not in self._agenda
        if not self._family.is_led:
            self.note("killed")
        everyone = not (self._limits.keeps_descendants or (self._family.is_led and is_first))
        self._family.send(signal.SIGKILL, everyone=everyone)
        self._agenda.cancel(self.kill)
        self._agenda.plan(self._strike, AGAIN_S)
        self.give_up_later()

    def say_who_is_out_of_reach(self) -> None:
        """Say which processes cannot be signalled, each once."""
        for pid, name in self._family.untouchable.items():
            if pid not in self._told:
                self._told.add(pid)
                self._say(f"{name} ({pid}) is another user's: it cannot be signalled")

    def note(self, fate: str) -> str:
        """Note what becomes of those that are there, and return their names."""
        those = self._family.members()
        self.outlived |= {one.pid: (one, fate) for one in those}
        names = [f"{one.name} ({one.pid})" for one in those[:NAMED]]
        if len(those) > NAMED:
            names.append(f"and {len(those) - NAMED} more")
        return ", ".join(names)

    def give_up_later(self) -> None:
        """Let what cannot be ended be left alone after a while."""
        if self.give_up not in self._agenda:
            self._agenda.plan(self.give_up, GIVE_UP_S)

    def give_up(self) -> None:
        """Leave alone what cannot be ended."""
        self.stop()
        self.is_over = True
        names = self.note("left") or "something that cannot be seen"
        self._say(f"cannot be ended, and goes on: {names}")

    def stop(self) -> None:
        """Plan nothing more."""
        self._agenda.cancel(self.kill, self._strike, self.give_up)
