"""Writes what shells and `man` read about each command: `make pages`.

The files are kept beside each tool, under share/, and go into its wheel.
"""

from collections.abc import Iterator
from pathlib import Path

from packing.model import command
from packing.shells.bash import bash
from packing.shells.fish import fish
from packing.shells.zsh import zsh
from tests.support.layout import TOOLS, Member

SHADOWED = {"contains"}
"""Commands that are builtins of fish: what completes them there is fish's own."""


def pages() -> Iterator[tuple[Path, str]]:
    """Yield each file and what it has to be."""
    for tool in TOOLS:
        for name, entry in tool.scripts.items():
            yield from _pages_of(tool, name, entry.removesuffix(".cli:main"))


def _pages_of(tool: Member, name: str, module: str) -> Iterator[tuple[Path, str]]:
    share = tool.folder / "share"
    found = command(name, module)
    yield share / "bash-completion" / "completions" / name, bash(found)
    yield share / "zsh" / "site-functions" / f"_{name}", zsh(found)
    if name not in SHADOWED:
        yield share / "fish" / "vendor_completions.d" / f"{name}.fish", fish(found)


def main() -> None:
    """Write all of them."""
    for path, text in pages():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
