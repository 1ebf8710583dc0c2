"""Tables: aligned on a terminal, tab-separated elsewhere, and safe on both."""

import pytest

from k8s_toolbox.cli.tables import Table, width_of
from tests.support.commands import argv
from tests.support.kube_api import KubeApi
from tests.support.kube_objects import event, pod
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
