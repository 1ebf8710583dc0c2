"""The walk: k8s-toolbox."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.observe.walking import Step, Steps, take
from tests.support.kube_api import KubeApi, kube_api
from tests.support.kube_objects import event, pod, terminated, waiting
from tests.support.waiting import until

STEPS: Steps = {
    "pods are listed": Step(line="k8s-toolbox pods -n team-a --log-json log", actions="list"),
    "a pod is shown": Step(line="k8s-toolbox pods -n team-a done", actions="get"),
    "one of two pods is missing": Step(
        line="k8s-toolbox pods -n team-a done nope",
        code=1,
        outcome="failed",
        actions="get list",
        failed="get",
    ),
    "a pod is not well": Step(
        line="k8s-toolbox pods -n team-a --problems", code=1, outcome="no", actions="list"
    ),
    "the namespace is missing": Step(
        line="k8s-toolbox pods -n nope",
        code=1,
        outcome="failed",
        actions="list get",
        failed="get",
    ),
    "pods is called badly": Step(line="k8s-toolbox pods --nonsense", code=2, outcome="usage"),
    "a log is shown": Step(line="k8s-toolbox logs -n team-a done", actions="get log"),
    "selected logs are shown": Step(line="k8s-toolbox logs -n team-a -l a=b", actions="list log"),
    "there is no such pod": Step(
        line="k8s-toolbox logs -n team-a nope",
        code=1,
        outcome="failed",
        actions="get list",
        failed="get",
    ),
    "there is no log": Step(
        line="k8s-toolbox logs -n team-a done --previous",
        code=1,
        outcome="failed",
        actions="get log",
        failed="log",
    ),
    "logs is called badly": Step(line="k8s-toolbox logs", code=2, outcome="usage"),
    "events are listed": Step(line="k8s-toolbox events -A", actions="list"),
    "events is called badly": Step(line="k8s-toolbox events --types Odd", code=2, outcome="usage"),
    "no command is named": Step(line="k8s-toolbox", code=2, outcome="usage"),
}

ALONE: Steps = {
    f"{name} of nobody": Step(
        line=f"k8s-toolbox {line}",
        code=69,
        outcome="unreachable",
        actions=action,
        failed=action,
    )
    for name, line, action in [
        ("pods", "pods", "list"),
        ("logs", "logs x", "get"),
        ("events", "events", "list"),
    ]
}

TERMINATED: Steps = {
    name: Step(
        line=f"k8s-toolbox {line}",
        code=143,
        outcome="terminated",
        actions=actions,
        failed=failed,
    )
    for name, line, actions, failed in [
        ("pods", "pods -n team-a --watch", "list watch", "watch"),
        ("logs", "logs -n team-a up --follow", "get log", "log"),
        ("events", "events -A --watch", "list watch", "watch"),
    ]
}

CUT: Steps = {
    name: Step(
        line=f"k8s-toolbox {line}",
        code=143,
        outcome="terminated",
        actions=actions,
        failed=failed,
    )
    for name, line, actions, failed in [
        ("pods", "pods -n team-a --watch", "list watch reconnect", "watch"),
        ("logs", "logs -n team-a up --follow", "get log reconnect", "log"),
        ("events", "events -A --watch", "list watch reconnect", "watch"),
    ]
}


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubeApi]:
    """A cluster with a pod that is done, one that is not well, and one that goes on."""
    with kube_api(tmp_path) as api:
        labels = {"a": "b"}
        api.pods.put(pod("done", terminated("app"), phase="Succeeded", labels=labels))
        api.pods.put(pod("ill", waiting("app", "ImagePullBackOff"), phase="Pending"))
        api.pods.put(pod("up"))
        api.events.put(event("first"))
        done = api.log("team-a", "done")
        done.write("line")
        done.end()
        api.log("team-a", "up").write("line")
        yield api


def settings(api: KubeApi) -> dict[str, str]:
    return {"KUBECONFIG": str(api.kubeconfig)}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_each_question_and_log_and_the_run_are_recorded(
    api: KubeApi, tmp_path: Path, step: Step
) -> None:
    take(step, tmp_path, settings(api))


@pytest.mark.parametrize("step", ALONE.values(), ids=ALONE)
def test_a_cluster_that_does_not_answer_is_recorded(
    api: KubeApi, tmp_path: Path, step: Step
) -> None:
    api.stop()
    try:
        take(step, tmp_path, settings(api))
    finally:
        api.start()


def more_shown(folder: Path, size: int = 0) -> Callable[[], bool]:
    return lambda: (folder / "stdout").stat().st_size > size


@pytest.mark.parametrize("step", TERMINATED.values(), ids=TERMINATED)
def test_what_goes_on_is_recorded_when_it_is_terminated(
    api: KubeApi, tmp_path: Path, step: Step
) -> None:
    def shown(_pid: int) -> None:
        until(more_shown(tmp_path))
        until(lambda: api.streaming == 1)

    take(step, tmp_path, settings(api), until=shown)


@pytest.mark.parametrize("step", CUT.values(), ids=CUT)
def test_a_connection_that_was_cut_is_recorded(api: KubeApi, tmp_path: Path, step: Step) -> None:
    def cut(_pid: int) -> None:
        until(more_shown(tmp_path))
        until(lambda: api.streaming == 1)
        api.cut()
        size, asked = (tmp_path / "stdout").stat().st_size, len(api.asked)
        until(lambda: len(api.asked) > asked)
        api.log("team-a", "up").write("another")
        api.pods.put(pod("new"))
        api.events.put(event("second"))
        until(more_shown(tmp_path, size))

    take(step, tmp_path, settings(api), until=cut)
