"""Lists, page by page, and what changes in them afterwards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import msgspec
from urllib3.exceptions import HTTPError, ReadTimeoutError

from toolroll_shared.errors import Refused, ToolError, TryLater, Unreachable

from .changes import BOOKMARK, Report, nonsense, reports_of
from .models import Object, Page
from .progress import Progress
from .troubles import Expired, told

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

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

T = TypeVar("T", bound=Object)


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
        clock: monotonic seconds.
        sleep: waits.
    """

    def __init__(
        self,
        cluster: Cluster,
        kind: type[T],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cluster = cluster
        self._clock = clock
        self._sleep = sleep
        self._page: msgspec.json.Decoder[Page[T]] = msgspec.json.Decoder(Page[kind])  # type: ignore[valid-type]
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
                raise nonsense(query.what, error) from error
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
    ) -> Generator[Snapshot[T] | Changed[T] | Lost, None, None]:
        """Yield a list and then its changes, for ever; a whole list again where some were missed.

        Raises:
            ToolError: it cannot be had, or not any more.
        """
        parameters, progress, first = parameters or {}, self._progress(), True
        while True:
            try:
                objects, version = self.all(query, parameters)
            except ToolError as error:
                if first:
                    raise
                yield Lost(str(error))
                progress.outage.bear(error)
                continue
            first = False
            progress.outage.over()
            yield Snapshot(objects)
            try:
                yield from self._changes(
                    query._replace(verb="watch"), parameters, version, progress
                )
            except Expired:
                progress.rest()

    def _progress(self) -> Progress:
        return Progress(clock=self._clock, sleep=self._sleep)

    def get(self, query: Query) -> T:
        """Return one object.

        Raises:
            ToolError: it cannot be had; `Gone` if there is none.
        """
        try:
            return self._object.decode(self._cluster.read(query))
        except msgspec.MsgspecError as error:
            raise nonsense(query.what, error) from error

    def _changes(
        self, query: Query, parameters: Mapping[str, object], version: str, progress: Progress
    ) -> Iterator[Changed[T] | Lost]:
        """Yield what changes after a version of a list, for ever.

        Raises:
            Expired: the version is too old: list again.
            ToolError: the server refuses us.
        """
        asked = {"watch": 1, "allowWatchBookmarks": "true", "timeoutSeconds": WATCH_TIMEOUT_S}
        while True:
            wanted = {**parameters, **asked, "resourceVersion": version}
            try:
                with progress, self._cluster.opened(query, wanted, timeout=WATCH_SILENCE_S) as body:
                    for report in reports_of(body, query.what):
                        news = self._news(query, report)
                        version = report.version or version
                        progress.made()
                        if news is not None:
                            yield news
                progress.rest()
            except ReadTimeoutError:
                continue
            except (HTTPError, OSError, TryLater, Unreachable, Refused) as error:
                trouble = told(self._cluster.chosen, self._cluster.server, error)
                yield Lost(str(trouble))
                progress.outage.bear(trouble)

    def _news(self, query: Query, report: Report) -> Changed[T] | None:
        if report.type == BOOKMARK:
            return None
        try:
            return Changed(report.type, self._object.decode(report.object))
        except msgspec.MsgspecError as error:
            raise nonsense(query.what, error) from error
