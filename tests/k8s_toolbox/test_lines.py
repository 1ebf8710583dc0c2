"""How lines look: exact in a pipe, harmless on a terminal."""

import json

import pytest

from tests.k8s_toolbox.conftest import Toolbox
from tests.support.commands import argv
from tests.support.kube_api import KubeApi
from tests.support.kube_objects import pod, running, terminated
from tests.support.terminal import shown_on_a_terminal


@pytest.fixture
def two(api: KubeApi) -> KubeApi:
    api.pods.put(pod("web-0", running("app"), running("side")))
    api.log("team-a", "web-0", "app").write("one", b"\x1b[31mred\x1b[0m \x1b]0;title\x07")
    api.log("team-a", "web-0", "side").write("two")
    return api


@pytest.mark.usefixtures("two")
def test_all_containers_have_their_names_before_their_lines(toolbox: Toolbox) -> None:
    done = toolbox("logs", "web-0", "--all-containers")
    assert done.stdout == (
        "[web-0/app] one\n[web-0/app] \x1b[31mred\x1b[0m \x1b]0;title\x07\n[web-0/side] two\n"
    )


@pytest.mark.usefixtures("two")
def test_a_terminal_is_not_steered_and_shows_prefixes_in_colour() -> None:
    command = argv("k8s_toolbox", "logs", "web-0", "--all-containers")
    code, shown = shown_on_a_terminal(command)
    assert code == 0
    assert "\\x1b]0;title\\x07" in shown
    assert "m[web-0/side]\x1b[0m two" in shown
    _, plain = shown_on_a_terminal(command, NO_COLOR="1")
    assert "\x1b" not in plain


@pytest.mark.usefixtures("two")
def test_json_has_the_fields_of_its_description(toolbox: Toolbox) -> None:
    (line,) = toolbox("logs", "web-0", "-c", "side", "--json").stdout.splitlines()
    fields = json.loads(line)
    assert list(fields) == ["ts", "pod", "container", "line"]
    assert (fields["pod"], fields["container"], fields["line"]) == ("web-0", "side", "two")


@pytest.mark.usefixtures("two")
def test_grep_takes_lines_in_which_any_of_its_patterns_is(toolbox: Toolbox) -> None:
    done = toolbox("logs", "web-0", "--all-containers", "--grep", "^o", "--grep", "w.$")
    assert done.stdout == "[web-0/app] one\n[web-0/side] two\n"


def test_lines_without_an_end_do_not_run_into_others(api: KubeApi, toolbox: Toolbox) -> None:
    for name in ("web-0", "web-1"):
        api.pods.put(pod(name, terminated("app"), phase="Succeeded"))
        log = api.log("team-a", name)
        log.write("no end")
        log.open_line = True
    assert toolbox("logs", "web-0").stdout == "no end"
    assert toolbox("logs", "web-0", "web-1").stdout == "[web-0/app] no end\n[web-1/app] no end\n"
