"""What a README says that a man page says, too: the examples and the exit codes."""

import re
from collections.abc import Collection, Iterator

from packing.manual.roff import bold, example, item, prose

_WIDTH = 70
_BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
_SESSIONS = {"console", "terminal"}
_CODES = r"\d+(?:(?:, | / | and )\d+)*"


def section(readme: str, title: str) -> str:
    """Return what stands under a heading."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", readme, re.DOTALL | re.MULTILINE)
    if found is None:
        raise LookupError(f"a README without ## {title}")
    return found[1].strip()


def examples(readme: str, command: str, siblings: Collection[str] = ()) -> list[str]:
    """Return the examples of a command that a shell or cron runs, without those of siblings."""
    lines: list[str] = []
    for words, kind, text in _blocks(section(readme, "Examples")):
        shown = [one for one in _pieces(kind, text) if _is_about(one, command, siblings)]
        leads = bool(shown) and kind not in _SESSIONS  # what a session prints is not shown
        told = [word for word in words if leads or not word.endswith(":")]
        lines += [one for word in told for one in (".PP", *prose(word))]
        parts = ["\n".join(shown)] if kind in _SESSIONS and shown else shown
        lines += [one for part in parts for one in example(_narrow(part, fold=kind != "cron"))]
    return lines


def _pieces(kind: str, text: str) -> list[str]:
    """Return what stands together in a block of commands; of a session each command."""
    if kind in _SESSIONS:
        return re.findall(r"^\$ ((?:.*\\\n)*.*)", text, re.MULTILINE)
    return text.split("\n\n") if kind in {"sh", "cron"} else []


def _is_about(text: str, command: str, siblings: Collection[str]) -> bool:
    def named(name: str) -> bool:
        return re.search(rf"\b{name}\b", text) is not None

    return named(command) or not any(map(named, siblings))


def _blocks(text: str) -> Iterator[tuple[list[str], str, str]]:
    """Yield each block with the paragraphs before it; at the end, what follows the last one."""
    end = 0
    for block in _BLOCK.finditer(text):
        yield _paragraphs(text[end : block.start()]), block[1], block[2].rstrip("\n")
        end = block.end()
    yield _paragraphs(text[end:]), "", ""


def _paragraphs(text: str) -> list[str]:
    return [one.strip() for one in re.split(r"\n\s*\n", text) if one.strip()]


def _narrow(text: str, *, fold: bool) -> str:
    """Put remarks above what they are about, and fold commands, where a page is too narrow."""
    lines = []
    for line in text.splitlines():
        command, _, remark = line.partition("  # ")
        command, remark = command.rstrip(), remark.strip()
        if remark and len(f"{command}  # {remark}") <= _WIDTH:
            lines.append(f"{command}  # {remark}")
        else:
            lines += [f"# {remark}"] * bool(remark)
            lines += _folded(command) if fold else [command]
    return "\n".join(lines)


def _folded(command: str) -> list[str]:
    """Break a command before options and pipes, never within quotes."""
    words = re.findall(r"""(?:'[^']*'|"[^"]*"|\S)+""", command)
    rows = [""]
    for piece in re.findall(r"\0?[^\0]+", "".join(_joint(word) + word for word in words)):
        part = piece.lstrip("\0")
        if len(rows[-1]) + len(part) + 3 > _WIDTH and rows[-1].strip():
            rows[-1] += " \\"
            rows.append("   ")
        rows[-1] += f" {part.strip()}" if rows[-1] else part.strip()
    return rows


def _joint(word: str) -> str:
    """Return what goes before a word: where a line may be broken, NUL."""
    return "\0" if word.startswith(("--", "|", "&&")) else " "


def exit_codes(readme: str, command: str) -> list[str]:
    """Return the exit codes, as a list."""
    lines: list[str] = []
    for paragraph in _paragraphs(section(readme, "Exit codes")):
        if paragraph.startswith("|"):
            lines += _table(paragraph, command)
        else:
            lines += _sentence(" ".join(paragraph.split()))
    return lines


def _table(text: str, command: str) -> list[str]:
    """Return the rows of a table of codes, or of one with a row for each command."""
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines()]
    head, body = rows[0], rows[2:]
    if head[0] == "":
        (cells,) = (row for row in body if row[0] == f"`{command}`")
        body = [[code, cell] for code, cell in zip(head[1:], cells[1:], strict=True)]
    return [one for code, meaning in body for one in item(bold(code), meaning)]


def _sentence(text: str) -> list[str]:
    """Return a paragraph that names codes one behind the other, or is just one."""
    pieces = re.split(rf" · |(?<=\.) (?={_CODES}: )", text)
    lines: list[str] = []
    for piece in pieces:
        found = re.match(rf"({_CODES}):? (.*)", piece)
        lines += item(bold(found[1]), found[2]) if found else [".PP", *prose(piece)]
    return lines
