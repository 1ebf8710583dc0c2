"""Action records: one JSON object per line for each thing that a command does.

Without a log nothing is written and structlog is not even imported. The records are an
interface: `ts, level, tool, action, target, duration_ms, ok, request_id` and the action's
own fields. A log that cannot be written is said once, and stops no work.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager

from .errors import UsageError
from .output import note, writing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO, Any

    from structlog.typing import FilteringBoundLogger

REQUEST_ID_VARIABLE = "TOOLROLL_REQUEST_ID"
"""One id for everything that one run does; a parent tool sets it for its children."""


class Log:
    """Where actions are recorded; without a `logger`, the log that is off."""

    def __init__(self, logger: FilteringBoundLogger | None = None) -> None:
        self._logger = logger

    @contextmanager
    def action(self, action: str, target: str) -> Iterator[dict[str, Any]]:
        """Record the `with` block: how long it took, and ok unless it raises.

        The block gets a dict for fields of its own (`bytes`, `status`, `attempts`); it may
        set `ok` itself. An exception is recorded by its type and passes on.

        Args:
            action: what is done, in the field's words: `page`, `asset`, `run`.
            target: what it is done to; never a secret, so no signed URL.
        """
        fields: dict[str, Any] = {}
        started = time.monotonic()
        try:
            yield fields
        except BaseException as error:
            fields |= {"ok": False, "error": type(error).__name__}
            raise
        finally:
            self.record(action, target, duration_s=time.monotonic() - started, **fields)

    def record(
        self, action: str, target: str, *, duration_s: float, ok: bool = True, **fields: Any
    ) -> None:
        """Record an action that is over; the arguments are those of `action`."""
        if self._logger is not None:
            write = self._logger.info if ok else self._logger.error
            write(action, target=target, duration_ms=round(duration_s * 1000, 3), ok=ok, **fields)


NO_LOG = Log()


@contextmanager
def open_log(tool: str, path: str | None, *, identity: str | None = None) -> Iterator[Log]:
    """Yield the log that `--log-json` asked for: a file to append to, `-` for stderr.

    Args:
        tool: the command's name, in every record.
        path: a path, `-`, or None for the log that is off.
        identity: the run's `request_id`, where it is passed on to children.

    Raises:
        UsageError: the file cannot be opened.
    """
    if not path:
        yield NO_LOG
    elif path == "-":
        yield NO_LOG if sys.stderr is None else Log(_logger(tool, sys.stderr.buffer, identity))
    else:
        try:
            stream = open(path, "ab", buffering=0)  # noqa: SIM115, PTH123 - closed below; pathlib costs
        except OSError as error:
            raise UsageError(f"--log-json {path}: {error.strerror}") from error
        with stream:
            yield Log(_logger(tool, stream, identity))


def request_id() -> str:
    """Return the id that our parent gave this run, or else a new one."""
    return os.environ.get(REQUEST_ID_VARIABLE) or os.urandom(16).hex()


def _logger(tool: str, stream: IO[bytes], identity: str | None) -> FilteringBoundLogger:
    import structlog

    return structlog.wrap_logger(  # type: ignore[no-any-return]
        _LineWriter(tool, stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.processors.EventRenamer("action"),
            structlog.processors.JSONRenderer(serializer=_json_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        context_class=dict,
        tool=tool,
        request_id=identity or request_id(),
    )


def _json_line(event: dict[str, Any], **_: object) -> bytes:
    import json

    return json.dumps(event, default=str).encode() + b"\n"


class _LineWriter:
    """The bottom of the log: one write per record, so that concurrent writers never mix."""

    def __init__(self, tool: str, stream: IO[bytes]) -> None:
        self._tool = tool
        self._stream = stream
        self._failed = False
        self.info: Callable[[bytes], None] = self._write
        self.error: Callable[[bytes], None] = self._write

    def _write(self, line: bytes) -> None:
        try:
            with writing.to(self._stream):
                self._stream.write(line)
                self._stream.flush()
        except OSError as error:
            if not self._failed:
                self._failed = True
                note(self._tool, f"the log cannot be written: {error.strerror}; going on without")
