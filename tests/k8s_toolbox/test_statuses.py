"""Ready, status and restarts of pods, as Kubernetes 1.35 tells kubectl."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from k8s_toolbox.models import Pod
from k8s_toolbox.rows import row_of
from k8s_toolbox.statuses import instant, summary_of
from tests.support.kube_objects import (
    Object,
    after,
    ago,
    condition,
    pod,
    running,
    terminated,
    waiting,
)

READY = condition("Ready", "True")
UNREADY = condition("Ready", "False")
INITIALIZED = condition("Initialized", "True")
PENDING: Object = {"phase": "Pending", "node": None}
DELETED: Object = {"metadata": {"deletionTimestamp": ago(5)}}


def started(name: str, **more: Any) -> Object:
    """Return a container that runs, has started and is not ready."""
    return running(name, ready=False, **more)


def starting(name: str) -> Object:
    """Return a container that runs, and whose startup probe has not passed yet."""
    return running(name, ready=False) | {"started": False}


def with_conditions(*conditions: Object, **status: Any) -> Object:
    return {"status": {"conditions": list(conditions), **status}}


def summary(thing: Object) -> tuple[str, str, int]:
    found = summary_of(msgspec.convert(thing, Pod))
    return f"{found.ready}/{found.total}", found.status, found.restarts.number


def bare(**more: Any) -> Object:
    """Return a pod that no node has seen yet."""
    empty = {"containerStatuses": None, "initContainerStatuses": None}
    status = {**empty, "conditions": None, **more.pop("status", {})}
    return pod("web-0", **PENDING, status=status, **more)


PLAIN = [
    (pod("p"), "1/1", "Running", 0),
    (pod("p", running("a", restarts=3), running("b", restarts=4)), "2/2", "Running", 7),
    (pod("p", running("a"), started("b", restarts=2)), "1/2", "Running", 2),
    (
        pod("p", running("a"), waiting("b", "CrashLoopBackOff", restarts=5)),
        "1/2",
        "CrashLoopBackOff",
        5,
    ),
    (
        pod("p", waiting("a", "ImagePullBackOff"), waiting("b", "ErrImagePull")),
        "0/2",
        "ImagePullBackOff",
        0,
    ),
    (pod("p", waiting("a", "ContainerCreating"), phase="Pending"), "0/1", "ContainerCreating", 0),
    (pod("p", waiting("a", ""), phase="Pending"), "0/1", "Pending", 0),
    (
        pod("p", waiting("a", "CreateContainerConfigError"), phase="Pending"),
        "0/1",
        "CreateContainerConfigError",
        0,
    ),
    (bare(), "0/1", "Pending", 0),
    (bare(status={"phase": None}), "0/1", "", 0),
    (
        bare(status={"conditions": [condition("PodScheduled", "False", "Unschedulable")]}),
        "0/1",
        "Pending",
        0,
    ),
    (
        bare(status={"conditions": [condition("PodScheduled", "False", "SchedulingGated")]}),
        "0/1",
        "SchedulingGated",
        0,
    ),
    (bare(status={"phase": "Failed", "reason": "Evicted"}), "0/1", "Evicted", 0),
    (bare(status={"phase": "Failed", "reason": "NodeAffinity"}), "0/1", "NodeAffinity", 0),
    (bare(status={"phase": "Unknown"}), "0/1", "Unknown", 0),
]
ENDED = [
    (pod("p", terminated("a"), phase="Succeeded"), "0/1", "Completed", 0),
    (pod("p", terminated("a", 1), phase="Failed"), "0/1", "Error", 0),
    (pod("p", terminated("a", 137, "OOMKilled"), phase="Failed"), "0/1", "OOMKilled", 0),
    (pod("p", terminated("a", 3, ""), phase="Failed"), "0/1", "ExitCode:3", 0),
    (pod("p", terminated("a", 137, "", signal=9), phase="Failed"), "0/1", "Signal:9", 0),
    (pod("p", terminated("a", 0, ""), phase="Succeeded"), "0/1", "ExitCode:0", 0),
    (
        pod("p", terminated("a", 137), phase="Failed", status={"reason": "Evicted"}),
        "0/1",
        "Error",
        0,
    ),
    # the first container has the last word
    (pod("p", terminated("a", 1), terminated("b", 2, "Second"), phase="Failed"), "0/2", "Error", 0),
    # one is done, the others go on
    (pod("p", terminated("a"), running("b"), **with_conditions(READY)), "1/2", "Running", 0),
    (pod("p", terminated("a"), running("b"), **with_conditions(UNREADY)), "1/2", "NotReady", 0),
    (pod("p", terminated("a"), running("b"), **with_conditions()), "1/2", "NotReady", 0),
    (pod("p", terminated("a"), started("b"), **with_conditions(UNREADY)), "0/2", "Completed", 0),
    (pod("p", running("a"), terminated("b", 1), **with_conditions(UNREADY)), "1/2", "Error", 0),
    (pod("p", status={"reason": "Completed"}), "1/1", "Running", 0),
    # a failure is not hidden behind the one that completed
    (pod("p", terminated("a"), terminated("b", 1), phase="Failed"), "0/2", "Error", 0),
    (
        pod("p", terminated("a"), terminated("b", 7, ""), terminated("c", 1), phase="Failed"),
        "0/3",
        "ExitCode:7",
        0,
    ),
    (
        pod("p", terminated("a"), terminated("b", 1), running("c"), **with_conditions(UNREADY)),
        "1/3",
        "Error",
        0,
    ),
    (
        pod("p", terminated("a"), terminated("b", 1), running("c"), **with_conditions(READY)),
        "1/3",
        "Running",
        0,
    ),
    (pod("p", terminated("a", 1, "Completed"), phase="Failed"), "0/1", "Completed", 0),
]
GOING = [
    (pod("p", **DELETED), "1/1", "Terminating", 0),
    (pod("p", terminated("a"), phase="Succeeded", **DELETED), "0/1", "Completed", 0),
    (pod("p", terminated("a", 1), phase="Failed", **DELETED), "0/1", "Error", 0),
    (pod("p", status={"reason": "NodeLost"}, **DELETED), "1/1", "Unknown", 0),
    (
        pod("p", terminated("a"), phase="Succeeded", status={"reason": "NodeLost"}, **DELETED),
        "0/1",
        "Unknown",
        0,
    ),
    (pod("p", status={"reason": "NodeLost"}), "1/1", "NodeLost", 0),
    (pod("p", waiting("a", "CrashLoopBackOff"), **DELETED), "0/1", "Terminating", 0),
    (bare(**DELETED), "0/1", "Terminating", 0),
]


def initialising(*init: Object, lasting: tuple[str, ...] = (), **more: Any) -> Object:
    """Return a pod whose one container waits for its init containers."""
    given = {"phase": "Pending", **with_conditions(condition("Initialized", "False")), **more}
    return pod("p", waiting("a", "PodInitializing"), init=init, lasting=lasting, **given)


WAIT = waiting("w", "PodInitializing")
INIT = [
    (initialising(started("i")), "0/1", "Init:0/1", 0),
    (initialising(waiting("i", "PodInitializing"), WAIT), "0/1", "Init:0/2", 0),
    (initialising(terminated("i"), started("j"), WAIT), "0/1", "Init:1/3", 0),
    (initialising(terminated("i"), waiting("j", "")), "0/1", "Init:1/2", 0),
    (
        initialising(waiting("i", "CrashLoopBackOff", restarts=4), WAIT),
        "0/1",
        "Init:CrashLoopBackOff",
        4,
    ),
    (initialising(waiting("i", "ImagePullBackOff")), "0/1", "Init:ImagePullBackOff", 0),
    (initialising(terminated("i", 1)), "0/1", "Init:Error", 0),
    (initialising(terminated("i", 1, "")), "0/1", "Init:ExitCode:1", 0),
    (initialising(terminated("i", 137, "", signal=9)), "0/1", "Init:Signal:9", 0),
    (initialising(terminated("i", 137, "OOMKilled")), "0/1", "Init:OOMKilled", 0),
    (initialising(started("i"), **DELETED), "0/1", "Terminating", 0),
    # restarts of what comes after the one that is not done do not count yet
    (
        initialising(
            terminated("i") | {"restartCount": 2},
            started("j", restarts=3),
            running("k", restarts=9),
        ),
        "0/1",
        "Init:1/3",
        5,
    ),
    # all done: only the containers count
    (
        pod("p", running("a", restarts=1), init=(terminated("i") | {"restartCount": 5},)),
        "1/1",
        "Running",
        1,
    ),
    (initialising(terminated("i")), "0/1", "PodInitializing", 0),
    # an init container is run again after a restart of the node: only its word changes
    (
        pod(
            "p",
            running("a", restarts=2),
            init=(started("i", restarts=1),),
            **with_conditions(INITIALIZED),
        ),
        "1/1",
        "Init:0/1",
        2,
    ),
]
SIDECARS = [
    (pod("p", init=(running("s"),), lasting=("s",)), "2/2", "Running", 0),
    (
        pod("p", running("a", restarts=2), init=(running("s", restarts=3),), lasting=("s",)),
        "2/2",
        "Running",
        5,
    ),
    (pod("p", init=(started("s"),), lasting=("s",)), "1/2", "Running", 0),
    (initialising(starting("s"), lasting=("s",)), "0/2", "Init:0/1", 0),
    (initialising(running("s"), lasting=("s",)), "1/2", "PodInitializing", 0),
    (
        initialising(running("s", restarts=2), started("i", restarts=1), lasting=("s",)),
        "1/2",
        "Init:1/2",
        3,
    ),
    (initialising(started("s"), started("i"), lasting=("s",)), "0/2", "Init:1/2", 0),
    (initialising(started("i"), WAIT, lasting=("w",)), "0/2", "Init:0/2", 0),
    (
        initialising(waiting("s", "CrashLoopBackOff", restarts=3), lasting=("s",)),
        "0/2",
        "Init:CrashLoopBackOff",
        3,
    ),
    # it fails while the pod runs
    (
        pod(
            "p",
            init=(waiting("s", "CrashLoopBackOff", restarts=3),),
            lasting=("s",),
            **with_conditions(INITIALIZED),
        ),
        "1/2",
        "Init:CrashLoopBackOff",
        3,
    ),
    (
        pod("p", init=(terminated("s", 1),), lasting=("s",), **with_conditions(INITIALIZED)),
        "1/2",
        "Init:Error",
        0,
    ),
    # the pod is done: sidecars end last
    (
        pod("p", terminated("a"), init=(terminated("s"),), lasting=("s",), phase="Succeeded"),
        "0/2",
        "Completed",
        0,
    ),
    (
        pod(
            "p",
            terminated("a"),
            init=(running("s"),),
            lasting=("s",),
            **with_conditions(UNREADY, INITIALIZED),
        ),
        "1/2",
        "Completed",
        0,
    ),
    (
        pod(
            "p",
            terminated("a"),
            init=(terminated("s", 137),),
            lasting=("s",),
            phase="Succeeded",
            **with_conditions(INITIALIZED),
        ),
        "0/2",
        "Completed",
        0,
    ),
]


@pytest.mark.parametrize(
    ("thing", "ready", "status", "restarts"), [*PLAIN, *ENDED, *GOING, *INIT, *SIDECARS]
)
def test_a_pod_shows_as_kubectl_shows_it(
    thing: Object, ready: str, status: str, restarts: int
) -> None:
    assert summary(thing) == (ready, status, restarts)


def restarts_text(thing: Object) -> str:
    now = datetime.now(UTC)
    return row_of(msgspec.convert(thing, Pod), now=now).restarts_text(now)


def test_restarts_say_how_long_ago_the_last_of_any_container_was() -> None:
    first = after(running("a", restarts=3), 1, since=4000)
    second = after(running("b", restarts=1), 1, since=20 * 60 + 5)
    assert restarts_text(pod("p", first, second)) == "4 (20m ago)"


def test_restarts_without_a_time_are_only_a_number() -> None:
    assert restarts_text(pod("p", running("a", restarts=3))) == "3"
    no_time = running("a", restarts=3) | {"lastState": {"terminated": {"exitCode": 1}}}
    assert restarts_text(pod("p", no_time)) == "3"


def test_an_end_before_without_a_restart_is_not_shown() -> None:
    assert restarts_text(pod("p", after(running("a"), 1))) == "0"


def test_while_a_pod_initialises_the_last_restart_is_an_init_containers() -> None:
    late = after(waiting("i", "CrashLoopBackOff", restarts=2), 1, since=30 * 60 + 5)
    assert restarts_text(initialising(late)) == "2 (30m ago)"


def test_then_it_is_one_of_those_that_go_on() -> None:
    init = after(terminated("i") | {"restartCount": 4}, 1, since=600)
    side = after(running("s", restarts=1), 1, since=40 * 60 + 5)
    app = after(running("a", restarts=1), 1, since=50 * 60 + 5)
    assert restarts_text(pod("p", app, init=(init, side), lasting=("s",))) == "2 (40m ago)"
    assert restarts_text(pod("p", app, init=(init,))) == "1 (50m ago)"


@pytest.mark.parametrize(
    "text", ["", None, "yesterday", "2026-13-01T00:00:00Z", "0001-01-01T00:00:00Z"]
)
def test_what_is_no_instant_is_none(text: str | None) -> None:
    assert instant(text) is None


def test_an_instant_without_a_zone_is_in_utc() -> None:
    found = instant("2026-11-22T10:00:00")
    assert found is not None
    assert found.utcoffset() == timedelta(0)
