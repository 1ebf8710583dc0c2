"""A pod that is not there, or a namespace: which names are like it."""

import pytest

from tests.support.kube_api import Asked, KubeApi
from tests.support.kube_objects import pod
from tests.support.kube_state import status

from .conftest import Toolbox

FORBIDDEN = 403, status(403, "Forbidden", "no"), {"x": "y"}


@pytest.fixture(autouse=True)
def pods(api: KubeApi) -> None:
    for name in ("web-0", "web-1", "database-7f9c"):
        api.pods.put(pod(name))


@pytest.mark.parametrize("command", ["pods", "logs"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("web-9", "; similar: web-1, web-0"),
        ("database", "; similar: database-7f9c"),
        ("zzzzzz", ""),
    ],
)
def test_a_pod_that_is_not_there_is_told_with_similar_names(
    toolbox: Toolbox, command: str, name: str, hint: str
) -> None:
    done = toolbox(command, name)
    assert (done.code, done.stderr) == (1, f"k8s-toolbox: no pod '{name}' in team-a{hint}\n")


@pytest.mark.parametrize("name", ["pod/web-0", "pods/web-0", "po/web-0", "web-0"])
def test_a_pod_may_be_named_with_its_kind(toolbox: Toolbox, name: str) -> None:
    assert "web-0" in toolbox("pods", name).stdout


@pytest.mark.parametrize("command", [["pods"], ["pods", "x"], ["logs", "x"], ["events"]])
def test_a_namespace_that_is_not_there_is_told(toolbox: Toolbox, command: list[str]) -> None:
    done = toolbox(*command, "-n", "teem-a")
    assert done.code == 1
    assert "there is no namespace 'teem-a'; similar: team-a, team-b" in done.stderr


def test_a_namespace_without_pods_says_so(toolbox: Toolbox) -> None:
    assert toolbox("pods", "x", "-n", "team-b").stderr.endswith("in team-b; it has no pods\n")


def test_names_that_we_may_not_see_are_not_hinted_at(api: KubeApi, toolbox: Toolbox) -> None:
    def refuse(asked: Asked) -> tuple[int, bytes, dict[str, str]] | None:
        return FORBIDDEN if asked.path.endswith("/pods") else None

    api.fault = refuse
    assert toolbox("pods", "web-9").stderr == "k8s-toolbox: no pod 'web-9' in team-a\n"


def test_a_namespace_that_we_may_not_look_at_is_taken_for_one(
    api: KubeApi, toolbox: Toolbox
) -> None:
    def refuse(asked: Asked) -> tuple[int, bytes, dict[str, str]] | None:
        return None if "/pods" in asked.path else FORBIDDEN

    api.fault = refuse
    done = toolbox("pods", "-n", "team-b")
    assert (done.code, done.stderr) == (0, "k8s-toolbox: no pods in team-b\n")


def test_names_of_others_cannot_move_the_cursor(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("web-\x1b[2J"))
    assert "\x1b" not in toolbox("pods", "web-9").stderr
