"""Completion for zsh: what `_arguments` wants to know, and the choice of the subcommand."""

from collections.abc import Iterator

from packing.model import Command, Kind, Option, Part, Value, brief, gist

_REST = """\
    local place=${words[(i)--]}
    if (( place < CURRENT )); then # the rest is another command's
        words=("${(@)words[place+1,-1]}")
        (( CURRENT -= place ))
        _normal
        return
    fi"""

_RUN = """\
_self-command() {
    (( CURRENT == 1 )) && [[ $PREFIX == -* ]] || _normal # zsh knows a command named -
}"""


def zsh(command: Command) -> str:
    """Return the text of a command's completion function."""
    lines = [f"#compdef {command.name}", "# made by `make pages` from the command's options", ""]
    for name, part in command.parts.items():
        if name or not command.default:
            lines += _function(command, name, part)
    if command.subcommands:
        lines += _chooser(command)
    return "\n".join([*lines, f'_{command.name} "$@"', ""])


def _function(command: Command, name: str, part: Part) -> list[str]:
    own = f"_{command.name}-{name or 'itself'}" if command.subcommands else f"_{command.name}"
    runs = None if name else command.runs
    rest = [f"'*:::command:{own}-command'"] if runs == "CMD" else []
    specs = [_spec(option, flag) for option in part.options for flag in option.flags]
    operands = [_operand(place, value) for place, value in enumerate(part.completed, 1)]
    words = " \\\n        ".join([*specs, *operands, *_more(part), *rest])
    way = "-s -S -A '-*'" if runs == "CMD" else "-s -S"
    before = [_RUN.replace("_self", own), ""] if runs == "CMD" else []
    return [*before, f"{own}() {{", f"    _arguments {way} \\\n        {words}", "}", ""]


def _spec(option: Option, flag: str) -> str:
    """Return how `_arguments` knows one flag of an option."""
    apart = f"({' '.join(option.spent)})" if option.spent else ""
    often = "*" if option.repeatable else ""
    text = f"{apart}{often}{flag}"
    if option.value:
        text += "=" if flag.startswith("--") else "+"
    text += f"[{_escaped(brief(option.help), '[]')}]"
    if option.value:
        text += _action(option.value)
    return _quoted(text)


def _more(part: Part) -> Iterator[str]:
    """Yield what further values of an option are known by, once it is there."""
    for option in part.options:
        if option.value and option.value.many:
            flags = "|".join(f"{flag}|{flag}=*" for flag in option.flags)
            yield f"${{words[(r)({flags})]:+'*{_action(option.value)}'}}"


def _operand(place: int, value: Value) -> str:
    return _quoted(("*" if value.many else str(place)) + _action(value))


def _action(value: Value) -> str:
    action = {
        Kind.NONE: " ",
        Kind.FILE: "_files",
        Kind.DIRECTORY: "_path_files -/",
        Kind.WORDS: f"({' '.join(value.words)})",
    }[value.kind]
    name = "one" if value.kind is Kind.WORDS else _escaped(value.name, ":")
    return f":{name}:{action}"


def _chooser(command: Command) -> list[str]:
    """Return the function that finds the subcommand, or offers them all."""
    other = "(-*|*/*) ;;" if command.default else "(-*) ;;"
    menu = [
        _quoted(f"{name}:{gist(part.description)}") for name, part in command.subcommands.items()
    ]
    return [
        f"_{command.name}() {{",
        "    local -a names=(" + "".join(f"\n        {one}" for one in menu) + "\n    )",
        "    if (( CURRENT > 2 )); then",
        "        case $words[2] in",
        f"            ({'|'.join(command.subcommands)})",
        "                shift words",
        "                (( CURRENT-- ))",
        f"                _{command.name}-$words[1]",
        "                return ;;",
        f"            {other}",
        "            (*) return 1 ;;",
        "        esac",
        "    elif [[ $PREFIX != -* ]]; then",
        "        _describe -t commands command names",
        "        return",
        "    fi",
        *([_REST] if command.runs else []),
        f"    _{command.name}-{command.default or 'itself'}",
        "}",
        "",
    ]


def _escaped(text: str, marks: str) -> str:
    for mark in "\\" + marks:
        text = text.replace(mark, "\\" + mark)
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
