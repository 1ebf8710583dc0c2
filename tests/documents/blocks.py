"""The fenced blocks of a Markdown document."""

import re
from dataclasses import dataclass

_FENCED = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        kind: the first word behind the fence: `sh`, `console`, `toml`, ...; empty for outputs.
        title: the rest of that line: the file that the block is, if it is one.
        text: what is in it.
        line: where it begins in the document, from 1.
    """

    kind: str
    title: str
    text: str
    line: int


def blocks_of(document: str) -> list[Block]:
    """Return the blocks in their order."""
    found = []
    for match in _FENCED.finditer(document):
        indent, info, text = match.groups()
        kind, _, title = info.strip().partition(" ")
        lines = [line.removeprefix(indent) for line in text.splitlines(keepends=True)]
        line = document.count("\n", 0, match.start()) + 1
        found.append(Block(kind, title.strip(), "".join(lines), line))
    return found
