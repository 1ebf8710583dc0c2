"""The environment that a command gets: ours, and what a file sets, as dotenv reads it."""

from __future__ import annotations

import os

from toolroll_shared.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_COERCED = {"C.UTF-8", "C.utf8", "UTF-8"}


def as_given(environment: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment as it was when it began.

    In the C locale, as in cron's, Python sets LC_CTYPE for itself and its children (PEP 538);
    the command is to find what it would find without us.
    """
    found = dict(environment)
    if found.get("LC_CTYPE") in _COERCED:
        try:
            with open("/proc/self/environ", "rb") as file:
                entries = file.read().split(b"\0")
        except OSError:
            return found
        del found["LC_CTYPE"]
        for entry in entries:
            if entry.startswith(b"LC_CTYPE="):
                found["LC_CTYPE"] = os.fsdecode(entry.partition(b"=")[2])
    return found


def read_environment(path: str) -> dict[str, str]:
    """Return the variables that a file sets: `NAME=value`, `export NAME='value'`, comments.

    Nothing in a value is expanded. A NAME alone sets nothing, and is an error.

    Raises:
        UsageError: it cannot be read, or makes no sense.
    """
    from dotenv.parser import parse_stream

    found: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8-sig") as file:
            for one in parse_stream(file):
                if one.error or (one.key is not None and one.value is None):
                    raise UsageError(f"{path}: line {one.original.line} is no NAME=value")
                if one.key is not None and one.value is not None:
                    found[one.key] = one.value
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8") from error
    for name, value in found.items():
        if not name or "=" in name or "\0" in name + value:
            raise UsageError(f"{path}: {name!r} cannot be set")
    return {_argument(name): _argument(value) for name, value in found.items()}


def _argument(text: str) -> str:
    """Return text as os.environ has it in any locale: its bytes are the file's."""
    return os.fsdecode(text.encode())
