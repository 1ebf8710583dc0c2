"""A tool of several commands, one of which is meant where none is named."""

from __future__ import annotations

import sys

from .cli import Parser, add_common_arguments, add_version_argument
from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from .logs import Journal


class Command:
    """One of a tool's commands.

    Args:
        add_arguments: adds its arguments to a parser, and as the default `run` what takes them
            and a log, and returns the exit code.
        usage: what follows its name in a usage line.
        description: the start of its help.
    """

    def __init__(
        self, add_arguments: Callable[[argparse.ArgumentParser], None], usage: str, description: str
    ) -> None:
        self.add_arguments = add_arguments
        self.usage = usage
        self.description = description


class Commands:
    """A tool's commands.

    Args:
        tool: its name.
        description: the start of its help.
        commands: by their names.
        operand: what the first one takes, which is meant where none is named; for messages.
            There is a slash in each. None: a command has to be named.
    """

    def __init__(
        self,
        *,
        tool: str,
        description: str,
        commands: Mapping[str, Command],
        operand: str | None = None,
    ) -> None:
        self.tool = tool
        self.description = description
        self.commands = commands
        self.operand = operand

    def run(self, argv: Sequence[str] | None, journal: Journal) -> int:
        """Run the command that the arguments name, and return its exit code.

        Args:
            argv: the arguments; None: those of the process.
            journal: of the run.

        Raises:
            ToolError: as the command does; `UsageError` for arguments that make no sense.
        """
        arguments = self._parse(sys.argv[1:] if argv is None else argv, journal)
        code: int = arguments.run(arguments, journal.open(arguments.log_json))
        return code

    def parser(self) -> Parser:
        """Return the parser of what comes without a command."""
        usage = f"{self.tool} {'COMMAND' if self.operand is None else '[COMMAND]'} ..."
        parser = Parser(self.tool, description=self.description, usage=usage)
        add_version_argument(parser, tool=self.tool)
        return parser

    def parser_of(self, name: str) -> Parser:
        """Return the parser of what comes behind a command's name."""
        command = self.commands[name]
        usage = f"%(prog)s {command.usage}"
        parser = Parser(f"{self.tool} {name}", usage=usage, description=command.description)
        command.add_arguments(parser)
        add_common_arguments(parser, tool=self.tool)
        return parser

    def _parse(self, argv: Sequence[str], journal: Journal) -> argparse.Namespace:
        first = argv[0] if argv else "-"
        if first in {"-h", "--help", "--version"}:
            return self.parser().parse_args(argv)
        if first in self.commands:
            journal.command = f"{self.tool} {first}"
            return self.parser_of(first).parse(argv[1:])
        if self.operand is None:
            raise UsageError(self._complaint(argv))
        if not first.startswith("-") and "/" not in first:
            names = ", ".join(self.commands)
            raise UsageError(f"{first!r} is neither {self.operand} nor a command ({names})")
        default = next(iter(self.commands))
        journal.command = f"{self.tool} {default}"
        try:
            return self.parser_of(default).parse(argv)
        except UsageError as error:
            if late := [one for one in argv if one in self.commands]:
                raise UsageError(f"the command comes first: {self.tool} {late[0]} ...") from error
            raise

    def _complaint(self, argv: Sequence[str]) -> str:
        names = ", ".join(self.commands)
        if late := [one for one in argv if one in self.commands]:
            return f"the command comes first: {self.tool} {late[0]} ..."
        if argv and not argv[0].startswith("-"):
            return f"{argv[0]!r} is no command (they are {names})"
        return f"which command? {names} (see '{self.tool} --help')"
