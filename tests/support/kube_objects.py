"""Pods and events as an API server has them, to be changed as a test likes."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

Object = dict[str, Any]


def ago(seconds: float) -> str:
    """Return an instant of the past as the API writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def running(name: str, *, restarts: int = 0, ready: bool = True, since: float = 3600) -> Object:
    """Return the status of a container that runs."""
    return {
        "name": name,
        "ready": ready,
        "started": True,
        "restartCount": restarts,
        "containerID": f"containerd://{name}-{restarts}",
        "state": {"running": {"startedAt": ago(since)}},
        "lastState": {},
    }


def waiting(name: str, reason: str, message: str | None = None, *, restarts: int = 0) -> Object:
    """Return the status of a container that waits."""
    state = {"reason": reason} | ({"message": message} if message else {})
    one = running(name, restarts=restarts, ready=False)
    return one | {"started": False, "state": {"waiting": state}, "containerID": ""}


def terminated(
    name: str, exit_code: int = 0, reason: str | None = None, *, since: float = 60, **more: Any
) -> Object:
    """Return the status of a container that has ended."""
    word = ("Error" if exit_code else "Completed") if reason is None else reason
    end = {"exitCode": exit_code, "reason": word, "finishedAt": ago(since), **more}
    one = running(name, ready=False)
    return one | {"started": False, "state": {"terminated": end}}


def after(status: Object, exit_code: int, reason: str = "Error", *, since: float = 60) -> Object:
    """Return a container's status with how it ended before."""
    end = {"exitCode": exit_code, "reason": reason, "finishedAt": ago(since)}
    return status | {"lastState": {"terminated": end}}


def pod(
    name: str,
    *statuses: Object,
    namespace: str = "team-a",
    phase: str = "Running",
    init: tuple[Object, ...] = (),
    lasting: tuple[str, ...] = (),
    labels: dict[str, str] | None = None,
    age: float = 3600,
    node: str | None = "node-1",
    **more: Any,
) -> Object:
    """Return a pod.

    Args:
        name: its own.
        statuses: of its containers; without any, one that runs.
        namespace: its own.
        phase: of its status.
        init: statuses of init containers.
        lasting: those of them that go on (sidecars).
        labels: its own.
        age: in seconds.
        node: where it is.
        more: `metadata`, `spec`, `status`: what else there is in them.
    """
    all_statuses = statuses or (running("app"),)
    ready = all(one["ready"] for one in all_statuses)
    always = {"restartPolicy": "Always"}
    meta: Object = {
        "name": name,
        "namespace": namespace,
        "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{namespace}/{name}/{more.get('uid', '')}")),
        "creationTimestamp": ago(age),
        "labels": labels or {},
    }
    spec: Object = {"containers": [{"name": one["name"], "image": "app:1"} for one in all_statuses]}
    spec["initContainers"] = [
        {"name": one["name"], "image": "init:1"} | (always if one["name"] in lasting else {})
        for one in init
    ]
    spec["restartPolicy"] = "Always"
    if node:
        spec["nodeName"] = node
    status: Object = {
        "phase": phase,
        "conditions": [condition("PodScheduled", "True"), condition("Ready", str(ready))],
        "containerStatuses": list(all_statuses),
        "initContainerStatuses": list(init),
        "podIP": "10.0.0.1",
        "podIPs": [{"ip": "10.0.0.1"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta | more.get("metadata", {}),
        "spec": spec | more.get("spec", {}),
        "status": status | more.get("status", {}),
    }


def condition(kind: str, status: str, reason: str = "", message: str = "") -> Object:
    """Return a condition of a pod."""
    return {"type": kind, "status": status, "reason": reason, "message": message}


def event(
    name: str,
    about: str = "Pod/web-0",
    *,
    namespace: str = "team-a",
    kind: str = "Normal",
    reason: str = "Started",
    message: str = "Started container app",
    **more: Any,
) -> Object:
    """Return an event; its times are among `more`."""
    subject, _, subject_name = about.partition("/")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{namespace}/{name}")),
            "creationTimestamp": ago(60),
        },
        "involvedObject": {
            "apiVersion": "v1",
            "kind": subject,
            "name": subject_name,
            "namespace": namespace,
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "source": {"component": "kubelet", "host": "node-1"},
        **more,
    }
