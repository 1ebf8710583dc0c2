"""The lines of a log: one JSON object each, written by one call, in a file, a pipe or stderr.

Concurrent writers never mix: a file takes each line as a whole at its end, a pipe takes so many
bytes at once. Where nobody reads a pipe, it is waited for a moment and then given up.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import sys
import time
from contextlib import suppress
from select import select

from .output import writing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .secrets import Secrets

LINE_BYTES = 4096
"""The longest line: what every Unix pipe takes at once (PIPE_BUF on Linux; POSIX has 512)."""

TEXT_LENGTH = 500
"""Characters of a text in a record that would be too long otherwise."""

PATIENCE_S = 10.0
"""How long somebody who reads a pipe may take before the log is given up."""

BEGIN_PATIENCE_S = 1.0
"""How long somebody may take who is about to open a pipe: more likely, nobody reads it any more."""

_LOOK_AGAIN_S = 0.05


class LineFile:
    """Takes lines.

    Args:
        path: of a file, which is made if it is not there, or of a pipe; `-` is stderr.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._is_ours = path != "-"
        self._descriptor = _opened(path) if self._is_ours else _stderr()
        self._may_block = not stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        self.patience = PATIENCE_S

    def write(self, line: bytes) -> None:
        """Write a line.

        Raises:
            OSError: it cannot be written; `TimeoutError` where nobody takes it.
        """
        if not self._may_block:
            self._write(line)
            return
        with writing.to(self._descriptor):
            self._wait()
            self._write(line)

    def _write(self, line: bytes) -> None:
        written = os.write(self._descriptor, line)
        while written < len(line):  # a full disk, as the next call says; or not a line of ours
            try:
                if self._may_block:
                    self._wait()
                written += os.write(self._descriptor, line[written:])
            except OSError:
                with suppress(OSError):
                    os.write(self._descriptor, b"\n")
                raise

    def _wait(self) -> None:
        """Wait for a pipe to take a line, which it then does at once."""
        try:
            is_ready = bool(select([], [self._descriptor], [], self.patience)[1])
        except ValueError:  # too large a descriptor for select
            return
        except BaseException:  # whoever breaks it off has no patience left
            self.patience = 0.0
            raise
        if not is_ready:
            raise TimeoutError(errno.ETIMEDOUT, "nobody reads it")

    def close(self) -> None:
        """Close it, unless it is stderr."""
        if self._is_ours:
            os.close(self._descriptor)


def _stderr() -> int:
    if sys.stderr is None:
        raise OSError(errno.EBADF, "stderr is closed")
    return sys.stderr.fileno()


def _opened(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
    nonblocking = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    deadline = time.monotonic() + BEGIN_PATIENCE_S
    while True:
        try:
            descriptor = os.open(path, flags | nonblocking, 0o666)
        except OSError as error:
            if error.errno != errno.ENXIO or not _is_pipe(path):
                raise
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "nobody reads it") from error
            time.sleep(_LOOK_AGAIN_S)
        else:
            _end_torn_line(path, descriptor)
            return descriptor


def _is_pipe(path: str) -> bool:
    return stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116 - pathlib costs


def _end_torn_line(path: str, descriptor: int) -> None:
    """End a line that a full disk or a crash has torn, so that ours stand alone."""
    with suppress(OSError):
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not status.st_size:
            return
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - likewise
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                os.write(descriptor, b"\n")


_encoded = json.JSONEncoder(default=str, allow_nan=False).encode


def line_of(record: dict[str, Any], secrets: Secrets) -> bytes:
    """Return a record as a line: ASCII, valid for every parser, without secrets, not too long.

    Secrets are looked for in the texts of a record, not in the line: it stays JSON whatever they
    are. Only then is anything cut, so that no secret is cut in two and half of it kept.
    """
    text = _encoded_at_once(record)
    if text is None or "\\ud" in text or len(text) >= LINE_BYTES or secrets.are_in_json(text):
        text = _cut_text_of(_clean(record, secrets))
    return text.encode() + b"\n"


def _encoded_at_once(record: dict[str, Any]) -> str | None:
    try:
        return _encoded(record)
    except (ValueError, TypeError):
        return None


def _cut_text_of(record: dict[str, Any]) -> str:
    text = _encoded(record)
    if len(text) >= LINE_BYTES:
        text = _encoded({name: _short(value) for name, value in record.items()})
    if len(text) >= LINE_BYTES:
        kept = {name: value for name, value in record.items() if not isinstance(value, list | dict)}
        text = _encoded({name: _short(value) for name, value in list(kept.items())[:16]})
    return text


def _short(value: Any) -> Any:
    if isinstance(value, str) and len(value) > TEXT_LENGTH // 2:
        return value[: TEXT_LENGTH // 2] + "..."
    return value


def _clean(value: Any, secrets: Secrets) -> Any:
    """Return a value that JSON has a form for: finite, named by text, whose texts are harmless."""
    if isinstance(value, str):  # a letter beyond 16 bits stays, a byte of a name is no text
        return secrets.hidden(value).encode(errors="backslashreplace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {
            str(_clean(str(name), secrets)): _clean(one, secrets) for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(one, secrets) for one in value]
    return value if value is None or isinstance(value, bool | int) else _clean(str(value), secrets)
