"""Pods as rows: their order, and the fields of --json."""

from datetime import UTC, datetime

import msgspec
import pytest

from k8s_toolbox.models import Pod
from k8s_toolbox.rows import SORT_KEYS, row_of
from tests.k8s_toolbox.conftest import Toolbox
from tests.support.kube_api import KubeApi
from tests.support.kube_objects import Object, after, pod, running, waiting


def at(address: str | None) -> Object:
    return {"status": {"podIP": address}}


PODS = [
    pod("web-10", node="node-10", age=50, **at("10.0.0.9")),
    pod("web-9", running("a", ready=False), node="node-9", age=500, **at("10.0.0.10")),
    pod("api", after(running("a", restarts=12), 1, since=900), age=5000, **at("9.1.1.1")),
    pod("db", after(running("a", restarts=2), 1, since=90), age=400, **at("fd00::2")),
    pod("job", waiting("a", "Error"), running("b"), node=None, age=300, **at(None)),
]
ORDERS = {
    "name": "api db job web-9 web-10",
    "namespace": "web-10 web-9 api db job",
    "ready": "web-9 job web-10 api db",
    "status": "job web-10 web-9 api db",
    "restarts": "web-10 web-9 job db api",
    "last-restart": "web-10 web-9 job api db",
    "created": "api web-9 db job web-10",
    "age": "web-10 job db web-9 api",
    "node": "job api db web-9 web-10",
    "ip": "job api web-10 web-9 db",
}


@pytest.mark.parametrize("key", SORT_KEYS)
def test_rows_are_sorted_by_a_key_and_else_stay_as_they_were(key: str) -> None:
    rows = [row_of(msgspec.convert(one, Pod), now=datetime.now(UTC)) for one in PODS]
    assert " ".join(row.name for row in sorted(rows, key=SORT_KEYS[key])) == ORDERS[key]


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("name", "api db job web-9 web-10"),
        ("-name", "web-10 web-9 job db api"),
        (".metadata.name", "api db job web-9 web-10"),
        ("metadata.name", "api db job web-9 web-10"),
        ("{.metadata.name}", "api db job web-9 web-10"),
        ("-.metadata.creationTimestamp", "web-10 job db web-9 api"),
        ("{.metadata.creationTimestamp}", "api web-9 db job web-10"),
        (".status.containerStatuses[0].restartCount", "job web-10 web-9 db api"),
    ],
)
def test_sort_by_takes_kubectls_spellings_and_a_minus_before_them(
    api: KubeApi, toolbox: Toolbox, key: str, names: str
) -> None:
    for one in PODS:
        api.pods.put(one)
    done = toolbox("pods", f"--sort-by={key}")
    assert done.code == 0
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == names.split()


@pytest.mark.parametrize("key", ["nonsense", ".spec.foo", "-", "{}", "{.metadata.nam"])
def test_an_unknown_key_is_refused_with_those_that_there_are(
    api: KubeApi, toolbox: Toolbox, key: str
) -> None:
    done = toolbox("pods", f"--sort-by={key}")
    assert done.code == 2
    assert "there are name, namespace, ready" in done.stderr
    assert api.asked == []


def test_json_has_the_documented_fields() -> None:
    thing = pod("web-0", after(running("a", restarts=2), 1), running("b", ready=False))
    thing["status"]["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = (
        "2026-11-22T10:00:00Z"
    )
    now = datetime.fromisoformat(thing["metadata"]["creationTimestamp"])
    assert row_of(msgspec.convert(thing, Pod), now=now).document(now, "why") == {
        "name": "web-0",
        "namespace": "team-a",
        "ready": "1/2",
        "status": "Running",
        "restarts": 2,
        "last_restart": "2026-11-22T10:00:00Z",
        "age_seconds": 0,
        "node": "node-1",
        "ip": "10.0.0.1",
        "problem": "why",
    }


def test_json_has_null_for_what_is_not_known() -> None:
    thing = pod("web-0", node=None, metadata={"creationTimestamp": None}, **at(None))
    now = datetime.now(UTC)
    row = row_of(msgspec.convert(thing, Pod), now=now)
    assert row.age(now) == "<unknown>"
    found = row.document(now, None)
    unknown = {name for name, value in found.items() if value is None}
    assert unknown == {"last_restart", "age_seconds", "node", "ip", "problem"}
