"""What makes a command fast, and must not get lost; how fast it is, bench/k8s_toolbox.py says."""

import gc
import json
import subprocess
import sys

import msgspec

from k8s_toolbox.background import Gathering
from k8s_toolbox.models import Pod
from tests.k8s_toolbox.conftest import Toolbox
from tests.support.kube_api import KubeApi
from tests.support.kube_objects import pod

LOADED = "import k8s_toolbox.cluster, k8s_toolbox.lists, sys; print(*sys.modules)"


def test_a_command_does_not_load_what_it_has_no_use_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "kubernetes.client" in loaded
    assert not loaded & {"asyncio", "tenacity", "rich", "kubernetes.client.models.v1_pod"}


def test_the_garbage_collector_does_not_look_through_pods() -> None:
    one = msgspec.json.decode(msgspec.json.encode(pod("web-0")), type=Pod)
    assert not any(map(gc.is_tracked, (one, one.metadata, one.spec, one.status)))


def test_pages_are_shown_in_their_order(api: KubeApi, toolbox: Toolbox) -> None:
    for number in range(1201):
        api.pods.put(pod(f"web-{number:04}"))
    names = [line.split("\t")[0] for line in toolbox("pods").stdout.splitlines()]
    assert names == [f"web-{number:04}" for number in range(1201)]


def test_a_refusal_of_a_later_page_ends_the_command(api: KubeApi, toolbox: Toolbox) -> None:
    for number in range(1001):
        api.pods.put(pod(f"web-{number:04}"))
    api.fault = lambda asked: (403, b"{}", {}) if "continue" in asked.query else None
    done = toolbox("pods")
    assert (done.code, done.stdout) == (77, "")


def test_a_line_is_a_document_of_json_whatever_it_holds(api: KubeApi, toolbox: Toolbox) -> None:
    api.pods.put(pod("web-0"))
    api.log("team-a", "web-0").write('"\\u{}\t\x1b \u2028 Grüße, \U0001f600')
    shown = toolbox("logs", "web-0", "--json").stdout
    document = json.loads(shown)
    assert shown == json.dumps(document) + "\n"
    assert list(document) == ["ts", "pod", "container", "line"]
    assert document["line"] == '"\\u{}\t\x1b \u2028 Grüße, \U0001f600'


def test_nothing_of_many_threads_is_lost_in_a_pause() -> None:
    gathering: Gathering[tuple[int, int]] = Gathering(ahead=3, pause=0.001)
    for thread in range(10):
        gathering.add([(thread, number) for number in range(20)])
    found = list(gathering)
    assert sorted(found) == [(thread, number) for thread in range(10) for number in range(20)]
    for thread in range(10):
        assert [one for one in found if one[0] == thread] == [(thread, n) for n in range(20)]
