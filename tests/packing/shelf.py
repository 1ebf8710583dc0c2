"""Where what tests have built stands: made by whoever asks first, under a lock."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from packing.zipapps import build

from tests.support.layout import COMMANDS, MEMBERS, TOOLS

BARE = [getattr(sys, "_base_executable", sys.executable), "-I", "-S"]
"""A Python with its standard library and nothing else."""


def hatchling(folder: Path, output: Path, *kinds: str) -> None:
    """Build a folder's distributions as `make wheels` does."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(output)]
    targets = [word for kind in kinds for word in ("-t", kind)]
    subprocess.run([*command, *targets], cwd=folder, check=True, capture_output=True, timeout=60)


@dataclass(frozen=True)
class Shelf:
    """A folder that all workers of a run share."""

    root: Path

    def dist(self) -> Path:
        """Return the folder with the wheel and the sdist of each member."""

        def make(folder: Path) -> None:
            for member in MEMBERS:
                hatchling(member.folder, folder, "sdist", "wheel")

        return self._once("dist", make)

    def file(self, command: str) -> Path:
        """Return a command's single file."""
        module = COMMANDS[command].partition(".")[0]
        (tool,) = [tool for tool in TOOLS if tool.import_name == module]
        wheels = self.dist()
        folder = self._once(f"zipapps-{tool.name}", lambda path: build(tool, wheels, path))
        (path,) = folder.glob(f"{command}*.pyz")
        return path

    def cache(self) -> Path:
        """Return a folder to unpack into, for tests that are about something else."""
        return self.root / "cache"

    def _once(self, name: str, make: Callable[[Path], object]) -> Path:
        place = self.root / name
        with (self.root / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.exists():
                part = self.root / f"{name}.part-{os.getpid()}"
                part.mkdir()
                make(part)
                part.rename(place)
        return place
