"""Completion for bash: a table of each command's options, and one engine that reads it.

It needs no bash-completion, and works with it. Files and folders are left to readline, which knows
how to quote them; a command behind `--` to bash-completion where that is loaded.
"""

from pathlib import Path

from packing.model import Command, Kind, Part, Value

_ENGINE = (Path(__file__).parent / "engine.bash").read_text()
_WIDTH = 96


def bash(command: Command) -> str:
    """Return the text of a command's completion file."""
    name = f"_toolroll_{command.name.replace('-', '_')}"
    table = "\n".join([*_beginning(command), *_tables(command)])
    text = _ENGINE.replace("@TABLE@", table).replace("@COMMAND@", command.name)
    return text.replace("_self", name)


def _beginning(command: Command) -> list[str]:
    """Return the lines that find the subcommand, and tell how a command to be run is named."""
    if not command.subcommands:
        return [f"    runs={command.runs or ''}"]
    names = command.subcommands
    return [
        f"    local part=''\n    names=({' '.join(names)})",
        f"    runs={command.runs or ''}",
        "    if ((last > 1)); then",
        "        case ${words[1]} in",
        f"            {' | '.join(names)}) part=${{words[1]}} at=2 runs='' ;;",
        f"            {'-* | */*' if command.default else '-*'}) ;;",
        "            *) return 1 ;;",
        "        esac",
        "    fi",
    ]


def _tables(command: Command) -> list[str]:
    parts = command.parts
    if not command.subcommands:
        return _table(parts[""], "    ")
    lines = ["    case $part in"]
    for name, part in parts.items():
        if name == "" and command.default:
            continue
        label = f"'' | {name}" if name == command.default else name or "''"
        lines += [f"        {label})", *_table(part, " " * 12), " " * 12 + ";;"]
    return [*lines, "    esac"]


def _table(part: Part, indent: str) -> list[str]:
    takes = [
        f"[{flag}]={_kind(option.value)}"
        for option in part.options
        if option.value
        for flag in option.flags
    ]
    spends = [
        f"[{flag}]={_quoted(' '.join(option.spent))}"
        for option in part.options
        for flag in option.flags
        if option.spent != (flag,)
    ]
    operands = [_kind(value) for value in part.completed]
    lines = _array("flags", [flag for one in part.options for flag in one.flags], indent)
    lines += _array("takes", takes, indent) + _array("spends", spends, indent)
    return lines + _array("operands", operands, indent)


def _array(name: str, words: list[str], indent: str) -> list[str]:
    """Return an assignment, wrapped; none for nothing."""
    if not words:
        return []
    rows = [f"{indent}   "]
    for word in words:
        if len(rows[-1]) + len(word) >= _WIDTH:
            rows.append(f"{indent}   ")
        rows[-1] += f" {word}"
    return [f"{indent}{name}=(", *rows, f"{indent})"]


def _kind(value: Value) -> str:
    """Return how the engine knows a value: its kind, or its words; `+`: more than one may come."""
    known = " ".join(value.words) if value.kind is Kind.WORDS else value.kind.value
    return _quoted(known + ("+" if value.many else ""))


def _quoted(text: str) -> str:
    return text if text.replace("-", "").replace("+", "").isalnum() else f"'{text}'"
