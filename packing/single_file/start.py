"""The start of a single file whose Python is new enough; quick where it was unpacked before."""

from __future__ import annotations

import _imp
import os
import sys

TYPE_CHECKING = False  # this is compiled at each start: it is short, and loads nothing
if TYPE_CHECKING:
    from collections.abc import Mapping

_OTHERS_MAY_WRITE = 0o022


def start(archive: str, *, command: str, module: str, payload: str, needs: str, usage: int) -> None:
    """Run a command out of its file, and exit with its code.

    Args:
        archive: the file.
        command: its name.
        module: the module that has its `main`.
        payload: the name of what is to be unpacked, which is another for other contents.
        needs: the `platform_name` that the contents were built for, or "" for any.
        usage: the exit code where it cannot run here.
    """
    if needs not in {"", platform_name()}:
        refuse(
            command,
            f"this file is for {needs}, and {sys.executable} is {platform_name()}: "
            "start it with the former, or install the wheels with pip",
            usage,
        )
    root = cache_root(os.environ)
    folder = root and os.path.join(root, payload)  # noqa: PTH118 - pathlib would double the start
    if not folder or not is_ours(folder):
        from .unpack import unpacked  # noqa: PLC0415 - the first time only

        folder = unpacked(archive, folder, command=command, failure=usage)
    sys.path[0] = folder  # it was the file
    sys.exit(__import__(module, fromlist=["main"]).main())


def platform_name() -> str:
    """Return what compiled modules depend on, such as `cpython-311-x86_64-linux-gnu`."""
    name = _imp.extension_suffixes()[0].strip(".").rpartition(".")[0]
    return f"{name}-{os.uname().machine}" if sys.platform == "darwin" else name


def cache_root(environ: Mapping[str, str]) -> str | None:
    """Return the folder to unpack below, or None where there is no home."""
    for name, below in ("XDG_CACHE_HOME", ""), ("LOCALAPPDATA", ""), ("HOME", ".cache"):
        root = environ.get(name, "")
        if os.path.isabs(root):  # noqa: PTH117 - likewise
            return os.path.join(root, below, "toolroll")  # noqa: PTH118 - likewise
    return None


def is_ours(folder: str) -> bool:
    """Tell whether a folder is there that nobody but us, or root, can have filled."""
    try:
        status = os.stat(folder)  # noqa: PTH116 - likewise
    except OSError:
        return False
    if not hasattr(os, "geteuid"):  # Windows: what is in a profile is its owner's
        return True
    return status.st_uid in {0, os.geteuid()} and not status.st_mode & _OTHERS_MAY_WRITE


def refuse(command: str, why: str, code: int) -> None:
    """Say in one line why this cannot go on, and exit."""
    sys.stderr.write(f"{command}: {why}\n")
    sys.exit(code)
