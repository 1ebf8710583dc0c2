"""Pods of a real cluster, as kubectl shows them and why they are not well."""

import json
import re
import signal
import subprocess
from collections.abc import Callable

from tests.k8s_toolbox.e2e.conftest import KUBECONFIG, Kubectl, Toolbox
from tests.support.commands import argv, environment
from tests.support.waiting import until

NOT_WELL = {
    "badconfig-0": 'main: CreateContainerConfigError: configmap "does-not-exist" not found',
    "badimage-0": "127.0.0.1:5999/acme/missing:1.0",
    "crash-0": r"main: .*last exit code 3 \(Error\).*\d+ restarts?",
    "failed-0": r"main: exit code 7 \(Error\)",
    "initfail-0": r"init container setup: .*exit code 1 \(Error\)",
    "notready-0": "main is not ready: Readiness probe failed",
    "oom-0": r"main: .*OOMKilled \(exit code 137\)",
    "pending-0": "Unschedulable: 0/1 nodes are available",
}
"""The pods of team-a that are not well, and what has to be said of each."""


def as_kubectl_shows(text: str) -> list[list[str]]:
    """Return the cells of kubectl's table, with restarts as a number only."""
    rows = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()[1:]]
    return [[*row[:4], row[4].partition(" ")[0]] for row in rows]


def test_every_pod_shows_as_kubectl_shows_it(kubectl: Kubectl, toolbox: Toolbox) -> None:
    def are_the_same() -> bool:  # pods crash between two looks
        before = as_kubectl_shows(kubectl("get", "pods", "-A"))
        ours = toolbox("pods", "-A").stdout.splitlines()
        shown = [[*cells[:4], cells[4].partition(" ")[0]] for cells in map(_cells, ours)]
        return shown == before == as_kubectl_shows(kubectl("get", "pods", "-A"))

    until(are_the_same)


def _cells(line: str) -> list[str]:
    return line.split("\t")


def test_wide_shows_address_and_node_as_kubectl_does(kubectl: Kubectl, toolbox: Toolbox) -> None:
    path = "{range .items[*]}{.metadata.name} {.status.podIP} {.spec.nodeName}{'\\n'}{end}"
    wanted = kubectl("-n", "team-b", "get", "pods", "-o", f"jsonpath={path}").splitlines()
    rows = map(_cells, toolbox("pods", "-n", "team-b", "-o", "wide").stdout.splitlines())
    assert [" ".join([row[0], *row[-2:]]) for row in rows] == wanted


def test_problems_tell_why_each_pod_is_not_well(toolbox: Toolbox) -> None:
    found = toolbox("pods", "-n", "team-a", "--problems", "--json")
    assert found.code == 1
    problems = {pod["name"]: pod["problem"] for pod in found.json}
    assert sorted(problems) == sorted(NOT_WELL)
    for name, expected in NOT_WELL.items():
        assert re.search(expected, problems[name]), problems[name]
    assert "Failed to pull" in problems["badimage-0"] or "ErrImagePull" in problems["badimage-0"]


def test_a_pod_held_by_a_finalizer_is_not_well(toolbox: Toolbox) -> None:
    found = toolbox("pods", "-n", "team-b", "--problems", "--json")
    held = [pod for pod in found.json if pod["name"] == "terminating-0"]
    assert "held by finalizers example.com/hold" in held[0]["problem"]


def test_a_selector_and_fields_choose_as_kubectl_does(kubectl: Kubectl, toolbox: Toolbox) -> None:
    for option in (
        ["-l", "app=web"],
        ["-l", "app!=web"],
        ["--field-selector", "status.phase=Failed"],
    ):
        names = kubectl("-n", "team-a", "get", "pods", *option, "-o", "name").split()
        ours = toolbox("pods", "-n", "team-a", *option).stdout.splitlines()
        assert [f"pod/{_cells(row)[0]}" for row in ours] == names


def test_a_bad_selector_is_an_error(toolbox: Toolbox) -> None:
    found = toolbox("pods", "-n", "team-a", "-l", "app in")
    assert (found.code, found.stdout) == (2, "")


def test_a_watch_shows_a_pod_come_and_go(
    kubectl: Kubectl, start: Callable[..., None], namespace: str
) -> None:
    command = argv("k8s_toolbox", "pods", "-n", namespace, "--watch", "--json")
    env = environment({"KUBECONFIG": KUBECONFIG})
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, stdout=pipe, stderr=pipe, text=True) as watch:
        try:
            start("short-0", "sleep 86400")
            kubectl(
                "-n", namespace, "wait", "--for=condition=Ready", "pod/short-0", "--timeout=50s"
            )
            kubectl("-n", namespace, "delete", "pod", "short-0")
            assert watch.stdout
            rows = []
            for line in watch.stdout:
                rows.append(json.loads(line))
                if rows[-1]["deleted"]:
                    break
            watch.send_signal(signal.SIGINT)
            _, errors = watch.communicate(timeout=10)
        finally:
            watch.kill()
    assert watch.returncode == 130, errors
    assert "Running" in [row["status"] for row in rows]
    assert rows[-1]["status"] in {"Terminating", "Completed", "Error"}
