"""structlog as the log uses it: one method that takes a record, one processor that makes its line.

It is imported where there is a log; nobody else pays for it.
"""

import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from functools import lru_cache
from time import gmtime, strftime, time_ns
from typing import Any, Protocol

from .loglines import line_of
from .secrets import secrets_of


class Writer(Protocol):
    """Takes lines, by the level of each."""

    def info(self, line: bytes) -> None:
        """Take the line of what went well."""

    def error(self, line: bytes) -> None:
        """Take the line of what failed."""


@contextmanager
def _as_if_missing(module: str) -> Iterator[None]:
    """Have imports of an optional module fail as if it were not installed.

    None in `sys.modules` is the documented way to that. What is loaded already stays.
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment] # typeshed does not know of None
    try:
        yield
    finally:
        del sys.modules[module]


with _as_if_missing("rich"):  # for tracebacks that we never show, structlog would load all of it
    import structlog


class Logger(structlog.BoundLoggerBase):
    """Takes records: without structlog's own levels, which cost as much as the line does."""

    def write(self, level: str, action: str, fields: dict[str, Any]) -> None:
        """Write a record; the level is the name of the writer's method."""
        self._proxy_to_logger(level, action, fields=fields)  # as one: each step would copy them


def logger(tool: str, writer: Writer, request_id: str) -> Logger:
    """Return a logger whose records say which tool's and which run's they are."""
    secrets = secrets_of(os.environ)

    def line(_writer: object, level: str, event: MutableMapping[str, Any]) -> bytes:
        record = {
            "ts": _now(),
            "level": level,
            "tool": tool,
            "action": event["event"],
            "target": "",  # it and the next two are the action's; they stand here for their place
            "duration_ms": 0.0,
            "ok": True,
            "request_id": request_id,
            **event["fields"],
        }
        return line_of(record, secrets)

    wrapped = structlog.wrap_logger(
        writer, processors=[line], wrapper_class=Logger, context_class=dict
    )
    bound: Logger = wrapped.bind()  # else each record would make it anew
    return bound


def _now() -> str:
    """Return the moment, in UTC, as RFC 3339 has it."""
    seconds, microseconds = divmod(time_ns() // 1000, 1_000_000)
    return f"{_to_the_second(seconds)}.{microseconds:06}Z"


@lru_cache(maxsize=1)  # it stays the same for thousands of records
def _to_the_second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))
