"""The README of k8s-toolbox: a cluster with a shop, and pods that are not well."""

from typing import Any

from tests.documents.world import World
from tests.support.kube_api import KubeApi, kube_api
from tests.support.kube_objects import Object, after, ago, condition, event, pod, running, waiting

AGE_S = 27 * 60 + 1  # which is shown as 27m for nearly a minute
PULL = 'Failed to pull image "acme/missing:1.0": rpc error: code = NotFound'
NODES = "0/1 nodes are available: 1 Insufficient memory."
PROBE = "Readiness probe failed: HTTP probe failed with statuscode: 503"


def prepare(world: World) -> None:
    """Start the stand-in for its API."""
    world.needs("jq")
    api = world.stack.enter_context(kube_api(world.root))
    world.say(KUBECONFIG=str(api.kubeconfig))
    api.namespaces.put({"metadata": {"name": "shop"}, "kind": "Namespace"})
    for one in _ailing():
        api.pods.put(one)
    for name in ("web-0", "web-1"):
        api.pods.put(_pod(name, running("app", restarts=4), namespace="shop"))
        _write(api, name)
    _report(api)


def _pod(name: str, *statuses: Object, **more: Any) -> Object:
    return pod(name, *statuses, age=AGE_S, labels={"app": "web"}, **more)


def _ailing() -> list[Object]:
    """Return pods that are not well, each for a reason of its own."""
    crash = waiting("main", "CrashLoopBackOff", restarts=10)
    unscheduled = condition("PodScheduled", "False", "Unschedulable", NODES)
    return [
        _pod("badimage-0", waiting("main", "ImagePullBackOff", PULL)),
        _pod("crash-0", after(crash, 3, since=15)),
        _pod("notready-0", running("main", ready=False)),
        _pod("oom-0", after(crash, 137, "OOMKilled", since=12)),
        pod(
            "pending-0",
            phase="Pending",
            age=AGE_S,
            node=None,
            status={"conditions": [unscheduled], "containerStatuses": []},
        ),
    ]


def _write(api: KubeApi, name: str) -> None:
    api.log("shop", name).write("started", "ERROR no route to the database", "ready")


def _report(api: KubeApi) -> None:
    """Have the cluster report what was seen last minute."""
    times: Object = {"lastTimestamp": ago(60), "firstTimestamp": ago(600), "count": 5}
    said = (
        ("Pod/web-0", "shop", "BackOff", "Back-off restarting failed container"),
        ("Deployment/web", "shop", "ScalingReplicaSet", "Scaled up replica set web-1 to 2"),
        ("Pod/notready-0", "team-a", "Unhealthy", PROBE),
    )
    for about, namespace, reason, message in said:
        kind = "Normal" if reason.startswith("Scaling") else "Warning"
        more = {"namespace": namespace, "kind": kind, "reason": reason, "message": message}
        api.events.put(event(reason.lower(), about, **more, **times))
