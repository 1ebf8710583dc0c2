"""What there is to complete and to describe: every command, as its own argparse parsers tell it.

One model for the shells' completions and the man pages. It knows no shell and no markup.
"""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from importlib import import_module
from typing import Any

from toolroll_shared.commands import Commands


class Kind(Enum):
    """What a value is, for somebody who completes it."""

    NONE = "none"
    """Nothing that can be known: a number, a name, an address."""
    FILE = "file"
    DIRECTORY = "dir"
    WORDS = "words"


_KINDS = {
    Kind.FILE: {"CURSOR", "FILE", "NDJSON", "OUT", "PATH"},
    Kind.DIRECTORY: {"DIR"},
    Kind.NONE: {
        *("CODE", "CONTAINER", "DAYS", "DURATION", "GLOB", "HOST:PORT", "ID", "INSTANT", "ISO8601"),
        *("KEY", "KEY[=VALUE]", "KIND/NAME", "LINE", "N", "NAME", "NEEDLE", "NS", "OWNER/REPO"),
        *("PID", "POD", "PREFIX", "REGEX", "S", "SELECTOR", "SIZE", "TIME", "TYPES", "URL"),
        *("[HOST/]OWNER/REPO",),
    },
}
_WORDS = {"SIGNAL": ("HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "CONT", "STOP")}
"""A few that are meant, of more that are allowed."""


@dataclass(frozen=True)
class Value:
    """What an option or an operand takes."""

    name: str
    kind: Kind
    words: tuple[str, ...] = ()
    many: bool = False
    """Whether more than one may follow."""


@dataclass(frozen=True)
class Option:
    """An option by all its names."""

    flags: tuple[str, ...]
    help: str
    value: Value | None
    repeatable: bool
    rivals: tuple[str, ...]
    """The flags that it excludes."""

    @property
    def spent(self) -> tuple[str, ...]:
        """What makes no sense any more once it is there, itself included."""
        return self.rivals if self.repeatable else (*self.flags, *self.rivals)


@dataclass(frozen=True)
class Group:
    """Options that stand together in the help."""

    title: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Part:
    """A command without subcommands, or one of its subcommands."""

    usage: tuple[str, ...]
    description: str
    operands: tuple[tuple[Value, str], ...] = ()
    groups: tuple[Group, ...] = ()

    @property
    def options(self) -> tuple[Option, ...]:
        """All options, in the order of the help."""
        return tuple(option for group in self.groups for option in group.options)

    @property
    def completed(self) -> list[Value]:
        """The operands as they come; behind any number of one nobody can tell what is next."""
        values = [value for value, _ in self.operands]
        ends = [place for place, value in enumerate(values, 1) if value.many]
        return values[: ends[0]] if ends else values


@dataclass(frozen=True)
class Command:
    """A command as a user types it.

    Args:
        name: the word.
        root: what follows it where no subcommand is named.
        subcommands: by their names.
        default: the subcommand that is meant where none is named.
        runs: whether another command follows: `--` only behind a `--`, `CMD` also without.
    """

    name: str
    root: Part
    subcommands: dict[str, Part] = field(default_factory=dict)
    default: str | None = None
    runs: str | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """What there is to complete: by subcommand; `""` is what comes without one."""
        return {"": self.subcommands[self.default] if self.default else self.root} | (
            self.subcommands
        )


def command(name: str, module: str) -> Command:
    """Return a command, as its module's `cli` describes it."""
    cli = import_module(f"{module}.cli")
    commands: Commands | None = getattr(cli, "COMMANDS", None)
    builder = getattr(cli, "build_parser", None)
    root = _part(builder() if builder else commands.parser() if commands else None)
    if commands is None:
        return Command(name, root, runs=_runs(root))
    parts = {one: _part(commands.parser_of(one)) for one in commands.commands}
    default = next(iter(parts)) if commands.operand else None
    return Command(name, root, parts, default, _runs(root))


def _runs(root: Part) -> str | None:
    usage = root.usage[0]
    return "CMD" if "[--] CMD" in usage else "--" if "-- CMD" in usage else None


def _part(parser: argparse.ArgumentParser | None) -> Part:
    if parser is None:
        raise TypeError("a cli has COMMANDS or build_parser()")
    operands = tuple((_value(one), _help(parser, one)) for one in _operands(parser))
    groups = tuple(
        Group(group.title or "options", options)
        for group in parser._action_groups
        if (options := tuple(_options(parser, group)))
    )
    description = (parser.description or "").strip()
    return Part(_usage(parser), description, operands, groups)


def _usage(parser: argparse.ArgumentParser) -> tuple[str, ...]:
    """Return the usage by lines; where there is none, argparse's own would differ by version."""
    if parser.usage:
        lines = (parser.usage % {"prog": parser.prog}).splitlines()
        return tuple(line.strip() for line in lines)
    words = [_shown(one) for one in _operands(parser)]
    return (" ".join([parser.prog, "[OPTIONS]", *words]),)


def _shown(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest)
    return {"*": f"[{name}...]", "+": f"{name}...", "?": f"[{name}]"}.get(str(action.nargs), name)


def _operands(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [one for one in parser._actions if not one.option_strings]


def _options(parser: argparse.ArgumentParser, group: argparse._ArgumentGroup) -> Iterator[Option]:
    for action in group._group_actions:
        if action.option_strings and action.help != argparse.SUPPRESS:
            yield Option(
                flags=tuple(action.option_strings),
                help=_help(parser, action),
                value=None if action.nargs == 0 else _value(action),
                repeatable=isinstance(action, argparse._AppendAction | argparse._ExtendAction),
                rivals=tuple(_rivals(parser, action)),
            )


def _rivals(parser: argparse.ArgumentParser, action: argparse.Action) -> Iterator[str]:
    for group in parser._mutually_exclusive_groups:
        if action in group._group_actions:
            for other in group._group_actions:
                if other is not action:
                    yield from other.option_strings


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    values: dict[str, Any] = vars(action) | {"prog": parser.prog}
    return " ".join(((action.help or "") % values).split())


def _value(action: argparse.Action) -> Value:
    many = action.nargs in {"*", "+"}
    if action.choices is not None:
        words = tuple(map(str, action.choices))
        return Value(f"{{{','.join(words)}}}", Kind.WORDS, words, many)
    name = str(action.metavar or action.dest)
    if name in _WORDS:
        return Value(name, Kind.WORDS, _WORDS[name], many)
    return Value(name, _kind(name), many=many)


def _kind(name: str) -> Kind:
    for kind, names in _KINDS.items():
        if name in names:
            return kind
    raise LookupError(f"is {name} a file, a directory or neither? say it in packing/model.py")


def brief(text: str) -> str:
    """Return the start of an option's help that fits beside it in a menu."""
    return re.split(r"; | \(|: |, as in ", text)[0].strip()


def gist(text: str) -> str:
    """Return what a description says first, as a phrase."""
    sentence = re.split(r"[.;:](?:\s|$)", " ".join(text.split()), maxsplit=1)[0]
    return sentence[0].lower() + sentence[1:]
