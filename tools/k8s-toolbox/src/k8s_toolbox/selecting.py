"""The logs of all pods that a selector selects, also of those to come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from toolroll_shared.errors import UsageError

from .background import Gathering
from .containers import Target, has_log, status_of
from .following import AHEAD, PAUSE_S, Ended, Failed, Looked, Told, Waiting, told_of
from .lists import Changed, Lists, Lost, Snapshot
from .models import Pod
from .reading import Reading
from .statuses import TERMINAL
from .wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .cluster import Cluster
    from .queries import Query

Pick = Callable[[Pod], list[str]]
"""Returns the names of the containers of a pod that are meant; raises UsageError."""

SUCCESSOR_S = 30.0
"""When all pods are gone, the time in which a controller will have made the next one."""


class _Later:
    """So much time has gone by."""


class Selection:
    """Follows the containers of all pods that a selector selects, also of those to come.

    Args:
        cluster: where they are.
        query: lists the pods.
        parameters: the selector.
        pick: which containers.
        wanted: which part of the logs that are there at the start.
        limit: of containers that are followed at the same time.
        successor: seconds to wait for the next pod when all are gone.
    """

    def __init__(  # noqa: PLR0913 - effects with their defaults among them
        self,
        cluster: Cluster,
        query: Query,
        parameters: Mapping[str, object],
        pick: Pick,
        wanted: Wanted,
        *,
        limit: int,
        successor: float = SUCCESSOR_S,
    ) -> None:
        self._cluster = cluster
        self._query = query
        self._parameters = parameters
        self._pick = pick
        self._wanted = wanted
        self._limit = limit
        self._successor = successor
        self._gathering: Gathering[Told | Snapshot[Pod] | Changed[Pod] | Lost | _Later] = Gathering(
            ahead=AHEAD, pause=PAUSE_S
        )
        self._pods: dict[str, Pod] = {}
        self._readings: dict[tuple[str, str], Reading] = {}
        self._open: set[Target] = set()
        self._refused: set[str] = set()
        self._has_begun = False
        self._is_deserted = False

    def ready(self) -> bool:
        """Tell whether there is more to tell already."""
        return self._gathering.ready()

    def __iter__(self) -> Iterator[Told]:
        """Yield what there is to tell, until all pods have come to their end, or are gone.

        Raises:
            ToolError: pods cannot be listed, or not any more.
        """
        self._gathering.add(Lists(self._cluster, Pod).watched(self._query, self._parameters))
        for one in self._gathering:
            if isinstance(one, _Later):
                self._is_deserted = False
                if self._is_over():
                    return
            elif isinstance(one, Snapshot):
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
                if self._pods:
                    return
                yield from self._await_successor()

    def _await_successor(self) -> Iterator[Told]:
        """Give whoever makes the pods some time for the next one."""
        if self._is_deserted:
            return
        self._is_deserted = True
        self._gathering.add(self._later())
        yield None, Waiting("all pods are gone, the next one may come")

    def _later(self) -> Iterator[_Later]:
        time.sleep(self._successor)
        yield _Later()

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
