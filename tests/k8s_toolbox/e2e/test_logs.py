"""Logs of a real cluster: the bytes that kubectl shows, and none lost or repeated."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.k8s_toolbox.e2e.conftest import KUBECONFIG, KUBECTL, Kubectl, Toolbox
from tests.support.commands import argv, environment
from tests.support.waiting import until

LONG = "echo one; head -c 40000 /dev/zero | tr '\\0' x; echo; head -c 16384 /dev/zero | tr '\\0' y"


@contextmanager
def follow(*arguments: object, into: Path) -> Iterator["subprocess.Popen[str]"]:
    """Follow logs into a file, in a process of its own."""
    with (
        into.open("w") as file,
        subprocess.Popen(
            argv("k8s_toolbox", "logs", *arguments),
            env=environment({"KUBECONFIG": KUBECONFIG}),
            stdout=file,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def done(kubectl: Kubectl, namespace: str, pod: str) -> Callable[[], bool]:
    path = "jsonpath={.status.phase}"
    return lambda: (
        kubectl("-n", namespace, "get", "pod", pod, "-o", path) in {"Succeeded", "Failed"}
    )


@pytest.mark.parametrize(
    "options", [[], ["--tail", "2"], ["--timestamps"], ["--since", "3h"], ["--tail", "0"]]
)
def test_a_log_is_what_kubectl_shows(
    kubectl: Kubectl, toolbox: Toolbox, options: list[str]
) -> None:
    wanted = kubectl("-n", "team-a", "logs", "done-0", *options)
    assert toolbox("logs", "-n", "team-a", "done-0", *options).stdout == wanted


def test_long_lines_and_no_last_line_end_are_exact(
    kubectl: Kubectl, toolbox: Toolbox, start: Callable[..., None], namespace: str
) -> None:
    start("long-0", f"{LONG}; echo; printf 'the last'")
    until(done(kubectl, namespace, "long-0"))
    wanted = kubectl("-n", namespace, "logs", "long-0")
    assert wanted.endswith("the last")
    assert toolbox("logs", "-n", namespace, "long-0").stdout == wanted


def test_the_log_before_the_last_restart_is_what_kubectl_shows(toolbox: Toolbox) -> None:
    def are_the_same() -> bool:  # the container before the last one may be removed at any time
        before = subprocess.run(
            [KUBECTL, "-n", "team-a", "logs", "-p", "crash-0"],
            env=environment({"KUBECONFIG": KUBECONFIG}),
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        return toolbox("logs", "-n", "team-a", "-p", "crash-0").stdout == before != ""

    until(are_the_same)


@pytest.mark.parametrize(
    ("pod", "code", "said"),
    [
        ("web-0", 2, "choose with -c, or take --all-containers: app, sidecar"),
        ("badimage-0", 1, "main in badimage-0 has not started: "),
        ("badconfig-0", 1, 'configmap "does-not-exist" not found'),
        ("pending-0", 1, "Unschedulable: 0/1 nodes are available"),
        ("initfail-0", 1, "app in initfail-0 has not started: PodInitializing"),
        ("web-1", 1, "no pod 'web-1' in team-a; similar: web-0"),
    ],
)
def test_what_there_is_no_log_of_is_told(toolbox: Toolbox, pod: str, code: int, said: str) -> None:
    found = toolbox("logs", "-n", "team-a", pod)
    assert (found.code, found.stdout) == (code, "")
    assert said in found.stderr
    assert found.stderr.count("\n") == 1


def test_a_container_whose_log_is_gone_is_an_error(kubectl: Kubectl, toolbox: Toolbox) -> None:
    wanted = kubectl("-n", "team-b", "logs", "terminating-0")
    found = toolbox("logs", "-n", "team-b", "terminating-0")
    if not wanted.startswith("unable to retrieve"):  # newer clusters keep it as long as the pod
        assert (found.code, found.stdout) == (0, wanted)
        return
    assert (found.code, found.stdout) == (1, "")
    assert found.stderr == f"k8s-toolbox: main in terminating-0: {wanted}\n"


def test_all_containers_of_a_selector_come_in_the_order_of_time(toolbox: Toolbox) -> None:
    found = toolbox(
        "logs", "-n", "team-a", "-l", "app=web", "--all-containers", "--tail", 20, "--timestamps"
    )
    stamps = [line.split(" ")[1] for line in found.stdout.splitlines()]
    assert stamps == sorted(stamps)
    origins = {line.split(" ")[0] for line in found.stdout.splitlines()}
    assert origins == {"[web-0/app]", "[web-0/sidecar]", "[init-0/app]", "[init-0/wait-db]"}


def test_following_over_a_killed_api_server_loses_and_repeats_nothing(
    kubectl: Kubectl,
    start: Callable[..., None],
    namespace: str,
    kill_api_server: Callable[[], None],
    tmp_path: Path,
) -> None:
    start("count-0", "n=0; while [ $n -lt 300 ]; do n=$((n+1)); echo line $n; sleep 0.1; done")
    out = tmp_path / "out"
    with follow("-n", namespace, "count-0", "--follow", into=out) as following:
        for lines in (50, 120):
            until(lambda lines=lines: out.read_text().count("\n") > lines)  # type: ignore[misc]
            kill_api_server()
        _, said = following.communicate(timeout=90)
    assert following.returncode == 0, said
    assert out.read_text() == "".join(f"line {n}\n" for n in range(1, 301))
    assert said.count("reconnecting") >= 1
    assert "reconnected, no line is lost" in said
    assert done(kubectl, namespace, "count-0")()


def test_new_pods_of_a_selector_join_and_the_end_of_all_is_the_end(
    kubectl: Kubectl, start: Callable[..., None], namespace: str, tmp_path: Path
) -> None:
    start("one", "for n in 1 2 3 4 5 6; do echo one $n; sleep 1; done", app="join")
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/one", "--timeout=50s")
    out = tmp_path / "out"
    with follow("-n", namespace, "-l", "app=join", "--follow", into=out) as following:
        until(lambda: "one" in out.read_text())
        start("two", "for n in 1 2 3; do echo two $n; sleep 0.3; done", app="join")
        _, said = following.communicate(timeout=60)
    assert following.returncode == 0, said
    lines = out.read_text().splitlines()
    assert [line for line in lines if "two" in line] == [f"[two/main] two {n}" for n in (1, 2, 3)]
    assert [line for line in lines if "one" in line] == [f"[one/main] one {n}" for n in range(1, 7)]


def test_following_ends_when_the_container_ends(toolbox: Toolbox) -> None:
    began = time.monotonic()
    found = toolbox("logs", "-n", "team-a", "done-0", "--follow")
    assert (found.code, found.stderr) == (0, "")
    assert found.stdout == "".join(f"migrated table {n}\n" for n in (1, 2, 3))
    assert time.monotonic() - began < 30
