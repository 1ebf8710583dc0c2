"""The man page of a command; its subcommands are sections of it.

One page, since `man release-mirror` is what people type and `/verify` finds the rest.
"""

import re
from dataclasses import dataclass

from packing.manual.names import ALWAYS, SEE_ALSO, VARIABLES
from packing.manual.readme import examples, exit_codes
from packing.manual.roff import bold, description, escaped, italic, item
from packing.model import Command, Option, Part, Value

_VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]*)|\b([A-Z]+(?:_[A-Z0-9]+)+)\b")


@dataclass(frozen=True)
class Tool:
    """What a page tells of the tool that a command belongs to."""

    version: str
    readme: str
    commands: tuple[str, ...]


def page(command: Command, *, tool: Tool, gist: str, date: str) -> str:
    """Return the text of a man page.

    Args:
        command: what it is about.
        tool: what it belongs to.
        gist: what it does, as a phrase.
        date: of the version; that of the build would differ each time.
    """
    name = command.name
    lines = [
        ".nr HY 0",  # a path that is hyphenated would be another one
        f'.TH {escaped(name.upper())} 1 {date} "toolroll {tool.version}" toolroll',
        ".ad l",
        ".SH NAME",
        rf"{escaped(name)} \- {escaped(gist)}",
        ".SH SYNOPSIS",
        *_synopsis(command),
        ".SH DESCRIPTION",
        *description(command.root.description)[1:],
        ".SH OPTIONS",
        *_options(command.root),
        *_commands(command),
        ".SH EXAMPLES",
        *examples(tool.readme, name, tool.commands)[1:],
        ".SH EXIT STATUS",
        *exit_codes(tool.readme, name),
        ".SH ENVIRONMENT",
        *_environment(command),
        ".SH SEE ALSO",
        *_see_also(name),
    ]
    return "\n".join(lines) + "\n"


def _synopsis(command: Command) -> list[str]:
    """Return each way to call it; a general one says nothing where each is named."""
    usages = [] if command.subcommands and not command.runs else [command.root.usage[0]]
    for part in command.subcommands.values():
        usages += part.usage
    lines: list[str] = []
    for usage in usages:
        words = usage.split()
        named = 2 if words[1] in command.subcommands else 1
        rest = escaped(" ".join(words[named:])).replace("[OPTIONS]", r"[\fIOPTIONS\fR]")
        lines += [f'.SY "{escaped(" ".join(words[:named]))}"', rest, ".YS"]
    return lines


def _commands(command: Command) -> list[str]:
    if not command.subcommands:
        return []
    lines = [".SH COMMANDS"]
    for name, part in command.subcommands.items():
        lines += [f".SS {escaped(f'{command.name} {name}')}", *description(part.description)[1:]]
        lines += _options(part)
    return lines


def _options(part: Part) -> list[str]:
    """Return operands and options, grouped as the help has them."""
    lines = [one for value, text in part.operands for one in item(_value(value), text)]
    for group in part.groups:
        if group.title != "options":
            lines += [".PP", bold(group.title[0].upper() + group.title[1:])]
        for option in group.options:
            lines += item(_flags(option), option.help)
    return lines


def _flags(option: Option) -> str:
    flags = ", ".join(bold(flag) for flag in option.flags)
    return f"{flags} {_value(option.value)}" if option.value else flags


def _value(value: Value) -> str:
    return italic(value.name)


def _environment(command: Command) -> list[str]:
    """Return the variables that the help names, and those of all tools.

    Raises:
        LookupError: one is not described in `VARIABLES`.
    """
    said = [text for part in (command.root, *command.subcommands.values()) for text in _texts(part)]
    found = {one[1] or one[2] for text in said for one in _VARIABLE.finditer(text)}
    names = sorted({*found, *ALWAYS})
    if unknown := [name for name in names if name not in VARIABLES]:
        raise LookupError(f"{command.name}: packing/manual/names.py has to tell what {unknown} is")
    return [one for name in names for one in item(bold(name), VARIABLES[name])]


def _texts(part: Part) -> list[str]:
    return [
        part.description,
        *(text for _, text in part.operands),
        *(option.help for option in part.options),
    ]


def _see_also(name: str) -> list[str]:
    pages = [rf"\fB{escaped(one)}\fR(1)" for one in SEE_ALSO[name]]
    return [f"{one}," for one in pages[:-1]] + pages[-1:]
