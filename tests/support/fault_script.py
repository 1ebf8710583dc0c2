"""Which request meets which fault: the script that a test or a command line writes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from threading import Lock
from typing import Literal, TypeAlias

from tests.support import faults
from tests.support.faults import Fault

Origin: TypeAlias = Literal["api", "asset"]


@dataclass
class Scripted:
    """A fault that waits for the requests it is meant for."""

    where: str
    fault: Fault
    left: int
    origin: Origin | None

    def __str__(self) -> str:
        """Name the fault as a failing test needs it."""
        return f"{self.fault.name} for {self.where!r}, {self.left} more"

    def fits(self, origin: Origin, target: str) -> bool:
        """Whether this is one of the requests; `where` is a glob or a part of the target."""
        return self.left > 0 and self.origin in {None, origin} and matches(target, self.where)


class Script:
    """The faults to come, in the order they were scripted."""

    def __init__(self) -> None:
        """Start with none."""
        self._lines: list[Scripted] = []
        self._lock = Lock()

    def add(self, line: Scripted) -> None:
        """Wait for one more fault's requests."""
        with self._lock:
            self._lines.append(line)

    def take(self, origin: Origin, target: str) -> Fault | None:
        """Return the fault for this request, and count it as acted out."""
        with self._lock:
            line = next((one for one in self._lines if one.fits(origin, target)), None)
            if line is None:
                return None
            line.left -= 1
            return line.fault

    def unconsumed(self) -> list[Scripted]:
        """Return what no request came for."""
        with self._lock:
            return [line for line in self._lines if line.left]


def matches(target: str, where: str) -> bool:
    """Whether `where` fits: a glob of the whole target, or without `*?[` a part of it."""
    return fnmatchcase(target, where) if set(where) & set("*?[") else where in target


def parse(text: str) -> Fault:
    """Return the fault that a command line names, as in `cut_body:100` or `slow_body:10,0.5`.

    Raises:
        ValueError: there is no such fault, or it takes other arguments.
    """
    name, _, arguments = text.partition(":")
    try:
        values = json.loads(f"[{arguments}]")
        return _FAULTS[name](*values)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{text!r} is none of {', '.join(_FAULTS)}") from error


_FAULTS: dict[str, Callable[..., Fault]] = {
    factory.__name__: factory
    for factory in (
        faults.bad_gateway_html,
        faults.cut_before_headers,
        faults.cut_body,
        faults.expired_signature,
        faults.gzip_body,
        faults.ignore_range,
        faults.not_json,
        faults.redirect,
        faults.reset_body,
        faults.slow_body,
        faults.stall_body,
        faults.stall_headers,
        faults.status,
        faults.throttled,
        faults.truncated_json,
        faults.wrong_bytes,
        faults.wrong_length,
        faults.wrong_range,
    )
}
