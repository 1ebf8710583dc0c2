"""Doing what a document says: its files are written, its commands run, its outputs compared."""

import ast
import re
import shlex
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import yaml

from tests.documents.blocks import Block, blocks_of
from tests.documents.shell import Said, commands_in
from tests.documents.world import World

OUTPUT = {"", "json", "text"}
"""Blocks that are shown only: what help prints is compared elsewhere, the rest are samples."""

_CRON = re.compile(r"^(?:@\w+|(?:\S+\s+){5})\s*(.+)$")
_OVERWRITTEN = re.compile(r"[^\n]*\r\x1b\[K")
"""What a terminal showed in a line until it was erased: progress."""
_AGE = re.compile(r"\d+(?=[smhd]\\ (?:ago|old)\b)")
"""In a pattern: how long ago a thing was, which is longer each time the document is followed."""
_VARIABLE = re.compile(r"^([A-Z_]+)=(.*)$")


_NOTHING: Mapping[str, Callable[[], object]] = MappingProxyType({})
_NO_ENV: Mapping[str, Any] = MappingProxyType({})


def follow(
    world: World,
    document: str,
    *,
    without: frozenset[str] = frozenset(),
    meanwhile: Mapping[str, Callable[[], object]] = _NOTHING,
) -> list[Said]:
    """Do all that a document says, in its order, and return what was said.

    Args:
        world: where.
        document: its text.
        without: commands that are not run, whole; each has to be there.
        meanwhile: what happens elsewhere, where the document has a comment of that text:
            `<!-- meanwhile: it rains -->`; each has to be there.

    Raises:
        AssertionError: a command ends otherwise than the document says, or says something else.
    """
    left = set(without)
    happenings = dict(meanwhile)
    said: list[Said] = []
    line = 0
    for block in blocks_of(document):
        _happen(document.splitlines()[line : block.line], happenings)
        line = block.line
        try:
            said += _do(world, block, left)
        except AssertionError as error:
            raise AssertionError(f"line {block.line}: {error}") from error
    assert not left, f"not in the document: {left}"
    assert not happenings, f"not in the document: {happenings}"
    return said


def _happen(lines: list[str], happenings: dict[str, Callable[[], object]]) -> None:
    for what in re.findall(r"<!-- meanwhile: (.+?) -->", "\n".join(lines)):
        happenings.pop(what)()


def _do(world: World, block: Block, left: set[str]) -> list[Said]:
    if block.title:
        world.put(block.title, world.translated(block.text))
        if block.text.startswith("#!"):
            world.path(block.title).chmod(0o755)
        if block.kind not in {"cron", "ini", "yaml"}:
            return []
    if block.kind in OUTPUT:
        return []
    return _KINDS[block.kind](world, block.text, left)


def _sh(world: World, text: str, left: set[str]) -> list[Said]:
    wanted = []
    for command in commands_in(text):
        plain = command.partition("  #")[0].strip()
        if plain in left:
            left.remove(plain)
        else:
            wanted.append(command)
    return [_well(world.run(command), command) for command in wanted]


def _well(said: Said, command: str) -> Said:
    shown = f"{command}\nended with {said.code}\n{said.stdout}{said.stderr}"
    assert said.code == said.wanted_code, shown
    assert "Traceback" not in said.stderr, shown
    return said


def _console(world: World, text: str, _: set[str]) -> list[Said]:
    return _session(world, text, "{{ {}\n}} 2>&1".format)


def _terminal(world: World, text: str, _: set[str]) -> list[Said]:
    """As a console, but with a terminal for all three streams, wide enough for what is shown."""
    settings = "NO_COLOR=1 COLUMNS=160 proc-run --pty --"
    return _session(world, text, lambda line: f"{settings} bash -c {shlex.quote(line)}")


def _session(world: World, text: str, wrapped: Callable[[str], str]) -> list[Said]:
    found = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        count = next(n for n in range(1, len(lines) + 1) if [*commands_in("\n".join(lines[:n]))])
        command, expected = "\n".join(lines[:count]), lines[count:]
        said = _well(world.run(wrapped(command)), command)
        _compare(world.translated_back(said.stdout), expected, f"{command}\nsaid")
        found.append(said)
    return found


def _compare(output: str, expected: list[str], what: str) -> None:
    lasting = _OVERWRITTEN.sub("", output)
    shown = "".join(f"{one.rstrip()}\n" for one in lasting.splitlines())
    assert re.fullmatch(_pattern(expected), shown), f"{what}\n{shown}"


def _pattern(lines: list[str]) -> str:
    """Return what an output has to fit: `...` is any text, alone in a line any number of lines."""
    fitting = "".join(
        r"(?:.*\n)*" if line.strip() == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n"
        for line in lines
    )
    return _AGE.sub(r"\\d+", fitting)


def _cron(world: World, text: str, _: set[str]) -> list[Said]:
    """Run each line of a crontab once, as cron does: by sh, with few variables."""
    variables: list[str] = []
    found = []
    for line in text.splitlines():
        if match := _VARIABLE.match(line):
            variables.append(shlex.quote(f"{match[1]}={match[2]}"))
        elif match := _CRON.match(line):
            words = world.translated(match[1])
            assert not re.search(r"(?<!\\)%", words), f"cron takes % for a newline: {line}"
            command = f"env {' '.join(variables)} sh -c {shlex.quote(words)}"
            found.append(_well(world.run(command), line))
    assert found, "no line for cron"
    world.mail.append("".join(one.stdout + one.stderr for one in found))
    return found


def _mail(world: World, text: str, _: set[str]) -> list[Said]:
    """Compare what cron would mail of its lines before this with what the document shows."""
    assert world.mail, "no line for cron before it"
    _compare(world.translated_back(world.mail.pop()), text.splitlines(), "cron mailed")
    return []


def _ini(world: World, text: str, _: set[str]) -> list[Said]:
    """Run what a unit of systemd starts."""
    commands = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)
    variables = re.findall(r"^Environment=(.*)$", text, re.MULTILINE)
    return [_well(world.run(" ".join([*variables, one])), one) for one in commands]


def _yaml(world: World, text: str, _: set[str]) -> list[Said]:
    """Run the steps of a workflow that are commands."""
    found = []
    for step in _steps(yaml.safe_load(text)):
        env = [f"{name}={shlex.quote(str(value))}" for name, value in step.get("env", {}).items()]
        command = (
            f"env {' '.join(env)} bash -eo pipefail -c {shlex.quote(world.translated(step['run']))}"
        )
        found.append(
            _well(world.run(re.sub(r"\$\{\{.*?token.*?\}\}", "t0ken-s3cret", command)), step["run"])
        )
    return found


def _steps(value: Any, env: Mapping[str, Any] = _NO_ENV) -> list[dict[str, Any]]:
    """Return each step that runs something, wherever it is, with the variables of its job."""
    if isinstance(value, dict):
        env = {**env, **value.get("env", {})}
        if isinstance(value.get("run"), str):
            return [{**value, "env": env}]
        value = list(value.values())
    return [step for one in value for step in _steps(one, env)] if isinstance(value, list) else []


def _python(_: World, text: str, __: set[str]) -> list[Said]:
    """Compile an example, and find what it imports."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(text, "example", "exec", flags=flags)
    compile(tree, "example", "exec", flags=flags & ~ast.PyCF_ONLY_AST)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = import_module(node.module)
            missing = [one.name for one in node.names if not hasattr(module, one.name)]
            assert not missing, f"{node.module} has no {', '.join(missing)}"
    return []


_KINDS = {
    "sh": _sh,
    "console": _console,
    "terminal": _terminal,
    "cron": _cron,
    "mail": _mail,
    "ini": _ini,
    "yaml": _yaml,
    "python": _python,
    "toml": lambda *_: [],
}
