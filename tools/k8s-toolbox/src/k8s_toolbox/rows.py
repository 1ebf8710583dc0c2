"""Pods as rows: what is shown of one, in which order."""

from __future__ import annotations

import re
from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple

from .ages import human_age
from .problems import problem_of
from .statuses import instant, summary_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .models import Pod
    from .problems import Problem

NONE = "<none>"
UNKNOWN = "<unknown>"


class PodRow(NamedTuple):
    """What is shown of a pod.

    Attributes:
        uid: tells a pod from one of the same name that came before.
        ready: containers that are.
        total: containers that have to be.
        restarts: of containers.
        last_restart: when the last container ended that was started again.
        problem: what is wrong with it, if something is.
    """

    name: str
    namespace: str
    uid: str
    ready: int
    total: int
    status: str
    restarts: int
    last_restart: datetime | None
    created: datetime | None
    node: str | None
    ip: str | None
    problem: Problem | None

    def age(self, now: datetime) -> str:
        """Return the pod's age as kubectl writes it."""
        return human_age((now - self.created).total_seconds()) if self.created else UNKNOWN

    def restarts_text(self, now: datetime) -> str:
        """Return the number of restarts, and how long ago the last was: `5 (2m ago)`."""
        if not self.restarts or self.last_restart is None:
            return str(self.restarts)
        return f"{self.restarts} ({human_age((now - self.last_restart).total_seconds())} ago)"

    def document(self, now: datetime, problem: str | None) -> dict[str, Any]:
        """Return the fields of `--json`."""
        age = None if self.created is None else int((now - self.created).total_seconds())
        last = self.last_restart
        return {
            "name": self.name,
            "namespace": self.namespace,
            "ready": f"{self.ready}/{self.total}",
            "status": self.status,
            "restarts": self.restarts,
            "last_restart": last.isoformat().replace("+00:00", "Z") if last else None,
            "age_seconds": age,
            "node": self.node,
            "ip": self.ip,
            "problem": problem,
        }


def row_of(pod: Pod, *, now: datetime) -> PodRow:
    """Return what is shown of a pod."""
    summary = summary_of(pod)
    return PodRow(
        name=pod.metadata.name,
        namespace=pod.metadata.namespace or "",
        uid=pod.metadata.uid,
        ready=summary.ready,
        total=summary.total,
        status=summary.status,
        restarts=summary.restarts.number,
        last_restart=summary.restarts.last,
        created=instant(pod.metadata.creation_timestamp),
        node=pod.spec.node_name,
        ip=pod.status.pod_ip,
        problem=problem_of(pod, now=now),
    )


def _natural(text: str) -> list[str | int]:
    """Return the sort key that has web-10 after web-9, as kubectl has it."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", text)]


def _address(text: str | None) -> tuple[int, int]:
    try:
        address = ip_address(text or "")
    except ValueError:
        return 0, 0
    return address.version, int(address)


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


SORT_KEYS: dict[str, Callable[[PodRow], Any]] = {
    "name": lambda row: _natural(row.name),
    "namespace": lambda row: _natural(row.namespace),
    "ready": lambda row: (row.ready - row.total, row.ready),
    "status": lambda row: row.status,
    "restarts": lambda row: row.restarts,
    "last-restart": lambda row: _seconds(row.last_restart),
    "created": lambda row: _seconds(row.created),
    "age": lambda row: -_seconds(row.created),
    "node": lambda row: _natural(row.node or ""),
    "ip": lambda row: _address(row.ip),
}
"""What pods can be sorted by, and how; `age` has the youngest first, `created` the oldest;
names are sorted as kubectl sorts them."""

KUBECTL_KEYS = {
    ".metadata.name": "name",
    ".metadata.namespace": "namespace",
    ".metadata.creationTimestamp": "created",
    ".spec.nodeName": "node",
    ".status.podIP": "ip",
    ".status.containerStatuses[0].restartCount": "restarts",
}
"""What kubectl's users are used to write."""
