"""Pods and events as the API sends them: only the fields that are used, decoded from JSON.

What a server may leave out has a default; what it may send as null, too, is None then. `API` is
short for the API reference of Kubernetes, v1.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import Raw, Struct, field

T = TypeVar("T", bound="Object")


class Object(Struct, rename="camel", frozen=True, gc=False):
    """A JSON object whose keys are camelCase; decoded ones are trees, with no cycle to look for."""


class Terminated(Object, frozen=True):
    """A container's end (API: ContainerStateTerminated)."""

    exit_code: int = 0
    signal: int | None = None
    reason: str | None = None
    message: str | None = None
    finished_at: str | None = None


class Waiting(Object, frozen=True):
    """Why a container does not run (API: ContainerStateWaiting)."""

    reason: str | None = None
    message: str | None = None


class Running(Object, frozen=True):
    """Since when a container runs (API: ContainerStateRunning)."""

    started_at: str | None = None


class State(Object, frozen=True):
    """One of three (API: ContainerState)."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


NO_STATE = State()


class ContainerStatus(Object, frozen=True):
    """A container as its node reports it (API: ContainerStatus)."""

    name: str
    ready: bool = False
    started: bool | None = None
    restart_count: int = 0
    state: State | None = None
    last_state: State | None = None
    container_id: str | None = field(default=None, name="containerID")

    @property
    def now(self) -> State:
        """Its state, empty where nothing is known."""
        return self.state or NO_STATE

    @property
    def last_end(self) -> Terminated | None:
        """How it ended the last time it ran before."""
        return (self.last_state or NO_STATE).terminated


class Condition(Object, frozen=True):
    """A condition of a pod (API: PodCondition)."""

    type: str
    status: str
    reason: str | None = None
    message: str | None = None


class Gate(Object, frozen=True):
    """A name that something waits for (API: PodSchedulingGate, PodReadinessGate)."""

    name: str | None = None


class Container(Object, frozen=True):
    """A container as it was asked for (API: Container)."""

    name: str
    restart_policy: str | None = None


class Spec(Object, frozen=True):
    """What was asked for (API: PodSpec)."""

    containers: list[Container]
    init_containers: list[Container] | None = None
    ephemeral_containers: list[Container] | None = None
    node_name: str | None = None
    restart_policy: str | None = None
    scheduling_gates: list[Gate] | None = None


class Address(Object, frozen=True):
    """One of a pod's addresses (API: PodIP)."""

    ip: str | None = None


class Status(Object, frozen=True):
    """What there is (API: PodStatus)."""

    phase: str | None = None
    reason: str | None = None
    message: str | None = None
    pod_ip: str | None = field(default=None, name="podIP")
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of a type."""
        return next((one for one in self.conditions or () if one.type == kind), None)

    def has(self, kind: str) -> bool:
        """Tell whether a condition is there and true."""
        found = self.condition(kind)
        return found is not None and found.status == "True"


class Metadata(Object, frozen=True):
    """What every object has (API: ObjectMeta)."""

    name: str = ""
    namespace: str | None = None
    uid: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    resource_version: str | None = None
    finalizers: list[str] | None = None
    annotations: dict[str, str] | None = None


class Pod(Object, frozen=True):
    """A pod (API: Pod)."""

    metadata: Metadata
    spec: Spec
    status: Status = field(default_factory=Status)


class ObjectReference(Object, frozen=True):
    """What an event is about (API: ObjectReference)."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    field_path: str | None = None


class Series(Object, frozen=True):
    """How often an event came again (API: EventSeries)."""

    count: int | None = None
    last_observed_time: str | None = None


class Source(Object, frozen=True):
    """Who reports an event (API: EventSource)."""

    component: str | None = None
    host: str | None = None


class Event(Object, frozen=True):
    """An event (API: Event, of the core group; those of events.k8s.io are the same ones)."""

    metadata: Metadata
    involved_object: ObjectReference
    type: str | None = None
    reason: str | None = None
    message: str | None = None
    count: int | None = None
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    event_time: str | None = None
    series: Series | None = None
    source: Source | None = None
    reporting_component: str | None = None
    reporting_instance: str | None = None


class ListMetadata(Object, frozen=True):
    """Of a page (API: ListMeta)."""

    resource_version: str | None = None
    next: str | None = field(default=None, name="continue")


class Page(Object, Generic[T], frozen=True):
    """A page of a list."""

    metadata: ListMetadata
    items: list[T] | None = None


class Change(Object, frozen=True):
    """What a watch reports (API: WatchEvent)."""

    type: str
    object: Raw
