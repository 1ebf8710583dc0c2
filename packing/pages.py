"""Writes what shells and `man` read about each command: `make pages`.

The files are kept beside each tool, under share/, and go into its wheel.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from packing.manual.page import Tool, page
from packing.model import Command, command, gist
from packing.shells.bash import bash
from packing.shells.fish import fish
from packing.shells.zsh import zsh
from tests.support.layout import ROOT, TOOLS, Member

SHADOWED = {"contains"}
"""Commands that are builtins of fish: what completes them there is fish's own."""

_BEFORE_THE_FIRST = "2026-11-22"
"""What pages are dated as while no version is released."""


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each file and what it has to be."""
    for tool in TOOLS:
        for name, entry in tool.scripts.items():
            yield from _pages_of(tool, name, entry.removesuffix(".cli:main"))


def _pages_of(tool: Member, name: str, module: str) -> Iterator[tuple[Path, str]]:
    share = tool.folder / "share"
    found = command(name, module)
    yield share / "man" / "man1" / f"{name}.1", _manual(tool, found)
    yield share / "bash-completion" / "completions" / name, bash(found)
    yield share / "zsh" / "site-functions" / f"_{name}", zsh(found)
    if name not in SHADOWED:
        yield share / "fish" / "vendor_completions.d" / f"{name}.fish", fish(found)


def _manual(tool: Member, found: Command) -> str:
    alone = len(tool.scripts) == 1
    return page(
        found,
        tool=Tool(
            version=tool.project["version"],
            readme=(tool.folder / "README.md").read_text(),
            commands=tuple(tool.scripts),
        ),
        gist=gist(tool.project["description"] if alone else found.root.description),
        date=_date((ROOT / "CHANGELOG.md").read_text()),
    )


def _date(changelog: str) -> str:
    """Return the day of the newest version; that of the build would differ each time."""
    found = re.search(r"^## .* - (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE)
    return found[1] if found else _BEFORE_THE_FIRST


def main() -> None:
    """Write all of them."""
    for path, text in pages():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
