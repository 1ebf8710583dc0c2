"""Why a pod is not well, in one line; None for one that is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from .ages import human_age
from .reasons import Topic
from .statuses import NODE_LOST, TERMINAL, end_word, instant, lasting_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .models import Condition, ContainerStatus, Pod, Terminated

FIRST_BACKOFF_S = 10.0
LAST_BACKOFF_S = 600.0
"""A kubelet waits 10 s before the second start, twice as long before each further one, and
forgets it after 10 minutes (pkg/kubelet: MaxContainerBackOff, twice)."""

GRACE = timedelta(seconds=10)
"""By which a pod may be late to go: its node has to notice and to say so."""

KILLED = frozenset({137, 143})
"""Exit codes of a container that its node has stopped, perhaps because a probe failed."""

_LIMIT, _HEAD = 300, 180
"""Letters of what others say that are shown, and how many of them are the first ones: the end
of a chain of reasons is the one that matters."""


class Problem(NamedTuple):
    """What is wrong with a pod.

    Attributes:
        head: what it is.
        detail: what the pod says about it.
        topic: of warnings that say more; None where none do.
        container: the one that is meant, if it is one.
    """

    head: str
    detail: str = ""
    topic: Topic | None = None
    container: str | None = None

    @property
    def text(self) -> str:
        """One line."""
        return self.text_with(self.detail)

    def text_with(self, detail: str) -> str:
        """Return one line with another detail."""
        return ": ".join(filter(None, (_short(self.head), _short(detail))))


def _short(text: str) -> str:
    """Return what others say as one line that is not too long."""
    line = " ".join(text.split()).removesuffix(":")
    if len(line) <= _LIMIT:
        return line
    return f"{line[:_HEAD]} ... {line[_HEAD - _LIMIT :]}"


def problem_of(pod: Pod, *, now: datetime) -> Problem | None:
    """Return what is wrong with a pod, as far as it says itself; the worst thing first."""
    phase = pod.status.phase
    if phase == "Failed":
        return _failed(pod, now)
    if pod.metadata.deletion_timestamp is not None:
        return _lingering(pod, now)
    if phase == "Succeeded":
        return None
    return (
        _unscheduled(pod)
        or next(_troubled(pod, now), None)
        or _unready(pod, now)
        or _unstable(pod, now)
    )


def _lingering(pod: Pod, now: datetime) -> Problem | None:
    """Return the problem of a pod that should be gone: its grace is part of the timestamp."""
    due = instant(pod.metadata.deletion_timestamp)
    if pod.status.reason == NODE_LOST and pod.status.phase not in TERMINAL:
        return Problem("its node is lost", pod.status.message or NODE_LOST)
    if due is None or now - due <= GRACE:
        return None
    since = human_age((now - due).total_seconds())
    held = ", ".join(pod.metadata.finalizers or ())
    stopped = "it is not removed" if pod.status.phase in TERMINAL else "its node has not stopped it"
    why = f"held by finalizers {held}" if held else stopped
    return Problem(f"should have been gone {since} ago", why)


def _failed(pod: Pod, now: datetime) -> Problem:
    said = ": ".join(filter(None, (pod.status.reason, pod.status.message)))
    for one in _containers(pod):
        if (end := one.now.terminated) and end.exit_code:
            head = f"{_name(pod, one)}: {_end(end, now)}"
            return Problem(f"{_short(said)}; {head}" if said else head, end.message or "")
    return Problem(said or "failed, and does not say why")


def _unscheduled(pod: Pod) -> Problem | None:
    scheduled = pod.status.condition("PodScheduled")
    if pod.status.phase != "Pending" or pod.spec.node_name:
        return None
    if pod.spec.scheduling_gates or (scheduled and scheduled.reason == "SchedulingGated"):
        gates = ", ".join(gate.name or "?" for gate in pod.spec.scheduling_gates or ())
        return Problem("SchedulingGated", f"waits for {gates or 'its gates'}")
    if scheduled and scheduled.status == "False":
        return Problem(scheduled.reason or "Unschedulable", scheduled.message or "")
    return Problem("waits to be scheduled", topic=Topic.SCHEDULING)


def _troubled(pod: Pod, now: datetime) -> Iterator[Problem]:
    """Yield what containers say that wait, or have failed; init containers come first."""
    for one in _containers(pod):
        if (waiting := one.now.waiting) is not None:
            if waiting.reason == "PodInitializing" and not _is_init(pod, one):
                continue  # an init container says why
            yield _waiting(pod, one, now)
        elif (end := one.now.terminated) and end.exit_code:
            head = f"{_name(pod, one)}: {_end(end, now)}{_times(one)}"
            yield Problem(head, end.message or "", _killer(end), one.name)


def _waiting(pod: Pod, one: ContainerStatus, now: datetime) -> Problem:
    reason = (one.now.waiting and one.now.waiting.reason) or "waits to be started"
    message = (one.now.waiting and one.now.waiting.message) or ""
    head, end = f"{_name(pod, one)}: {reason}", one.last_end
    if end is not None and (reason == "CrashLoopBackOff" or not message):
        head += f", last {_end(end, now)}{_times(one)}"
        return Problem(head, end.message or "", _killer(end), one.name)
    if reason == "ImagePullBackOff":  # what its node says of the pull itself is in an event
        return Problem(head, message, Topic.PULL, one.name)
    return Problem(head, message, None if message else Topic.START, one.name)


def _killer(end: Terminated) -> Topic | None:
    """Return what warnings may say of an end: which probe had the container stopped."""
    return Topic.KILL if end.exit_code in KILLED and end_word(end) != "OOMKilled" else None


def _unready(pod: Pod, now: datetime) -> Problem | None:
    """Return the problem of a pod that runs, and is not ready or has not begun to run."""
    lasting = lasting_of(pod)
    for one in _containers(pod):
        if one.now.running is None or one.ready:
            continue
        if _is_init(pod, one) and one.name not in lasting:
            return Problem(f"{_name(pod, one)} is running")
        late = ": it has not started up yet" if one.started is False else ""
        return Problem(f"{_name(pod, one)} is not ready{late}", "", Topic.PROBE, one.name)
    ready = pod.status.condition("Ready")
    if pod.status.phase == "Running" and (ready is None or ready.status == "True"):
        return None
    if pod.status.phase == "Running" and ready and ready.reason == "PodCompleted":
        return None
    return _ended_early(pod, now) or _waits(pod, ready)


def _ended_early(pod: Pod, now: datetime) -> Problem | None:
    """Return the problem of a pod of which one container is done, and others go on."""
    for one in pod.status.container_statuses or ():
        if pod.status.phase == "Running" and one.now.terminated:
            return Problem(f"{one.name} has ended, others run: {_end(one.now.terminated, now)}")
    return None


def _waits(pod: Pod, ready: Condition | None) -> Problem:
    said = ready and ": ".join(filter(None, (ready.reason, ready.message)))
    topic = Topic.START if pod.status.phase == "Pending" else Topic.NODE
    return Problem(pod.status.phase or "Unknown", said or "not ready", None if said else topic)


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
            head = f"{_name(pod, one)}: runs again, last {_end(end, now)}{_times(one)}"
            return Problem(head, end.message or "", _killer(end), one.name)
    return None


def _containers(pod: Pod) -> Iterator[ContainerStatus]:
    yield from pod.status.init_container_statuses or ()
    yield from pod.status.container_statuses or ()


def _is_init(pod: Pod, one: ContainerStatus) -> bool:
    return one in (pod.status.init_container_statuses or ())


def _name(pod: Pod, one: ContainerStatus) -> str:
    if not _is_init(pod, one):
        return one.name
    return f"{'sidecar' if one.name in lasting_of(pod) else 'init container'} {one.name}"


def _end(end: Terminated, now: datetime) -> str:
    """Return how a container ended, and when: `exit code 3 (Error) 12s ago`."""
    word = end_word(end)
    code = f"exit code {end.exit_code}"
    how = f"{word} ({code})" if word == "OOMKilled" else f"{code} ({word})"
    finished = instant(end.finished_at)
    return how if finished is None else f"{how} {human_age((now - finished).total_seconds())} ago"


def _times(one: ContainerStatus) -> str:
    count = one.restart_count
    return f", {count} restart{'s' * (count != 1)}" if count else ""
