"""Events as rows: when they were last seen, how often, and what they are about."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from toolroll_shared.errors import UsageError

from .ages import human_age
from .statuses import instant

if TYPE_CHECKING:
    from .models import Event

UNKNOWN = "<unknown>"

KINDS = {
    "cj": "cronjob",
    "cm": "configmap",
    "crd": "customresourcedefinition",
    "csr": "certificatesigningrequest",
    "deploy": "deployment",
    "ds": "daemonset",
    "ep": "endpoints",
    "ev": "event",
    "hpa": "horizontalpodautoscaler",
    "ing": "ingress",
    "limits": "limitrange",
    "netpol": "networkpolicy",
    "no": "node",
    "ns": "namespace",
    "pdb": "poddisruptionbudget",
    "pc": "priorityclass",
    "po": "pod",
    "pv": "persistentvolume",
    "pvc": "persistentvolumeclaim",
    "quota": "resourcequota",
    "rc": "replicationcontroller",
    "rs": "replicaset",
    "sa": "serviceaccount",
    "sc": "storageclass",
    "sts": "statefulset",
    "svc": "service",
}
"""kubectl's short names of kinds."""

CLUSTERWIDE = frozenset(
    {"namespace", "node", "persistentvolume", "priorityclass", "storageclass"}
    | {"certificatesigningrequest", "customresourcedefinition"}
)
"""Kinds that are in no namespace; their events are in `default`."""


class Subject(NamedTuple):
    """What events are wanted about.

    Attributes:
        kind: in small letters, as the user wrote it.
        name: of the object.
    """

    kind: str
    name: str

    def fits(self, event: Event) -> bool:
        """Tell whether an event is about it; kinds may be in the plural, or short."""
        kind = (event.involved_object.kind or "").lower()
        return self._is_of(kind) and event.involved_object.name == self.name

    @property
    def is_clusterwide(self) -> bool:
        """Whether it is in no namespace."""
        return any(map(self._is_of, CLUSTERWIDE))

    def _is_of(self, kind: str) -> bool:
        wanted = KINDS.get(self.kind, self.kind)
        return wanted in {kind, f"{kind}s", f"{kind}es", f"{kind.removesuffix('y')}ies"}


def field_value(text: str) -> str:
    """Return a value as a field selector has it: what has a meaning there is escaped."""
    return "".join(f"\\{one}" if one in "\\,=" else one for one in text)


def subject_of(text: str) -> Subject:
    """Return what `KIND/NAME` means; `deployment.apps/NAME` is the same as `deployment/NAME`.

    Raises:
        UsageError: it is not of that form.
    """
    kind, _, name = text.partition("/")
    if not kind or not name or "/" in name:
        raise UsageError(f"{text!r} is not KIND/NAME, such as pod/web-0")
    return Subject(kind.lower().partition(".")[0], name)


class EventRow(NamedTuple):
    """What is shown of an event.

    Attributes:
        last_seen: the series' last, else the last, else the only time.
        since: when it was first seen.
        times: how often; at least once.
        about: `Pod/web-0`.
    """

    uid: str
    namespace: str
    last_seen: datetime | None
    since: datetime | None
    times: int
    type: str
    reason: str
    about: str
    message: str
    source: str

    def age(self, now: datetime) -> str:
        """Return how long ago it was last seen, and how often since when: `10s (x5 over 2m)`."""
        if self.last_seen is None:
            return UNKNOWN
        text = human_age((now - self.last_seen).total_seconds())
        if self.times > 1 and self.since is not None:
            text += f" (x{self.times} over {human_age((now - self.since).total_seconds())})"
        return text

    def document(self) -> dict[str, Any]:
        """Return the fields of `--json`."""
        seen = self.last_seen
        return {
            "last_seen": seen.isoformat().replace("+00:00", "Z") if seen else None,
            "count": self.times,
            "type": self.type,
            "reason": self.reason,
            "object": self.about,
            "namespace": self.namespace,
            "message": self.message,
            "source": self.source,
        }


def row_of(event: Event) -> EventRow:
    """Return what is shown of an event."""
    series, source, about = event.series, event.source, event.involved_object
    only = instant(event.event_time)
    last = instant(series.last_observed_time) if series else None
    component = (source and source.component) or event.reporting_component or ""
    host = (source and source.host) or ""
    return EventRow(
        uid=event.metadata.uid,
        namespace=event.metadata.namespace or "",
        last_seen=last or instant(event.last_timestamp) or only or instant(event.first_timestamp),
        since=instant(event.first_timestamp) or only,
        times=max(1, (series.count if series else None) or event.count or 1),
        type=event.type or "",
        reason=event.reason or "",
        about=f"{about.kind or '?'}/{about.name or '?'}",
        message=(event.message or "").strip(),
        source=", ".join(filter(None, (component, host))),
    )


def order(row: EventRow) -> tuple[float, str, str]:
    """Return the sort key: the one seen last comes last; those without any time come first."""
    return (row.last_seen.timestamp() if row.last_seen else 0.0, row.namespace, row.about)
