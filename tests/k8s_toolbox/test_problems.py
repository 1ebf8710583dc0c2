"""Why pods are not well, in one line; and that nothing is said of those that are."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from k8s_toolbox.explanations import by_pod, explained
from k8s_toolbox.models import Event, Pod
from k8s_toolbox.problems import problem_of
from k8s_toolbox.rows import row_of
from tests.k8s_toolbox.conftest import Toolbox
from tests.support.kube_api import Answer, KubeApi
from tests.support.kube_objects import (
    Object,
    after,
    ago,
    condition,
    event,
    pod,
    running,
    terminated,
    waiting,
)
from tests.support.kube_state import status as status_object

UNREADY = condition("Ready", "False", "ContainersNotReady", "containers with unready status: [a]")
CRASH = "CrashLoopBackOff"
BACK_OFF = "back-off 5m0s restarting failed container=a pod=web-0"


NOW = datetime.now(UTC)
"""When the pods of the tables below are made."""


def without_ages(text: str | None) -> str:
    return re.sub(r"\b(\d+[smhdy])+ ago", "a while ago", text or "")


def on(*conditions: Object, **status: Any) -> Object:
    return {"status": {"conditions": list(conditions), **status}}


def bare(**more: Any) -> Object:
    """Return a pod that no node has seen yet."""
    status = {"containerStatuses": None, "conditions": None, **more.pop("status", {})}
    return pod("web-0", phase="Pending", node=more.pop("node", None), status=status, **more)


def deleted(seconds: float, **more: Any) -> Object:
    return {"metadata": {"deletionTimestamp": ago(seconds), **more}}


def problem(thing: Object, *events: Object) -> str | None:
    """Return what is said of a pod, with these events."""
    row = row_of(msgspec.convert(thing, Pod), now=NOW)
    warnings = by_pod(msgspec.convert(list(events), list[Event]))
    return explained(row, warnings.get((row.namespace, row.name), ())) if row.problem else None


NOT_READY = running("a", ready=False)
STARTING = running("s", ready=False) | {"started": False}
LONG_AGO = after(running("a", restarts=1, since=3000), 1, since=3010)
DONE = condition("Ready", "False", "PodCompleted")


@pytest.mark.parametrize(
    "thing",
    [
        pod("p"),
        pod("p", running("a"), running("b")),
        pod("p", LONG_AGO),
        pod("p", after(running("a", restarts=4, since=200), 1)),
        pod("p", after(running("a", restarts=1, since=1), 0, "Completed")),
        pod("p", terminated("a"), phase="Succeeded"),
        pod("p", terminated("a"), phase="Succeeded", **on(DONE)),
        pod("p", terminated("a"), terminated("b"), **on(DONE)),
        pod("p", init=(terminated("i"),)),
        pod("p", init=(running("s"),), lasting=("s",)),
        pod("p", terminated("a"), init=(terminated("s"),), lasting=("s",), phase="Succeeded"),
        pod("p", terminated("a"), init=(terminated("s", 137),), lasting=("s",), phase="Succeeded"),
        pod("p", **deleted(-25)),
        pod("p", **deleted(5)),
        pod("p", NOT_READY, **deleted(5)),
        pod("p", waiting("a", CRASH), **deleted(-25)),
        pod("p", terminated("a"), phase="Succeeded", **deleted(5)),
        pod("p", **on()),
    ],
)
def test_nothing_is_said_of_a_pod_that_is_well(thing: Object) -> None:
    assert problem(thing) is None


NODES = "0/3 nodes are available: 3 Insufficient cpu."
LIMITS = {"reason": "Evicted", "message": "The node was low on resource: memory."}
GATES = {"spec": {"schedulingGates": [{"name": "example.com/quota"}, {"name": "b"}]}}
STUCK = deleted(190, finalizers=["example.com/hold", "b"])


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (bare(), "waits to be scheduled"),
        (
            bare(**on(condition("PodScheduled", "False", "Unschedulable", NODES))),
            f"Unschedulable: {NODES}",
        ),
        (bare(**GATES), "SchedulingGated: waits for example.com/quota, b"),
        (bare(node="node-1"), "Pending: not ready"),
        (bare(status={"phase": "Failed", **LIMITS}), ": ".join(LIMITS.values())),
        (bare(status={"phase": "Failed"}), "failed, and does not say why"),
        (bare(status={"phase": "Unknown"}, node="n"), "Unknown: not ready"),
        (
            pod("p", terminated("a", 137), phase="Failed", status=LIMITS),
            f"{': '.join(LIMITS.values())}; a: exit code 137 (Error) 60s ago",
        ),
        (
            pod("p", terminated("a"), terminated("b", 2, ""), phase="Failed"),
            "b: exit code 2 (ExitCode:2) 60s ago",
        ),
        (
            pod("p", terminated("a", 1, message="disk full\n"), phase="Failed"),
            "a: exit code 1 (Error) 60s ago: disk full",
        ),
        (
            pod("p", after(waiting("a", CRASH, BACK_OFF, restarts=5), 3)),
            f"a: {CRASH}, last exit code 3 (Error) 60s ago, 5 restarts",
        ),
        (
            pod("p", after(waiting("a", CRASH, BACK_OFF, restarts=1), 137, "OOMKilled")),
            f"a: {CRASH}, last OOMKilled (exit code 137) 60s ago, 1 restart",
        ),
        (
            pod("p", after(waiting("a", CRASH, BACK_OFF, restarts=2), 0, "Completed")),
            f"a: {CRASH}, last exit code 0 (Completed) 60s ago, 2 restarts",
        ),
        (
            pod("p", after(waiting("a", "CreateContainerConfigError", 'no secret "x"'), 1)),
            'a: CreateContainerConfigError: no secret "x"',
        ),
        (pod("p", waiting("a", "InvalidImageName", "bad")), "a: InvalidImageName: bad"),
        (pod("p", waiting("a", "")), "a: waits to be started"),
        (pod("p", running("b"), terminated("a", 5)), "a: exit code 5 (Error) 60s ago"),
        (
            pod("p", running("b"), terminated("a"), **on(UNREADY)),
            "a has ended, others run: exit code 0 (Completed) 60s ago",
        ),
        (pod("p", NOT_READY), "a is not ready"),
        (pod("p", STARTING), "s is not ready: it has not started up yet"),
        (
            pod("p", init=(STARTING,), lasting=("s",)),
            "sidecar s is not ready: it has not started up yet",
        ),
        (
            pod("p", init=(waiting("s", CRASH),), lasting=("s",)),
            f"sidecar s: {CRASH}",
        ),
        (
            pod("p", waiting("a", "PodInitializing"), init=(running("i", ready=False),)),
            "init container i is running",
        ),
        (
            pod("p", waiting("a", "PodInitializing"), init=(terminated("i", 1),)),
            "init container i: exit code 1 (Error) 60s ago",
        ),
        (pod("p", init=(terminated("i"),), phase="Pending", **on()), "Pending: not ready"),
        (
            pod("p", **on(condition("Ready", "False", "ReadinessGatesNotReady", "no such gate"))),
            "Running: ReadinessGatesNotReady: no such gate",
        ),
        (
            pod("p", after(running("a", restarts=6, since=20), 1, since=25)),
            "a: runs again, last exit code 1 (Error) 25s ago, 6 restarts",
        ),
        (
            pod("p", **STUCK),
            "should have been gone 3m10s ago: held by finalizers example.com/hold, b",
        ),
        (
            pod("p", **deleted(190)),
            "should have been gone 3m10s ago: its node has not stopped it",
        ),
        (
            pod("p", terminated("a"), phase="Succeeded", **STUCK),
            "should have been gone 3m10s ago: held by finalizers example.com/hold, b",
        ),
        (
            pod("p", status={"reason": "NodeLost", "message": "Node n is gone"}, **deleted(5)),
            "its node is lost: Node n is gone",
        ),
    ],
)
def test_a_problem_is_one_line(thing: Object, text: str) -> None:
    assert without_ages(problem(thing)) == without_ages(text)


def test_an_end_says_how_long_ago_it_was() -> None:
    thing = pod("p", terminated("a", 1), phase="Failed")
    thing["status"]["containerStatuses"][0]["state"]["terminated"]["finishedAt"] = (
        NOW - timedelta(minutes=3, seconds=10)
    ).isoformat()
    assert problem(thing) == "a: exit code 1 (Error) 3m10s ago"


def unhealthy(message: str, container: str = "a", **more: Any) -> Object:
    name = more.pop("name", "e")
    one = event(name, "Pod/p", kind="Warning", reason="Unhealthy", message=message, **more)
    one["involvedObject"]["fieldPath"] = f"spec.containers{{{container}}}"
    return one | {"lastTimestamp": more.get("lastTimestamp", ago(10))}


def warning(reason: str, message: str, **more: Any) -> Object:
    name = more.pop("name", reason)
    times = {"lastTimestamp": ago(10), **more}
    return event(name, "Pod/p", kind="Warning", reason=reason, message=message, **times)


PULL = 'Failed to pull image "x": not found'
VOLUME = 'MountVolume.SetUp failed for volume "v": configmap "c" not found'
UNMOUNTED = "Unable to attach or mount volumes: unmounted volumes=[v]: timed out"
CREATING = pod("p", waiting("a", "ContainerCreating"), phase="Pending")
PULLING = pod("p", waiting("a", "ImagePullBackOff", 'Back-off pulling image "x"'))
KILLED = pod("p", after(waiting("a", CRASH, BACK_OFF), 137))
LIVENESS = "Liveness probe failed: HTTP probe failed with statuscode: 500"


@pytest.mark.parametrize(
    ("thing", "events", "end"),
    [
        (
            pod("p", NOT_READY),
            [unhealthy("Readiness probe failed: no")],
            "a is not ready: Readiness probe failed: no",
        ),
        (
            pod("p", NOT_READY),
            [unhealthy("Readiness probe failed: ")],
            "a is not ready: Readiness probe failed",
        ),
        (pod("p", NOT_READY, running("b")), [unhealthy(LIVENESS, "b")], "a is not ready"),
        (
            pod("p", STARTING),
            [unhealthy("Startup probe failed: no", "s")],
            "started up yet: Startup probe failed: no",
        ),
        (pod("p", NOT_READY), [unhealthy("old", lastTimestamp=ago(4000))], "a is not ready"),
        (pod("p", NOT_READY), [warning("BackOff", "Back-off")], "a is not ready"),
        (
            PULLING,
            [warning("Failed", "Error: ErrImagePull", name="z"), warning("Failed", PULL)],
            f"ImagePullBackOff: {PULL}",
        ),
        (PULLING, [], 'ImagePullBackOff: Back-off pulling image "x"'),
        (
            CREATING,
            [
                warning("FailedMount", VOLUME, lastTimestamp=ago(30)),
                warning("FailedMount", UNMOUNTED, name="z"),
            ],
            f"ContainerCreating: {VOLUME}",
        ),
        (CREATING, [warning("FailedMount", UNMOUNTED)], f"ContainerCreating: {UNMOUNTED}"),
        (CREATING, [warning("FailedScheduling", NODES)], "a: ContainerCreating"),
        (
            CREATING,
            [warning("FailedCreatePodSandBox", "no network")],
            "ContainerCreating: no network",
        ),
        (
            bare(metadata={"name": "p"}),
            [warning("FailedScheduling", NODES)],
            f"waits to be scheduled: {NODES}",
        ),
        (
            KILLED,
            [unhealthy(LIVENESS), unhealthy("Readiness probe failed: x", name="z")],
            f"60s ago: {LIVENESS}",
        ),
        (
            pod("p", **on(condition("Ready", "False"))),
            [warning("NodeNotReady", "Node is not ready")],
            "Running: Node is not ready",
        ),
    ],
)
def test_the_last_warning_that_tells_is_told(thing: Object, events: list[Object], end: str) -> None:
    assert without_ages(problem(thing, *events)).endswith(without_ages(end))


def test_what_others_say_is_one_line_and_short() -> None:
    message = "Traceback:\n  in main\r\n\x1b[31m" + "x" * 5000 + "\nValueError: the reason"
    found = problem(pod("p", terminated("a", 1, message=message), phase="Failed")) or ""
    assert "\n" not in found
    assert found.startswith("a: exit code 1 (Error)")
    assert found.endswith("xxx ValueError: the reason")
    assert len(found) < 400


def test_the_same_pod_and_events_have_the_same_text_in_any_order() -> None:
    thing = pod("p", NOT_READY)
    events = [
        unhealthy(f"probe {one}", name=f"e{one}", lastTimestamp=ago(9 - one)) for one in range(9)
    ]
    assert problem(thing, *events) == problem(thing, *reversed(events)) == "a is not ready: probe 8"


def test_problems_are_shown_with_why_and_the_exit_code_is_1(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("well-0"))
    api.pods.put(pod("p", NOT_READY))
    api.events.put(unhealthy("Readiness probe failed:\n\x1b[2Jno"))
    done = toolbox("pods", "--problems")
    assert done.code == 1
    assert done.stdout.split("\t")[0] == "p"
    assert done.stdout.endswith("\ta is not ready: Readiness probe failed: \\x1b[2Jno\n")


def test_no_problems_are_exit_code_0_and_no_events_are_asked_for(
    api: KubeApi, toolbox: Toolbox
) -> None:
    api.pods.put(pod("well-0"))
    api.pods.put(pod("done-0", terminated("a"), phase="Succeeded"))
    done = toolbox("pods", "--problems")
    assert (done.code, done.stdout) == (0, "")
    assert done.stderr == ""
    assert not any("events" in path for path in api.paths())


@pytest.mark.parametrize(("code", "reason"), [(403, "Forbidden"), (404, "NotFound")])
def test_without_events_problems_are_told_all_the_same(
    api: KubeApi, toolbox: Toolbox, code: int, reason: str
) -> None:
    api.pods.put(pod("p", NOT_READY))
    refusal: Answer = (code, status_object(code, reason, "events are not for you"), {})
    api.fault = lambda asked: refusal if asked.path.endswith("/events") else None
    done = toolbox("pods", "--problems")
    assert done.code == 1
    assert done.stdout.endswith("\ta is not ready\n")
    assert "without what events say" in done.stderr
    assert "events are not for you" in done.stderr


def test_json_has_the_problem_too(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("p", NOT_READY))
    api.pods.put(pod("well-0"))
    api.events.put(unhealthy("Readiness probe failed: no"))
    plain = {one["name"]: one["problem"] for one in toolbox("pods", "--json").json}
    assert plain == {"p": "a is not ready", "well-0": None}
    [ill] = toolbox("pods", "--json", "--problems").json
    assert ill["problem"] == "a is not ready: Readiness probe failed: no"


def test_a_log_that_is_not_there_says_the_same_why() -> None:
    found = problem_of(msgspec.convert(PULLING, Pod), now=datetime.now(UTC))
    assert found is not None
    assert found.text == 'a: ImagePullBackOff: Back-off pulling image "x"'
