"""Become the command that the first argument names; an image of several commands starts this.

It needs the standard library's core only, and is replaced by the command, which is PID 1 then.
"""

import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin")  # noqa: PTH118, PTH120, PTH100 - this loads no pathlib
USAGE = 2


def commands() -> list[str]:
    """Return the commands that there are."""
    ours = (name for name in os.listdir(FOLDER) if not name.startswith("python"))  # noqa: PTH208
    return sorted(ours)


def main() -> int:
    """Start the command, or say which there are."""
    name, found = (sys.argv[1:] or [""])[0], commands()
    if name in found:
        os.execv(os.path.join(FOLDER, name), sys.argv[1:])  # noqa: S606, PTH118
    sys.stderr.write(f"which command? {', '.join(found)}\n")
    return USAGE


if __name__ == "__main__":
    sys.exit(main())
