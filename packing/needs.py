"""What some tools need: the members they are made of, and what these take from elsewhere.

It needs no more than Python: where it runs, nothing is installed yet.

    python -m packing.needs folders multi-fetch       # shared tools/multi-fetch
    python -m packing.needs requirements multi-fetch  # idna>=3.10 pycurl>=7.48 ...
"""

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PREFIX = "toolroll-"


def folder_of(distribution: str) -> Path:
    """Return a member's folder below the root: shared or tools/NAME."""
    name = distribution.removeprefix(PREFIX)
    return Path("shared") if name == "shared" else Path("tools", name)


def wanted_by(distribution: str, extras: set[str]) -> list[str]:
    """Return the requirements of a member with some of its extras."""
    file = ROOT / folder_of(distribution) / "pyproject.toml"
    project: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
    optional = project.get("optional-dependencies", {})
    return [
        *project["dependencies"],
        *(line for extra in sorted(extras) for line in optional[extra]),
    ]


def needs(*tools: str) -> tuple[list[Path], list[str]]:
    """Return the members' folders and the third-party requirements of tools with all siblings."""
    folders: set[Path] = set()
    requirements: set[str] = set()
    waiting = [f"{PREFIX}{tool}" for tool in tools]
    seen: set[str] = set()
    while waiting:
        line = waiting.pop()
        if line in seen:
            continue
        seen.add(line)
        name, _, extras = line.rstrip("]").partition("[")
        if not name.startswith(PREFIX):
            requirements.add(line)
            continue
        folders.add(folder_of(name))
        waiting += wanted_by(name, set(re.split(r"\s*,\s*", extras)) - {""})
    return sorted(folders), sorted(requirements)


def main() -> int:
    """Print one of the two, a line for each; 2 for what is no tool."""
    question, *tools = sys.argv[1:]
    unknown = [tool for tool in tools if not (ROOT / "tools" / tool / "pyproject.toml").is_file()]
    if question not in {"folders", "requirements"} or unknown or not tools:
        sys.stderr.write("usage: python -m packing.needs folders|requirements TOOL...\n")
        return 2
    folders, requirements = needs(*tools)
    lines = [folder.as_posix() for folder in folders] if question == "folders" else requirements
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
