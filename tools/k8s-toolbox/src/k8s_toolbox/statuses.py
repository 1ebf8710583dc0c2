"""A pod's row as `kubectl get pods` shows it.

kubectl has it from the server; the rules are those of Kubernetes 1.35, in printPod of
pkg/printers/internalversion/printers.go. Older servers know fewer: what a Failed pod of several
containers shows, and that Terminating ends with the pod, came with 1.33 and 1.35.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .models import ContainerStatus, Pod, Terminated

TERMINAL = frozenset({"Succeeded", "Failed"})
"""Phases that a pod does not leave."""

NODE_LOST = "NodeLost"
ALWAYS = "Always"


class Restarts(NamedTuple):
    """How often containers were started again, and when the last of them had ended."""

    number: int = 0
    last: datetime | None = None

    def with_those_of(self, status: ContainerStatus) -> Restarts:
        """Return the sum with a container's."""
        ended = instant(status.last_end.finished_at) if status.last_end else None
        last = max(filter(None, (self.last, ended)), default=None)
        return Restarts(self.number + status.restart_count, last)


class Summary(NamedTuple):
    """What kubectl says of a pod.

    Attributes:
        ready: containers that are.
        total: containers that have to be: init containers that go on are among them.
        status: the one word for it.
        restarts: while it initialises, of init containers; then of those that go on.
    """

    ready: int
    total: int
    status: str
    restarts: Restarts


def summary_of(pod: Pod) -> Summary:
    """Return what kubectl says of a pod."""
    lasting = lasting_of(pod)
    init = _Initialising(pod, lasting)
    ready, status, restarts = init.ready, init.status or _first_word(pod), init.restarts
    if not init.status or pod.status.has("Initialized"):
        main = _Main(pod, status)
        ready, status = ready + main.ready, main.status
        restarts = _restarts(pod.status.container_statuses or (), init.lasting_restarts)
    total = len(pod.spec.containers) + len(lasting)
    return Summary(ready, total, _last_word(pod, status), restarts)


def lasting_of(pod: Pod) -> set[str]:
    """Return the names of the init containers that go on: sidecars."""
    return {one.name for one in pod.spec.init_containers or () if one.restart_policy == ALWAYS}


def _first_word(pod: Pod) -> str:
    """Return the status where no container has anything to say."""
    scheduled = pod.status.condition("PodScheduled")
    if scheduled and scheduled.reason == "SchedulingGated":
        return "SchedulingGated"
    return pod.status.reason or pod.status.phase or ""


def _last_word(pod: Pod, status: str) -> str:
    if pod.metadata.deletion_timestamp is None:
        return status
    if pod.status.reason == NODE_LOST:
        return "Unknown"
    return status if pod.status.phase in TERMINAL else "Terminating"


class _Initialising:
    """What init containers say, up to the first that is not done."""

    def __init__(self, pod: Pod, lasting: set[str]) -> None:
        self.ready = 0
        self.status = ""
        self.restarts = Restarts()
        self.lasting_restarts = Restarts()
        for number, one in enumerate(pod.status.init_container_statuses or ()):
            self.restarts = self.restarts.with_those_of(one)
            if one.name in lasting:
                self.lasting_restarts = self.lasting_restarts.with_those_of(one)
            end = one.now.terminated
            if end and end.exit_code == 0:
                continue
            if one.name in lasting and one.started:
                self.ready += one.ready
                continue
            self.status = _init_word(one, number, len(pod.spec.init_containers or ()))
            return


def _init_word(status: ContainerStatus, number: int, total: int) -> str:
    if status.now.terminated:
        return f"Init:{end_word(status.now.terminated)}"
    reason = status.now.waiting and status.now.waiting.reason
    if reason and reason != "PodInitializing":
        return f"Init:{reason}"
    return f"Init:{number}/{total}"


class _Main:
    """What the containers say; the first of them has the last word.

    Args:
        pod: theirs.
        status: what there is to say if they say nothing.
    """

    def __init__(self, pod: Pod, status: str) -> None:
        self.ready = 0
        self.status = status
        failure = ""
        for one in reversed(pod.status.container_statuses or ()):
            if one.now.waiting and one.now.waiting.reason:
                self.status = one.now.waiting.reason
            elif one.now.terminated:
                self.status = end_word(one.now.terminated)
                failure = self.status if one.now.terminated.exit_code else failure
            elif one.ready and one.now.running:
                self.ready += 1
        if self.status == "Completed":
            self.status = self._unless_others_go_on(pod, failure)

    def _unless_others_go_on(self, pod: Pod, failure: str) -> str:
        if self.ready and pod.status.has("Ready"):
            return "Running"
        return failure or ("NotReady" if self.ready else self.status)


def end_word(end: Terminated) -> str:
    """Return the reason of a container's end, else its signal or exit code."""
    if end.reason:
        return end.reason
    return f"Signal:{end.signal}" if end.signal else f"ExitCode:{end.exit_code}"


def _restarts(statuses: Iterable[ContainerStatus], first: Restarts) -> Restarts:
    for one in statuses:
        first = first.with_those_of(one)
    return first


def instant(text: str | None) -> datetime | None:
    """Return an instant of the API's, RFC 3339; None where there is none, or no sense in it."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    if moment is None or moment.year == 1:  # Go's zero time, which some clients write
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
