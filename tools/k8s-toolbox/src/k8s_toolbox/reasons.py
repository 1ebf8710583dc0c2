"""Which warning about a pod says why it is not well."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from .happenings import row_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .models import Event


class Topic(Enum):
    """What a warning has to be about."""

    SCHEDULING = auto()
    START = auto()
    PULL = auto()
    PROBE = auto()
    KILL = auto()
    NODE = auto()


_REASONS = {
    Topic.SCHEDULING: {"FailedScheduling"},
    Topic.START: {
        "FailedAttachVolume",
        "FailedCreatePodContainer",
        "FailedCreatePodSandBox",
        "FailedMapVolume",
        "FailedMount",
        "FailedPodSandBoxStatus",
        "NetworkNotReady",
    },
    Topic.PULL: {"Failed"},
    Topic.PROBE: {"Unhealthy", "ProbeError"},
    Topic.KILL: {"Unhealthy", "ProbeError"},
    Topic.NODE: {"NodeNotReady"},
}
"""Reasons of the warnings that tell."""

_STARTS = {Topic.PULL: ("Failed to pull",), Topic.KILL: ("Liveness", "Startup")}
"""How their messages start, where others have the same reason."""

_GENERIC = "Unable to attach or mount volumes"
"""Comes beside the warning that says which volume, and why."""


def telling(
    warnings: Iterable[Event], topic: Topic, *, container: str | None, born: datetime | None
) -> str | None:
    """Return the message of the warning that says most about a problem.

    Args:
        warnings: about the pod's name, the last one first.
        topic: what it has to be about.
        container: and about which one; None for any.
        born: when the pod was made: there may have been another one of that name before.
    """
    found = [
        event.message or ""
        for event in warnings
        if _tells(event, topic) and _is_about(event, container) and not _is_before(event, born)
    ]
    found.sort(key=lambda message: message.startswith(_GENERIC))
    return next(filter(None, found), None)


def _tells(event: Event, topic: Topic) -> bool:
    return event.reason in _REASONS[topic] and (event.message or "").startswith(
        _STARTS.get(topic, ("",))
    )


def _is_about(event: Event, container: str | None) -> bool:
    """Tell whether an event is about a container, `spec.containers{app}`, or about none."""
    path = event.involved_object.field_path or ""
    return container is None or "{" not in path or path.endswith(f"{{{container}}}")


def _is_before(event: Event, born: datetime | None) -> bool:
    seen = row_of(event).last_seen
    return seen is not None and born is not None and seen < born
