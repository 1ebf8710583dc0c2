"""Tables: aligned on a terminal, tab-separated elsewhere, and safe on both."""

import json

import pytest

from k8s_toolbox.cli.tables import Table, width_of
from tests.support.commands import argv
from tests.support.kube_api import Answer, KubeApi
from tests.support.kube_objects import event, pod
from tests.support.kube_state import status
from tests.support.terminal import shown_on_a_terminal


@pytest.mark.parametrize(
    ("text", "width"), [("abc", 3), ("漢字", 4), ("e\u0301", 1), ("ｗ", 2), ("Ünï", 3), ("", 0)]
)
def test_the_width_of_a_text_is_what_a_terminal_takes(text: str, width: int) -> None:
    assert width_of(text) == width


def test_elsewhere_there_is_no_header_and_no_alignment(capsys: pytest.CaptureFixture[str]) -> None:
    Table(["A", "B"]).write([["1", ""], ["two\ttabs", "\x1b[31m"]])
    assert capsys.readouterr().out == "1\t\ntwo\\ttabs\t\\x1b[31m\n"


def test_no_rows_are_no_output(capsys: pytest.CaptureFixture[str]) -> None:
    Table(["A", "B"]).write([])
    assert capsys.readouterr().out == ""


def test_a_terminal_gets_a_header_and_columns(api: KubeApi) -> None:
    api.pods.put(pod("a-long-name-0", age=30 * 86400))
    api.pods.put(pod("web-0", age=9 * 86400))
    code, output = shown_on_a_terminal(argv("k8s_toolbox", "pods"), KUBECONFIG=str(api.kubeconfig))
    assert code == 0
    assert output.splitlines() == [
        "NAME            READY   STATUS    RESTARTS   AGE",
        "a-long-name-0   1/1     Running   0          30d",
        "web-0           1/1     Running   0          9d",
    ]


def test_wide_letters_keep_the_columns_and_escapes_do_nothing(api: KubeApi) -> None:
    api.events.put(
        event("a", reason="漢字", message="one\r\n\x1b[2Jtwo \u202eevil", eventTime=None)
    )
    api.events.put(event("b", reason="Four", message="x", eventTime=None))
    command = argv("k8s_toolbox", "events")
    code, output = shown_on_a_terminal(command, KUBECONFIG=str(api.kubeconfig), NO_COLOR="1")
    assert code == 0
    assert output.splitlines() == [
        "LAST SEEN   TYPE     REASON   OBJECT      MESSAGE",
        "<unknown>   Normal   漢字     Pod/web-0   one \\x1b[2Jtwo \\u202eevil",
        "<unknown>   Normal   Four     Pod/web-0   x",
    ]


def test_a_watch_has_its_header_once_and_its_columns_grow(api: KubeApi) -> None:
    api.pods.put(pod("web-0", age=9 * 86400))
    rows = [pod("web-10", age=9 * 86400), pod("web-0", age=9 * 86400, phase="Unknown")]
    lines = [json.dumps({"type": "ADDED", "object": row}).encode() + b"\n" for row in rows]
    answers: list[Answer] = [
        (200, b"".join(lines), {}),
        (404, status(404, "NotFound", "no more"), {}),
    ]
    api.fault = lambda asked: answers.pop(0) if "watch" in asked.query else None
    command = argv("k8s_toolbox", "pods", "--watch")
    code, output = shown_on_a_terminal(command, KUBECONFIG=str(api.kubeconfig))
    assert code == 1
    assert output.splitlines() == [
        "NAME    READY   STATUS    RESTARTS   AGE",
        "web-0   1/1     Running   0          9d",
        "web-10   1/1     Running   0          9d",
        "web-0    1/1     Unknown   0          9d",
        "k8s-toolbox: watch pods in team-a: no more",
    ]
