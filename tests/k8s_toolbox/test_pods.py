"""`k8s-toolbox pods`: which pods, and what is said when there are none."""

import os
import subprocess

import pytest

from tests.k8s_toolbox.conftest import Toolbox
from tests.support.commands import argv, environment
from tests.support.kube_api import Answer, KubeApi
from tests.support.kube_objects import event, pod, running, waiting
from tests.support.kube_state import status


def test_a_row_has_name_ready_status_restarts_and_age(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("web-0", running("a"), waiting("b", "ErrImagePull"), age=9 * 86400))
    done = toolbox("pods")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == "web-0\t1/2\tErrImagePull\t0\t9d\n"


def test_wide_rows_have_the_address_and_the_node(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("a", age=9 * 86400))
    api.pods.put(pod("b", age=9 * 86400, node=None, status={"podIP": None}))
    done = toolbox("pods", "-o", "wide")
    assert [line.split("\t")[5:] for line in done.stdout.splitlines()] == [
        ["10.0.0.1", "node-1"],
        ["<none>", "<none>"],
    ]


def test_all_namespaces_come_with_their_names(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("a", namespace="team-b"))
    api.pods.put(pod("a"))
    done = toolbox("pods", "-A")
    rows = [line.split("\t")[:2] for line in done.stdout.splitlines()]
    assert rows == [["team-a", "a"], ["team-b", "a"]]
    assert api.paths() == ["/api/v1/pods"]


def test_selectors_are_the_servers_to_understand(api: KubeApi, toolbox: Toolbox) -> None:
    odd = {"example.com/tier": "a_b.c-d"}
    api.pods.put(pod("a", labels=odd))
    api.pods.put(pod("b", labels={"example.com/tier": "x"}))
    assert toolbox("pods", "-l", "example.com/tier=a_b.c-d").stdout.startswith("a\t")
    assert toolbox("pods", "-l", "example.com/tier!=a_b.c-d").stdout.startswith("b\t")
    assert toolbox("pods", "--field-selector", "metadata.name=b").stdout.startswith("b\t")
    assert toolbox("pods", "-l", "tier=ü & #%/?+ ").code == 0
    assert api.asked[-2].query["labelSelector"] == "tier=ü & #%/?+ "


def test_a_selector_that_makes_no_sense_is_the_servers_message(
    api: KubeApi, toolbox: Toolbox
) -> None:
    api.pods.put(pod("web-0"))
    done = toolbox("pods", "-l", "a in (")
    assert done.code == 2
    assert "unable to parse requirement" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no pods in team-a"),
        (("-A",), "no pods in any namespace"),
        (("-l", "app=x"), "no pods with app=x in team-a"),
        (("-l", "a=b", "--field-selector", "c=d"), "no pods with a=b with c=d in team-a"),
        (("-l", "app=\x1b[2Jx"), "no pods with app=\\x1b[2Jx in team-a"),
    ],
)
def test_no_pods_are_said_and_no_failure(
    api: KubeApi, toolbox: Toolbox, arguments: tuple[str, ...], message: str
) -> None:
    done = toolbox("pods", *arguments)
    assert (done.code, done.stdout, done.stderr) == (0, "", f"k8s-toolbox: {message}\n")
    assert api.asked


def test_a_namespace_that_is_not_there_is_an_error(api: KubeApi, toolbox: Toolbox) -> None:
    for arguments in (("pods",), ("pods", "--json"), ("events",), ("events", "--json")):
        done = toolbox(*arguments, "-n", "team-c")
        assert (done.code, done.stdout) == (1, "")
        assert "there is no namespace 'team-c'; similar: team-" in done.stderr
    assert api.asked


def test_whether_a_namespace_is_there_may_be_none_of_our_business(
    api: KubeApi, toolbox: Toolbox
) -> None:
    refusal: Answer = (403, status(403, "Forbidden", "no"), {})
    api.fault = lambda asked: refusal if asked.path.endswith("/team-c") else None
    done = toolbox("pods", "-n", "team-c")
    assert (done.code, done.stderr) == (0, "k8s-toolbox: no pods in team-c\n")


@pytest.mark.parametrize("option", ["-n", "-l", "--field-selector", "--sort-by", "--context"])
def test_an_empty_value_is_refused(api: KubeApi, toolbox: Toolbox, option: str) -> None:
    done = toolbox("pods", option, "")
    assert done.code == 2
    assert "it is empty: perhaps a variable is not set" in done.stderr
    assert api.asked == []


@pytest.mark.parametrize("name", ["web-0", "pod/web-0", "pods/web-0", "po/web-0"])
def test_a_pod_is_named_as_for_kubectl(api: KubeApi, toolbox: Toolbox, name: str) -> None:
    api.pods.put(pod("web-0"))
    api.pods.put(pod("web-1"))
    assert toolbox("pods", name).stdout.count("\n") == 1
    assert toolbox("pods", name, "web-1", "web-0").stdout.count("\n") == 2


def test_a_pod_that_is_missing_does_not_hide_the_others(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("web-0"))
    done = toolbox("pods", "web-9", "web-0")
    assert done.code == 1
    assert done.stdout.startswith("web-0\t")
    assert done.stderr == "k8s-toolbox: no pod 'web-9' in team-a; similar: web-0\n"


def test_names_and_selectors_exclude_each_other(api: KubeApi, toolbox: Toolbox) -> None:
    assert toolbox("pods", "web-0", "-l", "a=b").code == 2
    assert toolbox("pods", "web-0", "-A").code == 2
    assert api.asked == []


def test_json_is_one_document_also_for_none(api: KubeApi, toolbox: Toolbox) -> None:
    assert toolbox("pods", "--json").json == []
    api.pods.put(pod("web-0"))
    [found] = toolbox("pods", "--json").json
    assert (found["name"], found["ready"], found["problem"]) == ("web-0", "1/1", None)


def test_a_reader_that_leaves_is_no_error(api: KubeApi) -> None:
    for number in range(200):
        api.pods.put(pod(f"p-{number:03}", namespace="team-a", status={"reason": "x" * 1000}))
    environ = environment({"KUBECONFIG": str(api.kubeconfig)})
    reading, writing = os.pipe()
    with subprocess.Popen(
        argv("k8s_toolbox", "pods"), stdout=writing, stderr=subprocess.PIPE, env=environ
    ) as process:
        os.close(writing)
        assert os.read(reading, 5) == b"p-000"
        os.close(reading)
        _, said = process.communicate(timeout=30)
    assert said == b""


def test_one_pods_events_are_asked_for_by_its_name(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("web-0", running("a", ready=False)))
    api.events.put(event("e", kind="Warning", reason="Unhealthy", message="no"))
    assert toolbox("pods", "-A", "--problems").stdout.endswith("a is not ready: no\n")
    asked = api.asked[-1]
    assert asked.path == "/api/v1/namespaces/team-a/events"
    assert "involvedObject.name=web-0" in asked.query["fieldSelector"]
