"""Start every toolroll command of this Python's environment; needs the standard library only.

`make pip-smoke` runs it where the wheels were just installed.
"""

import subprocess
import sys
from importlib.metadata import EntryPoint, distributions
from pathlib import Path


def commands() -> list[tuple[str, EntryPoint]]:
    """The version and the entry point of each command of ours."""
    return sorted(
        (distribution.version, entry)
        for distribution in distributions()
        if distribution.name.startswith("toolroll-")
        for entry in distribution.entry_points
        if entry.group == "console_scripts"
    )


def complaint(version: str, entry: EntryPoint) -> str | None:
    """What is wrong with a command, if anything."""
    command = Path(sys.executable).with_name(entry.name)
    for argument, expected in [("--version", f"{entry.name} {version}\n"), ("--help", "usage: ")]:
        done = subprocess.run([command, argument], capture_output=True, text=True, check=False)
        if done.returncode or done.stderr or not done.stdout.startswith(expected):
            return f"{entry.name} {argument}: {done.returncode}: {done.stdout}{done.stderr}"
    return None


def main() -> int:
    """Check all commands; 1 if there are none, or one is broken."""
    found = commands()
    complaints = [text for version, entry in found if (text := complaint(version, entry))]
    for text in complaints:
        print(text, file=sys.stderr)
    print(f"{len(found) - len(complaints)} of {len(found)} commands start")
    return 1 if complaints or not found else 0


if __name__ == "__main__":
    sys.exit(main())
