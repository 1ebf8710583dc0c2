"""Which containers of a pod have the log that is wanted, and whether there is one yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolroll_shared.errors import ToolError, UsageError

from .problems import problem_of
from .statuses import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .models import ContainerStatus, Pod

DEFAULT_CONTAINER = (
    "kubectl.kubernetes.io/default-container",
    "kubectl.kubernetes.io/default-logs-container",
)
"""Annotations that name a pod's main container; the second is the older one."""

PASSING = frozenset({"ContainerCreating", "PodInitializing", None})
"""Why a container does not run yet, where that is a matter of time."""


class NotStarted(ToolError):
    """A container has no log yet.

    Attributes:
        passing: whether that is likely to change by itself, and soon.
    """

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


class Target(NamedTuple):
    """A container whose log is read."""

    namespace: str
    pod: str
    container: str


def containers_of(pod: Pod, *, container: str | None, every: bool) -> list[str]:
    """Return the names of the containers that are meant.

    Args:
        pod: theirs.
        container: the one that the user names.
        every: all of them: init containers, the others, ephemeral ones.

    Raises:
        UsageError: there is no such container, or there are several to choose from.
    """
    kinds = dict(_named(pod))
    if every:
        return list(kinds)
    if container is not None:
        if container not in kinds:
            raise UsageError(f"{pod.metadata.name} has no container {container!r}: {_list(kinds)}")
        return [container]
    annotations = pod.metadata.annotations or {}
    for annotation in DEFAULT_CONTAINER:
        if annotations.get(annotation) in kinds:
            return [annotations[annotation]]
    if len(pod.spec.containers) == 1:
        return [pod.spec.containers[0].name]
    raise UsageError(
        f"{pod.metadata.name} has several containers: choose with -c, or take --all-containers: "
        f"{_list(kinds)}"
    )


def _named(pod: Pod) -> Iterator[tuple[str, str]]:
    for one in pod.spec.init_containers or ():
        yield one.name, " (init)"
    for one in pod.spec.containers:
        yield one.name, ""
    for one in pod.spec.ephemeral_containers or ():
        yield one.name, " (ephemeral)"


def _list(kinds: dict[str, str]) -> str:
    return ", ".join(name + kind for name, kind in kinds.items())


def status_of(pod: Pod, container: str) -> ContainerStatus | None:
    """Return what is known of a container; None before its node has said anything."""
    groups = (
        pod.status.container_statuses,
        pod.status.init_container_statuses,
        pod.status.ephemeral_container_statuses,
    )
    return next((one for group in groups for one in group or () if one.name == container), None)


def has_log(pod: Pod, container: str) -> bool:
    """Tell whether a container runs, or has run."""
    status = status_of(pod, container)
    if status is None:
        return False
    return bool(status.now.running or status.now.terminated or status.last_end)


def check_log(pod: Pod, container: str, *, previous: bool, now: datetime) -> None:
    """See that there is something to read.

    Raises:
        NotStarted: there is not.
    """
    status = status_of(pod, container)
    where = f"{container} in {pod.metadata.name}"
    if previous:
        if status is None or status.last_end is None:
            text = f"{where} has not been started again: it has no previous log"
            raise NotStarted(text, passing=False)
        return
    if has_log(pod, container):
        return
    if pod.status.phase in TERMINAL:
        raise NotStarted(f"{where} has never run: the pod is {pod.status.phase}", passing=False)
    waiting = status.now.waiting if status else None
    said = ": ".join(filter(None, (waiting.reason, waiting.message))) if waiting else ""
    problem = problem_of(pod, now=now)
    why = said or (problem.text if problem else "its node has not said anything yet")
    scheduled = pod.status.condition("PodScheduled")
    passing = (waiting.reason if waiting else None) in PASSING
    passing = passing and (scheduled is None or scheduled.status == "True")
    raise NotStarted(f"{where} has not started: {why}", passing=passing)
