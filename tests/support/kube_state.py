"""What the stand-in for a Kubernetes API server knows: objects with versions, and logs."""

import copy
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Object = dict[str, Any]

NS = 1_000_000_000


class BadSelector(ValueError):
    """A selector that makes no sense."""


class Expired(Exception):
    """A version or a page's token that is no longer known."""


class Kind:
    """The objects of one resource, with the journal that watches read."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._objects: dict[tuple[str, str], Object] = {}
        self.journal: list[tuple[int, str, Object]] = []
        self.version = 1000
        self.oldest = 0

    def put(self, thing: Object) -> Object:
        """Add or change an object."""
        with self._changed:
            self.version += 1
            thing = copy.deepcopy(thing)
            meta = thing["metadata"]
            meta["resourceVersion"] = str(self.version)
            key = meta.get("namespace", ""), meta["name"]
            kind = "MODIFIED" if key in self._objects else "ADDED"
            self._objects[key] = thing
            self.journal.append((self.version, kind, thing))
            self._changed.notify_all()
            return thing

    def delete(self, namespace: str, name: str) -> None:
        """Remove an object."""
        with self._changed:
            self.version += 1
            thing = copy.deepcopy(self._objects.pop((namespace, name)))
            thing["metadata"]["resourceVersion"] = str(self.version)
            self.journal.append((self.version, "DELETED", thing))
            self._changed.notify_all()

    def compact(self) -> None:
        """Forget what was before now, as etcd does after five minutes."""
        with self._changed:
            self.version += 1
            self.oldest = self.version
            self.journal.clear()

    def get(self, namespace: str, name: str) -> Object | None:
        """Return an object, or None."""
        return self._objects.get((namespace, name))

    def all(self, namespace: str | None, labels: str, fields: str) -> list[Object]:
        """Return what a list has."""
        found = (one for key, one in sorted(self._objects.items()) if namespace in {None, key[0]})
        return [one for one in found if selects(one, labels, fields)]

    def after(self, version: int) -> list[tuple[int, str, Object]]:
        """Return what has changed after a version."""
        if version < self.oldest:
            raise Expired
        return [one for one in self.journal if one[0] > version]


def selects(thing: Object, labels: str, fields: str) -> bool:
    """Tell whether selectors select an object: `=`, `==` and `!=`, joined by commas."""
    own = thing["metadata"].get("labels", {})
    return all(_fits(own.get(key, ""), op, value) for key, op, value in _terms(labels)) and all(
        _fits(_at(thing, key), op, value) for key, op, value in _terms(fields)
    )


def _terms(selector: str) -> list[tuple[str, str, str]]:
    found = []
    for term in filter(None, selector.split(",")):
        for op in ("!=", "==", "="):
            if op in term:
                key, value = term.split(op, 1)
                found.append((key, op, value))
                break
        else:
            raise BadSelector(term)
    return found


def _fits(actual: object, op: str, value: str) -> bool:
    return (str(actual) == value) != (op == "!=")


def _at(thing: Object, path: str) -> object:
    for part in path.split("."):
        thing = thing.get(part) or {}
    return thing or ""


@dataclass
class Log:
    """A container's log: the file that its kubelet reads.

    Attributes:
        lines: stamps in nanoseconds, and what was written, without line ends.
        ended: whether the container has come to its end.
        generation: counts rotations.
        open_line: whether the last line has no end.
        sent: lines that were sent to who follows it now.
    """

    changed: threading.Condition
    lines: list[tuple[int, bytes]] = field(default_factory=list)
    previous: list[tuple[int, bytes]] = field(default_factory=list)
    ended: bool = False
    generation: int = 0
    open_line: bool = False
    sent: int = -1
    at_rotation: Literal["end", "stall", "go on"] = "go on"

    def write(self, *lines: bytes | str, stamp: int | None = None) -> None:
        """Append lines, with a stamp of now if none is given."""
        with self.changed:
            for line in lines:
                moment = now_ns() if stamp is None else stamp
                self.lines.append((moment, line.encode() if isinstance(line, str) else line))
            self.changed.notify_all()

    def rotate(self, *, then: Literal["end", "stall", "go on"]) -> None:
        """Begin a new file; open streams end, stall, or go on with it."""
        with self.changed:
            self.lines = []
            self.generation += 1
            self.at_rotation = then
            self.changed.notify_all()

    def restart(self) -> None:
        """End the container and begin another one with a new file."""
        with self.changed:
            self.previous, self.lines = self.lines, []
            self.generation += 1
            self.at_rotation = "end"
            self.changed.notify_all()

    def end(self) -> None:
        """End the container."""
        with self.changed:
            self.ended = True
            self.changed.notify_all()


def now_ns() -> int:
    """Return the present in nanoseconds since 1970."""
    return int(datetime.now(UTC).timestamp() * 1_000_000) * 1000


def stamped(moment: int, line: bytes, *, timestamps: bool) -> bytes:
    """Return a line as a kubelet sends it."""
    if not timestamps:
        return line
    text = datetime.fromtimestamp(moment // NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{moment % NS:09}Z ".encode() + line


def status(code: int, reason: str, message: str) -> bytes:
    """Return a Status object."""
    fields = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return json.dumps(fields | {"message": message, "reason": reason, "code": code}).encode()
