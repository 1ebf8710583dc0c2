"""Which containers are meant."""

from tests.k8s_toolbox.conftest import Toolbox
from tests.k8s_toolbox.test_follow import meanwhile
from tests.support.kube_api import KubeApi
from tests.support.kube_objects import pod, running, terminated, waiting
from tests.support.waiting import until


def test_of_several_containers_one_has_to_be_chosen(api: KubeApi, toolbox: Toolbox) -> None:
    init = (terminated("setup"),)
    api.pods.put(pod("web-0", running("app"), running("side"), init=init))
    done = toolbox("logs", "web-0")
    assert done.code == 2
    assert done.stderr.endswith("take --all-containers: setup (init), app, side\n")


def test_the_default_container_of_an_annotation_is_taken(api: KubeApi, toolbox: Toolbox) -> None:
    note = {"annotations": {"kubectl.kubernetes.io/default-container": "side"}}
    api.pods.put(pod("web-0", running("app"), running("side"), metadata=note))
    api.log("team-a", "web-0", "side").write("here")
    done = toolbox("logs", "web-0")
    assert (done.code, done.stdout) == (0, "here\n")


def test_an_annotation_that_names_no_container_is_passed_over(
    api: KubeApi, toolbox: Toolbox
) -> None:
    note = {"annotations": {"kubectl.kubernetes.io/default-container": "gone"}}
    api.pods.put(pod("web-0", running("app"), metadata=note))
    assert toolbox("logs", "web-0").code == 0


def test_a_container_that_starts_later_is_followed_too(api: KubeApi, toolbox: Toolbox) -> None:
    setup, log = api.log("team-a", "web-0", "setup"), api.log("team-a", "web-0", "app")
    setup.write("first")
    now = waiting("app", "PodInitializing")
    api.pods.put(pod("web-0", now, init=(running("setup"),), phase="Pending"))

    def work() -> None:
        until(lambda: setup.sent == 1)
        setup.end()
        log.write("then")
        log.end()
        init = (terminated("setup"),)
        api.pods.put(pod("web-0", terminated("app"), init=init, phase="Succeeded"))

    with meanwhile(work):
        done = toolbox("logs", "web-0", "--all-containers", "-f", "--no-prefix")
    assert (done.code, done.stdout) == (0, "first\nthen\n")
