"""Users who may do less: each refusal says which verb on what, and how to check."""

import re
import subprocess

import pytest

from tests.k8s_toolbox.e2e.conftest import KUBECTL, Toolbox
from tests.support.commands import environment


@pytest.mark.parametrize(
    ("arguments", "question"),
    [
        (["logs", "-n", "team-a", "done-0"], "get pods/done-0 --subresource=log -n team-a"),
        (["events", "-n", "team-a"], "list events -n team-a"),
        (["pods", "-n", "team-b"], "list pods -n team-b"),
        (["pods", "-A"], "list pods -A"),
    ],
)
def test_what_a_user_may_not_do_is_told_with_how_to_check(
    toolbox: Toolbox, users: dict[str, str], arguments: list[str], question: str
) -> None:
    found = toolbox(*arguments, KUBECONFIG=users["limited"])
    assert (found.code, found.stdout) == (77, "")
    check = re.findall(r"to check: kubectl (.*)", found.stderr)[0]
    assert check.endswith(f"auth can-i {question}")
    answer = subprocess.run(
        [KUBECTL, *check.split()],
        env=environment({"KUBECONFIG": users["limited"]}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.stdout.strip() == "no"


def test_who_may_see_pods_only_sees_problems_without_events(
    toolbox: Toolbox, users: dict[str, str]
) -> None:
    found = toolbox("pods", "-n", "team-a", "--problems", KUBECONFIG=users["limited"])
    assert found.code == 1
    assert "main is not ready" in found.stdout
    assert "may not list events in team-a (403)" in found.stderr


def test_a_viewer_sees_all_three(toolbox: Toolbox, users: dict[str, str]) -> None:
    for arguments in (["pods"], ["logs", "done-0"], ["events"]):
        found = toolbox(*arguments, "-n", "team-a", KUBECONFIG=users["viewer"])
        assert (found.code, found.stderr) == (0, "")
        assert found.stdout


def test_a_wrong_token_is_told(toolbox: Toolbox, users: dict[str, str]) -> None:
    for arguments in (["pods"], ["logs", "done-0"], ["events"]):
        found = toolbox(*arguments, "-n", "team-a", KUBECONFIG=users["badtoken"])
        assert (found.code, found.stdout) == (77, "")
        assert "does not take our credentials (401)" in found.stderr


def test_a_namespace_that_is_not_there_is_told(toolbox: Toolbox) -> None:
    found = toolbox("pods", "-n", "team-x", "--problems")
    assert (found.code, found.stdout) == (1, "")
    assert "there is no namespace 'team-x'; similar: team-" in found.stderr
