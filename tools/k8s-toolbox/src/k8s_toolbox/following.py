"""The logs of several containers: in the order of their stamps, or followed as they come."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from toolroll_shared.errors import ToolError, UsageError

from .background import Gathering, heard
from .containers import NotStarted, Target, check_log, has_log, status_of
from .lists import Changed, Lists, Lost, Snapshot
from .models import Pod
from .outages import Outage
from .queries import Query
from .reading import Reading
from .statuses import TERMINAL
from .wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .cluster import Cluster
    from .wanted import Item

BLOCKS_AHEAD = 4
"""Of each log that are read before their turn comes."""

AHEAD = 256
"""Blocks of all logs together that are read before they are written."""

PAUSE_S = 0.01
"""By which lines may come later, so that those of many logs are written together."""

POLL_S = 1.0
"""Between two looks at a pod that is about to start."""


class Failed(NamedTuple):
    """A log that could not be read, or not to its end."""

    error: ToolError


class Ended(NamedTuple):
    """A log came to its end."""


class Waiting(NamedTuple):
    """A container has no log yet."""

    why: str


class Looked(NamedTuple):
    """Pods were looked at: nothing to tell, but what is to be written need not wait any more."""


Told = tuple[Target | None, "Item | Failed | Ended | Waiting | Lost | Looked"]
"""What there is to tell, and of which container; None: of the list of pods."""

Pick = Callable[[Pod], list[str]]
"""Returns the names of the containers of a pod that are meant; raises UsageError."""


def told_of(target: Target, items: Iterable[Item | Waiting]) -> Iterator[Told]:
    """Yield what comes of one log, an error too, and its end."""
    try:
        for item in items:
            yield target, item
    except ToolError as error:
        yield target, Failed(error)
    yield target, Ended()


def awaited(
    cluster: Cluster,
    target: Target,
    wanted: Wanted,
    pod: Pod,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Item | Waiting]:
    """Yield a container's log once it has one.

    Raises:
        ToolError: it has none, and will not have one soon; or it cannot be had.
    """
    has_told = False
    outage = Outage(sleep=sleep)
    while True:
        try:
            check_log(pod, target.container, previous=wanted.previous, now=datetime.now(UTC))
        except NotStarted as error:
            if not (error.passing and wanted.follow):
                raise
            if not has_told:
                yield Waiting(str(error))
            has_told = True
        else:
            break
        sleep(POLL_S)
        try:
            pod = Lists(cluster, Pod).get(Query("get", "pods", target.namespace, target.pod))
        except ToolError as error:
            outage.bear(error)
        else:
            outage.over()
    yield from Reading(cluster, target, wanted, pod, sleep=sleep)


def gathered(streams: Iterable[Iterator[Told]]) -> Gathering[Told]:
    """Return what several logs tell, as it comes."""
    gathering: Gathering[Told] = Gathering(ahead=AHEAD, pause=PAUSE_S)
    for stream in streams:
        gathering.add(stream)
    return gathering


def merged(streams: Iterable[Iterator[Told]]) -> Iterator[Told]:
    """Yield the lines of several logs, one by one, in the order of their stamps.

    What else there is to tell comes when it is met. Logs are read at the same time, each by
    a thread that is a few blocks ahead.
    """
    stamped = [
        _stamped(heard(stream, ahead=BLOCKS_AHEAD), number) for number, stream in enumerate(streams)
    ]
    for _, _, told in heapq.merge(*stamped):  # no two of one number are ever compared
        yield told


def _stamped(items: Iterator[Told], number: int) -> Iterator[tuple[int, int, Told]]:
    """Yield each line with its stamp; a line is never before those that come before it."""
    latest = 0
    for target, item in items:
        if isinstance(item, list):
            for record in item:
                latest = max(latest, record.stamp or 0)
                yield latest, number, (target, [record])
        else:
            yield latest, number, (target, item)


class Selection:
    """Follows the containers of all pods that a selector selects, also of those to come.

    Args:
        cluster: where they are.
        query: lists the pods.
        parameters: the selector.
        pick: which containers.
        wanted: which part of the logs that are there at the start.
        limit: of containers that are followed at the same time.
    """

    def __init__(
        self,
        cluster: Cluster,
        query: Query,
        parameters: Mapping[str, object],
        pick: Pick,
        wanted: Wanted,
        *,
        limit: int,
    ) -> None:
        self._cluster = cluster
        self._query = query
        self._parameters = parameters
        self._pick = pick
        self._wanted = wanted
        self._limit = limit
        self._gathering: Gathering[Told | Snapshot[Pod] | Changed[Pod] | Lost] = Gathering(
            ahead=AHEAD, pause=PAUSE_S
        )
        self._pods: dict[str, Pod] = {}
        self._readings: dict[tuple[str, str], Reading] = {}
        self._open: set[Target] = set()
        self._refused: set[str] = set()
        self._has_begun = False

    def ready(self) -> bool:
        """Tell whether there is more to tell already."""
        return self._gathering.ready()

    def __iter__(self) -> Iterator[Told]:
        """Yield what there is to tell, until all pods have come to their end.

        Raises:
            ToolError: pods cannot be listed, or not any more.
        """
        self._gathering.add(Lists(self._cluster, Pod).watched(self._query, self._parameters))
        for one in self._gathering:
            if isinstance(one, Snapshot):
                yield from self._look_at_all(one.objects)
                yield None, Looked()
            elif isinstance(one, Changed):
                yield from self._look(one)
                yield None, Looked()
            elif isinstance(one, Lost):
                yield None, one
            else:
                target, item = one
                yield one
                if isinstance(item, Ended) and target is not None:
                    self._open.discard(target)
                    yield from self._reconsider(target)
            if self._is_over():
                return

    def _is_over(self) -> bool:
        alive = any(pod.status.phase not in TERMINAL for pod in self._pods.values())
        return self._has_begun and not self._open and not alive

    def _look_at_all(self, pods: list[Pod]) -> Iterator[Told]:
        self._pods = {}
        if not pods and not self._has_begun:
            yield None, Waiting("no pod fits yet")
        for pod in pods:
            yield from self._consider(pod)
        self._wanted = Wanted(follow=True)  # who joins later is read from the start

    def _look(self, change: Changed[Pod]) -> Iterator[Told]:
        if change.kind == "DELETED":
            self._pods.pop(change.object.metadata.uid, None)
        else:
            yield from self._consider(change.object)

    def _reconsider(self, target: Target) -> Iterator[Told]:
        """See what has become of a container whose log came to its end, or who has its name."""
        for pod in list(self._pods.values()):
            if (pod.metadata.namespace, pod.metadata.name) == (target.namespace, target.pod):
                yield from self._consider(pod)

    def _consider(self, pod: Pod) -> Iterator[Told]:
        """Begin to follow containers of a pod that have something new."""
        self._has_begun = True
        uid = pod.metadata.uid
        self._pods[uid] = pod
        try:
            names = self._pick(pod)
        except UsageError as error:
            if uid not in self._refused:
                yield _target(pod, ""), Failed(error)
            self._refused.add(uid)
            return
        for name in names:
            if self._is_new(pod, name):
                yield from self._begin(pod, name)

    def _is_new(self, pod: Pod, name: str) -> bool:
        """Tell whether a container runs, or ran, that was not followed yet."""
        key = (pod.metadata.uid, name)
        status = status_of(pod, name)
        if status is None or not has_log(pod, name) or _target(pod, name) in self._open:
            return False
        return key not in self._readings or self._readings[key].instance != status.container_id

    def _begin(self, pod: Pod, name: str) -> Iterator[Told]:
        target = _target(pod, name)
        key = (pod.metadata.uid, name)
        if len(self._open) >= self._limit:
            if (text := f"more than {self._limit} containers") not in self._refused:
                self._refused.add(text)
                yield target, Failed(UsageError(f"{text} (see --max-log-requests): not followed"))
            return
        before = self._readings.get(key)
        seen = before.seen if before else None
        if seen is not None:
            seen.turn_over()
        reading = Reading(self._cluster, target, self._wanted, pod, seen=seen)
        self._readings[key] = reading
        self._open.add(target)
        self._gathering.add(told_of(target, reading))


def _target(pod: Pod, container: str) -> Target:
    return Target(pod.metadata.namespace or "", pod.metadata.name, container)
