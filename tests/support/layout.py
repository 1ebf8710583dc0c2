"""The house as it stands: its members, their metadata and their sources."""

import tomllib
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Member:
    """A distribution of the workspace, known by its folder."""

    folder: Path

    @cached_property
    def metadata(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "pyproject.toml").read_text())

    @property
    def project(self) -> dict[str, Any]:
        project: dict[str, Any] = self.metadata["project"]
        return project

    @property
    def name(self) -> str:
        """The folder's name: the command's too."""
        return self.folder.name

    @property
    def import_name(self) -> str:
        return "toolroll_shared" if self.name == "shared" else self.name.replace("-", "_")

    @property
    def package(self) -> Path:
        return self.folder / "src" / self.import_name

    @property
    def installed(self) -> Path:
        """The package that is imported: from the sources, or from a wheel."""
        spec = find_spec(self.import_name)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).parent

    @property
    def scripts(self) -> dict[str, str]:
        scripts: dict[str, str] = self.project.get("scripts", {})
        return scripts


SHARED = Member(ROOT / "shared")
TOOLS = [Member(path.parent) for path in sorted(ROOT.glob("tools/*/pyproject.toml"))]
MEMBERS = [SHARED, *TOOLS]
COMMANDS = {
    script: entry.removesuffix(".cli:main")
    for tool in TOOLS
    for script, entry in tool.scripts.items()
}
"""Command -> the module that `python -m` runs."""
