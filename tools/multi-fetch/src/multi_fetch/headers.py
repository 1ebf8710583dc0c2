"""The headers that a user asks for: lines, or files with lines. None is ever shown."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from toolroll_shared.errors import UsageError

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_BLANK = " \t\r\n"
_OPEN = re.compile(r"accept(-.*)?|cache-control|referer|user-agent|if-.*", re.IGNORECASE)


def headers_of(values: Sequence[str]) -> dict[str, str]:
    """Return the headers that `--header` was given.

    Args:
        values: `Name: value` lines, and `@FILE` for the lines of a file.

    Raises:
        UsageError: one cannot be sent, comes twice, or cannot be read.
    """
    headers: dict[str, str] = {}
    names = set()
    for line in _lines(values):
        match = _HEADER.fullmatch(line)
        if match is None:
            raise UsageError("--header: not a 'Name: value' that can be sent")
        if match[1].lower() in {"range", "if-range"}:
            raise UsageError("--header: a part of a body is no success; --max-bytes limits them")
        if match[1].lower() in names:
            raise UsageError("--header: one name twice; join its values, mostly with a comma")
        names.add(match[1].lower())
        headers[match[1]] = match[2]
    return headers


def secrets_sent(headers: Mapping[str, str]) -> list[str]:
    """Return the words in headers that may be secret; a scheme such as `Bearer` is too short."""
    values = (value for name, value in headers.items() if not _OPEN.fullmatch(name))
    return [word for value in values for word in value.split()]


def _lines(values: Sequence[str]) -> Iterator[str]:
    for value in values:
        if not value.startswith("@"):
            yield value.strip(_BLANK)
            continue
        try:
            text = Path(value[1:]).read_bytes().decode("latin-1")
        except OSError as error:
            raise UsageError(f"--header {value}: {error.strerror}") from error
        yield from filter(None, (line.strip(_BLANK) for line in text.split("\n")))
