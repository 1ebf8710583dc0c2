"""Why a pod is not well, in one line; None for one that is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from .ages import human_age
from .statuses import ALWAYS, NODE_LOST, end_word, instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .models import ContainerStatus, Event, Pod, Terminated

FIRST_BACKOFF_S = 10.0
LAST_BACKOFF_S = 600.0
"""A kubelet waits 10 s before the second start, twice as long before each further one, and
forgets it after 10 minutes (pkg/kubelet: MaxContainerBackOff, twice)."""

GRACE = timedelta(seconds=10)
"""By which a pod may be late to go: its node has to notice and to say so."""

_TELLING = {
    "Unhealthy": "is not ready",
    "Failed": "Pull",
    "FailedMount": "",
    "FailedAttachVolume": "",
    "FailedCreatePodSandBox": "",
    "NetworkNotReady": "",
}
"""Reasons of warnings that say more than the pod does, and what has to stand in the problem."""


class Problem(NamedTuple):
    """What is wrong with a pod.

    Attributes:
        text: one line.
        vague: whether an event may say more.
    """

    text: str
    vague: bool = False


def problem_of(pod: Pod, *, now: datetime) -> Problem | None:
    """Return what is wrong with a pod, as far as it says itself; the worst thing first."""
    phase = pod.status.phase
    if pod.metadata.deletion_timestamp is not None and phase not in {"Succeeded", "Failed"}:
        return _lingering(pod, now)
    if phase == "Succeeded":
        return None
    if phase == "Failed":
        return _failed(pod, now)
    return (
        _unscheduled(pod) or next(_troubled(pod, now), None) or _unready(pod) or _unstable(pod, now)
    )


def _lingering(pod: Pod, now: datetime) -> Problem | None:
    """Return the problem of a pod that should be gone: its grace is part of the timestamp."""
    due = instant(pod.metadata.deletion_timestamp)
    if pod.status.reason == NODE_LOST:
        return Problem(f"its node is lost: {pod.status.message or NODE_LOST}")
    if due is None or now - due <= GRACE:
        return None
    since = human_age((now - due).total_seconds())
    held = ", ".join(pod.metadata.finalizers or ())
    why = f"held by finalizers: {held}" if held else "its node has not stopped it"
    return Problem(f"should have been gone {since} ago: {why}")


def _failed(pod: Pod, now: datetime) -> Problem:
    said = ": ".join(filter(None, (pod.status.reason, pod.status.message)))
    for one in _containers(pod):
        if one.now.terminated and one.now.terminated.exit_code:
            end = f"{_name(pod, one)}: {_end(one.now.terminated, now)}"
            return Problem(f"{said}; {end}" if said else end)
    return Problem(said or "failed, and does not say why")


def _unscheduled(pod: Pod) -> Problem | None:
    scheduled = pod.status.condition("PodScheduled")
    if pod.status.phase != "Pending" or pod.spec.node_name:
        return None
    if pod.spec.scheduling_gates or (scheduled and scheduled.reason == "SchedulingGated"):
        gates = ", ".join(gate.name or "?" for gate in pod.spec.scheduling_gates or ())
        return Problem(f"SchedulingGated: waits for {gates or 'its gates'}")
    if scheduled and scheduled.status == "False":
        reason = scheduled.reason or "Unschedulable"
        return Problem(f"{reason}: {scheduled.message}" if scheduled.message else reason)
    return Problem("waits to be scheduled", vague=True)


def _troubled(pod: Pod, now: datetime) -> Iterator[Problem]:
    """Yield what containers say that wait, or have failed; init containers come first."""
    for one in _containers(pod):
        if (waiting := one.now.waiting) is not None:
            if waiting.reason == "PodInitializing" and not _is_init(pod, one):
                continue  # an init container says why
            yield _waiting(pod, one, now)
        elif (end := one.now.terminated) and end.exit_code:
            yield Problem(f"{_name(pod, one)}: {_end(end, now)}{_times(one)}")


def _waiting(pod: Pod, one: ContainerStatus, now: datetime) -> Problem:
    waiting = one.now.waiting
    reason = (waiting and waiting.reason) or "waits to be started"
    text = f"{_name(pod, one)}: {reason}"
    if one.last_end is not None:
        return Problem(f"{text}, last {_end(one.last_end, now)}{_times(one)}")
    if waiting and waiting.message:
        text = f"{text}: {waiting.message}"
    return Problem(text, vague="Pull" in text or not (waiting and waiting.message))


def _unready(pod: Pod) -> Problem | None:
    """Return the problem of a pod that runs, and is not ready or has not begun to run."""
    lasting = {one.name for one in pod.spec.init_containers or () if one.restart_policy == ALWAYS}
    for one in pod.status.init_container_statuses or ():
        if one.now.running and not (one.name in lasting and one.started):
            return Problem(f"{_name(pod, one)} is running")
    behind = [one for one in _containers(pod) if one.now.running and not one.ready]
    behind = [one for one in behind if not _is_init(pod, one) or one.name in lasting]
    if behind:
        started = behind[0].started is not False
        state = "is not ready" if started else "is not ready: it has not started up yet"
        return Problem(f"{_name(pod, behind[0])} {state}", vague=True)
    ready = pod.status.condition("Ready")
    if pod.status.phase == "Running" and (ready is None or ready.status == "True"):
        return None
    if pod.status.phase == "Running" and ready and ready.reason == "PodCompleted":
        return None
    said = ready and ": ".join(filter(None, (ready.reason, ready.message)))
    return Problem(f"{pod.status.phase or 'Unknown'}: {said or 'not ready'}", vague=not said)


def _unstable(pod: Pod, now: datetime) -> Problem | None:
    """Return the problem of a container that failed, and runs again for too short a time.

    Between two crashes it looks well. It counts as well once it has run for as long as its node
    would have it wait after the next one.
    """
    for one in _containers(pod):
        end, running = one.last_end, one.now.running
        if end is None or not end.exit_code or running is None:
            continue
        started = instant(running.started_at)
        patience = min(LAST_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(one.restart_count, 10))
        if started and (now - started).total_seconds() < patience:
            return Problem(f"{_name(pod, one)}: runs again, last {_end(end, now)}{_times(one)}")
    return None


def _containers(pod: Pod) -> Iterator[ContainerStatus]:
    yield from pod.status.init_container_statuses or ()
    yield from pod.status.container_statuses or ()


def _is_init(pod: Pod, one: ContainerStatus) -> bool:
    return one in (pod.status.init_container_statuses or ())


def _name(pod: Pod, one: ContainerStatus) -> str:
    return f"init container {one.name}" if _is_init(pod, one) else one.name


def _end(end: Terminated, now: datetime) -> str:
    """Return how a container ended, and when: `exit code 3 (Error) 12s ago`."""
    word = end_word(end)
    code = f"exit code {end.exit_code}"
    how = f"{word} ({code})" if word == "OOMKilled" else f"{code} ({word})"
    if end.message:
        how = f"{how}: {end.message.strip()}"
    finished = instant(end.finished_at)
    return how if finished is None else f"{how} {human_age((now - finished).total_seconds())} ago"


def _times(one: ContainerStatus) -> str:
    count = one.restart_count
    return f", {count} restart{'s' * (count != 1)}" if count else ""


def explained(problem: Problem, warnings: Iterable[Event]) -> str:
    """Return a problem with what the last warning about it says.

    Args:
        problem: of a pod.
        warnings: events about that pod, the last one first.
    """
    if not problem.vague:
        return problem.text
    for event in warnings:
        needed = _TELLING.get(event.reason or "")
        if event.reason == "Failed" and "Failed to pull" not in (event.message or ""):
            continue  # it only says that this was said before
        if needed is not None and needed in problem.text and event.message:
            return f"{problem.text}: {event.message.strip()}"
    return problem.text


def warnings_by_pod(events: Iterable[Event]) -> Mapping[tuple[str, str], list[Event]]:
    """Return warnings by namespace and name of the pods that they are about, the last first."""
    found: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        about = event.involved_object
        found.setdefault((about.namespace or "", about.name or ""), []).insert(0, event)
    return found
