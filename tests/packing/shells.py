"""Real shells that are asked what a line can go on with.

bash and zsh have a terminal, type the line, insert all that they would offer into it (both have
a widget for that), and tell the line. fish answers `complete -C`.
"""

import os
import pty
import select
import shlex
import subprocess
import time
import tty
from contextlib import suppress
from pathlib import Path
from typing import Protocol

DEADLINE_S = 60
"""For one answer; they take some milliseconds, the first one of zsh a second."""

OFFER, TELL = b"\x18a", b"\x18s"
"""Ctrl+X a inserts all that is offered, Ctrl+X s tells the line."""

BASH_SETTINGS = r"""
PS1='> '
bind 'set bell-style none' 'set enable-bracketed-paste off'
bind '"\C-xa": insert-completions'
tell() { printf '%s\0' "$READLINE_LINE" >&"$ANSWERS"; READLINE_LINE=; }
bind -x '"\C-xs": tell'
"""
ZSH_SETTINGS = """
PS1='> ' LISTMAX=0
unsetopt beep
autoload -U compinit
compinit -u -D
offer() { _main_complete; compstate[insert]=all compstate[list]=; }
zle -C offer complete-word offer
bindkey '^Xa' offer
tell() { print -rN -u $ANSWERS -- "$BUFFER"; BUFFER=; }
zle -N tell
bindkey '^Xs' tell
"""
FISH_SETTINGS = r"while read -z line; complete -C $line; printf '\0'; end"


class Shell(Protocol):
    """A shell that can be asked."""

    def offers(self, before: str, word: str = "") -> list[str]:
        """Return what it offers for a word, sorted, as a command would get it.

        Args:
            before: the line up to the word; behind a `=`, this ends with it.
            word: how the word begins, as it is typed.
        """

    def close(self) -> None:
        """End it."""


class Typed:
    """A shell in a terminal."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self._terminal, inner = pty.openpty()
        tty.setraw(inner)  # what is typed before the shell is ready waits, as it is
        self._answers, told = os.pipe()
        settings = environment | {"TERM": "dumb", "ANSWERS": str(told)}
        self._process = subprocess.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            cwd=folder,
            env=settings,
            pass_fds=[told],
            start_new_session=True,
        )
        os.close(inner)
        os.close(told)
        self.shown = b""

    def offers(self, before: str, word: str = "") -> list[str]:
        line = self.line(before + word)
        assert line.startswith(before), line
        found = [] if line == before + word else shlex.split(line[len(before) :])
        return sorted(one.removeprefix(_begun(before)) for one in found)

    def line(self, typed: str, *, back: int = 0) -> str:
        """Return what a line is with all that is offered; the cursor is so far from its end."""
        os.write(self._terminal, typed.encode() + b"\x02" * back + OFFER + TELL)
        deadline = time.monotonic() + DEADLINE_S
        answer = b""
        while not answer.endswith(b"\0"):
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._terminal, self._answers], [], [], max(0, left))
            assert ready, f"no answer to {typed!r}: {self.shown[-1000:]!r}"
            if self._terminal in ready:
                self.shown += os.read(self._terminal, 65536)
            if self._answers in ready:
                answer += (part := os.read(self._answers, 65536))
                assert part, f"it ended: {self.shown[-1000:]!r}"
        return answer[:-1].decode()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)
        os.close(self._answers)


class Fish:
    """fish, which needs no terminal for it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["fish", "-c", FISH_SETTINGS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env=environment,
        )

    def offers(self, before: str, word: str = "") -> list[str]:
        assert self._process.stdin
        self._process.stdin.write(f"{before}{word}\0".encode())
        self._process.stdin.flush()
        found = [line.partition("\t")[0] for line in self._answer().splitlines()]
        return sorted(one.removeprefix(_begun(before)) for one in found)

    def _answer(self) -> str:
        assert self._process.stdout
        answer = b""
        deadline = time.monotonic() + DEADLINE_S
        while not answer.endswith(b"\0"):
            left = deadline - time.monotonic()
            assert select.select([self._process.stdout], [], [], max(0, left))[0], answer
            answer += (part := os.read(self._process.stdout.fileno(), 65536))
            assert part, "fish ended"
        return answer[:-1].decode()

    def close(self) -> None:
        self._process.kill()
        with suppress(BrokenPipeError):
            self._process.communicate()


def _begun(before: str) -> str:
    """Return `--option=`, if a line ends so: some repeat it before each value."""
    return shlex.split(before)[-1] if before.endswith("=") else ""
