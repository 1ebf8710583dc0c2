"""Environment variables from a file, as `docker run --env-file` and dotenv read them."""

from __future__ import annotations

from toolroll_shared.errors import UsageError


def read_environment(path: str) -> dict[str, str]:
    """Return the variables that a file sets: `NAME=value`, `export NAME='value'`, comments.

    Nothing in a value is expanded. A NAME alone sets nothing, and is an error.

    Raises:
        UsageError: it cannot be read, or makes no sense.
    """
    from dotenv.parser import parse_stream

    found: dict[str, str] = {}
    try:
        with open(path, encoding="utf-8") as file:
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
    return found
