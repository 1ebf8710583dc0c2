"""Where the options end and the command begins that is to be run."""

from __future__ import annotations

import sys

from toolroll_shared.cli import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


class CommandParser(Parser):
    """A parser of options that stand before a command."""

    def parse_before_command(
        self, argv: Sequence[str] | None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the options before a command that is to be run; return them and its words.

        The command begins with the first word that is no option's, or behind the first `--`;
        what follows belongs to it, whatever it looks like.
        """
        words = list(sys.argv[1:] if argv is None else argv)
        end = 0
        while end < len(words) and words[end].startswith("-") and words[end] not in {"-", "--"}:
            end += 2 if self._takes_the_next(words[end]) else 1
        command = words[end + 1 :] if words[end : end + 1] == ["--"] else words[end:]
        return self.parse_args(words[:end]), command

    def _takes_the_next(self, word: str) -> bool:
        """Tell whether an option's value is the word behind it."""
        if word.startswith("--"):
            return self._has_value(word)
        for place, letter in enumerate(word[1:], 2):
            if self._has_value(f"-{letter}"):
                return place == len(word)
        return False

    def _has_value(self, option: str) -> bool:
        action = self._option_string_actions.get(option)
        return action is not None and action.nargs != 0
