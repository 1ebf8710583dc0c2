"""Lists, page by page, and what changes in them afterwards."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec
from urllib3.exceptions import HTTPError, ReadTimeoutError

from toolroll_shared.errors import Refused, ToolError, TryLater, Unreachable

from .models import Change, Metadata, Object, Page
from .outages import Outage
from .troubles import Busy, Expired, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from urllib3 import HTTPResponse

    from .cluster import Cluster
    from .queries import Query

PAGE_SIZE = 500
"""Objects to a page, as kubectl has it: some megabytes."""

MAX_RESTARTS = 5
"""Of a list whose pages the server forgets before we ask for them."""

WATCH_TIMEOUT_S = 300
"""After which we ask the server to end a watch, so that one that has died is noticed."""

WATCH_SILENCE_S = 330.0
"""Without a word from a server for so long, the connection is dead."""

READ_BYTES = 1 << 16
GONE = 410

T = TypeVar("T", bound=Object)


class Status(Object, frozen=True):
    """An error inside a watch (API: Status)."""

    code: int = 0
    message: str | None = None


class Listed(NamedTuple, Generic[T]):
    """A page's objects, and the version of the list that it belongs to."""

    objects: list[T]
    version: str


class Snapshot(NamedTuple, Generic[T]):
    """A whole list, as it is now: what is not in it is no more."""

    objects: list[T]


class Changed(NamedTuple, Generic[T]):
    """A change of one object.

    Attributes:
        kind: `ADDED`, `MODIFIED` or `DELETED`.
        object: as it is now, or was last.
    """

    kind: str
    object: T


class Lost(NamedTuple):
    """A watch was cut off, and goes on; nothing is lost."""

    why: str


class Lists(Generic[T]):
    """Lists of one kind of object.

    Args:
        cluster: to ask.
        kind: the model of the objects.
        sleep: waits.
    """

    def __init__(
        self, cluster: Cluster, kind: type[T], *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._cluster = cluster
        self._sleep = sleep
        self._page: msgspec.json.Decoder[Page[T]] = msgspec.json.Decoder(Page[kind])  # type: ignore[valid-type]
        self._change = msgspec.json.Decoder(Change)
        self._object: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)

    def pages(
        self, query: Query, parameters: Mapping[str, object] | None = None
    ) -> Iterator[Listed[T] | None]:
        """Yield a list's pages; None means that the list starts anew: forget those before.

        Raises:
            ToolError: the list cannot be had.
        """
        for _ in range(MAX_RESTARTS):
            try:
                yield from self._pages(query, dict(parameters or {}))
            except Expired:
                yield None
            else:
                return
        raise Unreachable(
            f"{query.what}: the list expired {MAX_RESTARTS} times before its end was read"
        )

    def _pages(self, query: Query, parameters: dict[str, object]) -> Iterator[Listed[T]]:
        parameters["limit"] = PAGE_SIZE
        while True:
            body = self._cluster.read(query, parameters)
            try:
                page = self._page.decode(body)
            except msgspec.MsgspecError as error:
                raise self._nonsense(query, error) from error
            yield Listed(page.items or [], page.metadata.resource_version or "")
            if not page.metadata.next:
                return
            parameters["continue"] = page.metadata.next

    def all(
        self, query: Query, parameters: Mapping[str, object] | None = None
    ) -> tuple[list[T], str]:
        """Return a whole list, and its version.

        Raises:
            ToolError: it cannot be had.
        """
        objects: list[T] = []
        version = ""
        for page in self.pages(query, parameters):
            if page is None:
                objects.clear()
            else:
                objects += page.objects
                version = page.version
        return objects, version

    def watched(
        self, query: Query, parameters: Mapping[str, object] | None = None
    ) -> Iterator[Snapshot[T] | Changed[T] | Lost]:
        """Yield a list and then its changes, for ever; a whole list again where some were missed.

        Raises:
            ToolError: it cannot be had, or not any more.
        """
        parameters, outage, first = parameters or {}, Outage(sleep=self._sleep), True
        while True:
            try:
                objects, version = self.all(query, parameters)
            except ToolError as error:
                if first:
                    raise
                yield Lost(str(error))
                outage.bear(error)
                continue
            first = False
            outage.over()
            yield Snapshot(objects)
            with suppress(Expired):
                yield from self.changes(query._replace(verb="watch"), parameters, version)

    def get(self, query: Query) -> T:
        """Return one object.

        Raises:
            ToolError: it cannot be had; `Gone` if there is none.
        """
        try:
            return self._object.decode(self._cluster.read(query))
        except msgspec.MsgspecError as error:
            raise self._nonsense(query, error) from error

    def changes(
        self, query: Query, parameters: Mapping[str, object], version: str
    ) -> Iterator[Changed[T] | Lost]:
        """Yield what changes after a version of a list, for ever.

        Raises:
            Expired: the version is too old: list again.
            ToolError: the server refuses us.
        """
        asked = {"watch": 1, "allowWatchBookmarks": "true", "timeoutSeconds": WATCH_TIMEOUT_S}
        outage = Outage(sleep=self._sleep)
        while True:
            wanted = {**parameters, **asked, "resourceVersion": version}
            try:
                with self._cluster.opened(query, wanted, timeout=WATCH_SILENCE_S) as response:
                    for change in self._reported(query, response):
                        outage.over()
                        seen = msgspec.json.decode(change.object, type=_Versioned)
                        version = seen.metadata.resource_version or version
                        if change.type != "BOOKMARK":
                            yield Changed(change.type, self._object.decode(change.object))
                outage.bear(Unreachable(f"{query.what}: the server ends each watch at once"))
            except ReadTimeoutError:
                continue
            except (HTTPError, OSError, TryLater, Unreachable, Refused) as error:
                trouble = told(self._cluster.chosen, self._cluster.server, error)
                yield Lost(str(trouble))
                outage.bear(trouble)

    def _reported(self, query: Query, response: HTTPResponse) -> Iterator[Change]:
        for line in lines_of(response):
            try:
                change = self._change.decode(line)
            except msgspec.MsgspecError as error:
                raise self._nonsense(query, error) from error
            if change.type == "ERROR":
                raise self._reported_error(query, change)
            yield change

    def _reported_error(self, query: Query, change: Change) -> ToolError:
        status = msgspec.json.decode(change.object, type=Status)
        message = f"{query.what}: {status.message or status.code}"
        if status.code == GONE:
            return Expired(message)
        return Busy(message, after=None)

    @staticmethod
    def _nonsense(query: Query, error: Exception) -> ToolError:
        return Unreachable(f"{query.what}: the answer is not one of the API's: {error}")


class _Versioned(Object, frozen=True):
    metadata: Metadata


def lines_of(response: HTTPResponse) -> Iterator[bytes]:
    """Yield the lines of an answer as they come; what has no end yet is no line."""
    rest = b""
    while block := response.read1(READ_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
