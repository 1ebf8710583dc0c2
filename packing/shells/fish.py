"""Completion for fish: one `complete` for each option, and functions that know the place."""

from collections.abc import Iterator
from pathlib import Path

from packing.model import Command, Kind, Option, Part, Value, brief, gist

_FOLDER = Path(__file__).parent
_HANDOVER = """
# Print the words of the command that is run.
function _self_command
    @WHERE@
end

# Complete the command that is run as it completes alone.
function _self_handover
    complete -C (string join ' ' -- (string escape -- (_self_command)) (commandline -ct))
end

"""
_WHERE = {
    "CMD": ("_self_operands", "true"),
    "--": ("contains -- -- (_self_words); and _self_operands", "contains -- -- (_self_words)"),
}


def fish(command: Command) -> str:
    """Return the text of a command's completion file."""
    own = f"__toolroll_{command.name.replace('-', '_')}"
    text = (_FOLDER / "engine.fish").read_text()
    text = text.replace("@PART@", _place(command)).replace("@TAKES@", "\n".join(_takes(command)))
    text = text.replace("@CMD@", "yes" if command.runs == "CMD" else "no")
    lines = ["", f"complete -c {command.name} -f", *_names(command), *_handover(command)]
    for name, part in command.parts.items():
        if name or not command.default:
            lines += _lines(command, name, part)
    text += "\n".join([*lines, ""])
    return text.replace("@COMMAND@", command.name).replace("_self", own)


def _place(command: Command) -> str:
    if not command.subcommands:
        return "    echo itself"
    other = "'' '-*' '*/*'" if command.default else "'' '-*'"
    return f"""\
    set -l words (_self_words)
    switch "$words[1]"
        case {" ".join(command.subcommands)}
            echo $words[1]
        case {other}
            echo {command.default or "itself"}
        case '*'
            return 1
    end"""


def _takes(command: Command) -> Iterator[str]:
    for name, part in command.parts.items():
        flags = [flag for one in part.options if one.value for flag in one.flags]
        if flags and (name or not command.default):
            yield f"        case {name or 'itself'}"
            yield f"            string split ' ' -- '{' '.join(flags)}'"


def _names(command: Command) -> Iterator[str]:
    for name, part in command.subcommands.items():
        yield (
            f"complete -c {command.name} -n _self_first"
            f" -a {name} -d {_quoted(gist(part.description))}"
        )


def _handover(command: Command) -> Iterator[str]:
    if command.runs:
        words, condition = _WHERE[command.runs]
        yield _HANDOVER.replace("@WHERE@", words).rstrip()
        yield ""
        yield f"complete -c {command.name} -n '{condition}' -x -a '(_self_handover)'"


def _lines(command: Command, name: str, part: Part) -> Iterator[str]:
    here = f"_self_wants {name or 'itself'}"
    for option in part.options:
        condition = " ".join([here, *option.spent])
        if command.runs and not name:
            condition += "; and test (count (_self_command)) -eq 0"
        yield f"complete -c {command.name} -n '{condition}' {_flags(option)}{_takes_what(option)}"
    yield from _operands(command, here, part)
    for option in part.options:
        if option.value and option.value.many:
            condition = f"{here}; and not {here} {' '.join(option.flags)}"
            yield f"complete -c {command.name} -n '{condition}' {_offered(option.value)}"


def _operands(command: Command, here: str, part: Part) -> Iterator[str]:
    for place, value in enumerate(part.completed):
        if value.kind is not Kind.NONE:
            condition = here if value.many else f"{here}; and _self_at {place}"
            yield f"complete -c {command.name} -n '{condition}' {_offered(value)}"


def _flags(option: Option) -> str:
    names = [
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags
    ]
    return f"{' '.join(names)} -d {_quoted(brief(option.help))}"


def _takes_what(option: Option) -> str:
    if option.value is None:
        return ""
    if option.value.kind is Kind.NONE:
        return " -x"
    return f" -r {_offered(option.value)}"


def _offered(value: Value) -> str:
    return {
        Kind.FILE: "-F",
        Kind.DIRECTORY: "-f -a '(_self_folders)'",
        Kind.WORDS: f"-f -a '{' '.join(value.words)}'",
        Kind.NONE: "-f",
    }[value.kind]


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
