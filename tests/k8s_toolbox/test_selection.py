"""Following what a selector selects."""

import pytest

from k8s_toolbox.cluster import Cluster
from k8s_toolbox.following import Waiting
from k8s_toolbox.kubeconfigs import choose
from k8s_toolbox.queries import Query
from k8s_toolbox.selecting import Selection
from k8s_toolbox.wanted import Wanted
from tests.k8s_toolbox.conftest import Toolbox
from tests.k8s_toolbox.test_follow import meanwhile
from tests.support.kube_api import KubeApi
from tests.support.kube_objects import after, pod, running, terminated, waiting
from tests.support.waiting import until

WEB = {"app": "web"}


def put(api: KubeApi, name: str, *statuses: dict[str, object], **more: object) -> None:
    api.pods.put(pod(name, *statuses, labels=WEB, **more))  # type: ignore[arg-type] # as it takes


def end(api: KubeApi, *names: str) -> None:
    for name in names:
        put(api, name, terminated("app"), phase="Succeeded")
        api.log("team-a", name).end()


def until_followed(api: KubeApi, *names: str) -> None:
    for name in names:
        log = api.log("team-a", name)
        until(lambda log=log: log.sent == len(log.lines))  # type: ignore[misc] # it is a Log


def test_pods_that_come_later_join_and_all_is_over_when_all_have_ended(
    api: KubeApi, toolbox: Toolbox
) -> None:
    put(api, "web-0")
    api.log("team-a", "web-0").write(*map(str, range(20)))

    def work() -> None:
        until_followed(api, "web-0")
        put(api, "web-1", waiting("app", "ContainerCreating"), phase="Pending")
        api.log("team-a", "web-1").write("first", "second")
        put(api, "web-1")
        until_followed(api, "web-1")
        end(api, "web-0", "web-1")

    with meanwhile(work):
        done = toolbox("logs", "-l", "app=web", "-f")
    lines = done.stdout.splitlines()
    assert [one for one in lines if "web-0" in one] == [f"[web-0/app] {n}" for n in range(10, 20)]
    assert [one for one in lines if "web-1" in one] == ["[web-1/app] first", "[web-1/app] second"]
    assert (done.code, done.stderr) == (0, "")


def test_a_container_that_is_restarted_goes_on(api: KubeApi, toolbox: Toolbox) -> None:
    put(api, "web-0")
    log = api.log("team-a", "web-0")
    log.write("before")

    def work() -> None:
        for number in (1, 2, 3):
            until_followed(api, "web-0")
            put(api, "web-0", after(running("app", restarts=number), 1))
            log.sent = -1
            log.restart()
            log.write(f"after {number}")
        until_followed(api, "web-0")
        end(api, "web-0")

    with meanwhile(work):
        done = toolbox("logs", "-l", "app=web", "-f", "--no-prefix")
    assert done.stdout == "before\nafter 1\nafter 2\nafter 3\n"
    assert "missing" not in done.stderr


def test_a_pod_that_is_replaced_by_one_of_the_same_name_goes_on(
    api: KubeApi, toolbox: Toolbox
) -> None:
    put(api, "web-0")
    put(api, "other")
    log = api.log("team-a", "web-0")
    log.write("before")

    def work() -> None:
        until_followed(api, "web-0", "other")
        api.pods.delete("team-a", "web-0")
        put(api, "web-0", uid="new")
        log.sent = -1
        log.restart()
        log.write("after")
        until_followed(api, "web-0")
        put(api, "web-0", terminated("app"), phase="Succeeded", uid="new")
        log.end()
        end(api, "other")

    with meanwhile(work):
        done = toolbox("logs", "-l", "app=web", "-f", "--no-prefix")
    assert (done.code, done.stdout) == (0, "before\nafter\n")


def test_lines_are_shown_although_another_pod_is_silent(api: KubeApi, toolbox: Toolbox) -> None:
    put(api, "web-0")
    put(api, "web-1")

    def work() -> None:
        until_followed(api, "web-0", "web-1")
        for number in range(50):
            api.log("team-a", "web-0").write(str(number))
            put(api, "web-1", age=float(number))
        end(api, "web-0", "web-1")

    with meanwhile(work):
        done = toolbox("logs", "-l", "app=web", "-f", "--no-prefix")
    assert done.stdout == "".join(f"{number}\n" for number in range(50))


def test_a_watch_that_is_cut_or_too_old_misses_no_pod(api: KubeApi, toolbox: Toolbox) -> None:
    put(api, "web-0")

    def work() -> None:
        until_followed(api, "web-0")
        api.pods.compact()
        api.cut(reset=False)
        put(api, "web-1")
        api.log("team-a", "web-1").write("here")
        until_followed(api, "web-1")
        end(api, "web-0", "web-1")

    with meanwhile(work):
        done = toolbox("logs", "-l", "app=web", "-f")
    assert (done.code, done.stdout) == (0, "[web-1/app] here\n")


def test_more_containers_than_the_limit_are_named_and_not_followed(
    api: KubeApi, toolbox: Toolbox
) -> None:
    for name in ("web-0", "web-1"):
        put(api, name)
        api.log("team-a", name).write(name)

    def work() -> None:
        until_followed(api, "web-0")
        end(api, "web-0", "web-1")

    with meanwhile(work):
        done = toolbox("logs", "-l", "app=web", "-f", "--max-log-requests", 1)
    assert done.code == 1
    assert "more than 1 containers (see --max-log-requests): not followed" in done.stderr


@pytest.mark.parametrize("options", [(), ("-f",)])
def test_a_pod_of_several_containers_is_not_guessed(
    api: KubeApi, toolbox: Toolbox, options: tuple[str, ...]
) -> None:
    two = (terminated("app"), terminated("side"))
    put(api, "web-0", *two, phase="Succeeded")
    done = toolbox("logs", "-l", "app=web", *options)
    assert done.code in {1, 2}
    assert "choose with -c, or take --all-containers: app, side" in done.stderr


def test_a_refused_list_is_the_error(api: KubeApi, toolbox: Toolbox) -> None:
    from tests.support.kube_state import status

    api.fault = lambda _asked: (403, status(403, "Forbidden", "pods is forbidden"), {})
    done = toolbox("logs", "-l", "app=web", "-f")
    assert done.code == 77
    assert "may not list pods in team-a (403)" in done.stderr


def selection(api: KubeApi, *, successor: float) -> Selection:
    """Return what follows app=web, and does not wait long for the next pod."""
    cluster = Cluster(choose({"KUBECONFIG": str(api.kubeconfig)}))
    query, wanted = Query("list", "pods", "team-a"), Wanted(follow=True)
    selector = {"labelSelector": "app=web"}
    return Selection(
        cluster, query, selector, lambda _: ["app"], wanted, limit=9, successor=successor
    )


def test_the_pod_after_the_last_one_is_waited_for(api: KubeApi) -> None:
    put(api, "old")
    old, new = api.log("team-a", "old"), api.log("team-a", "new")
    old.write("before")
    new.write("after")
    shown = []
    for target, item in selection(api, successor=60):
        if isinstance(item, list):
            shown += [record.line for record in item]
            (old if target and target.pod == "old" else new).end()
            if target and target.pod == "old":
                api.pods.delete("team-a", "old")
            else:
                put(api, "new", terminated("app"), phase="Succeeded")
        elif isinstance(item, Waiting):
            assert item.why == "all pods are gone, the next one may come"
            put(api, "new")
    assert shown == [b"before", b"after"]


def test_when_no_pod_comes_after_the_last_one_it_is_over(api: KubeApi) -> None:
    put(api, "old")
    log = api.log("team-a", "old")
    log.write("before")
    told = []
    for _, item in selection(api, successor=0.2):
        told.append(item)
        if isinstance(item, list):
            api.pods.delete("team-a", "old")
            log.end()
    assert [item.why for item in told if isinstance(item, Waiting)] == [
        "all pods are gone, the next one may come"
    ]
