"""Events of a real cluster, as `kubectl events` knows them."""

import json
from datetime import datetime

from tests.k8s_toolbox.e2e.conftest import Kubectl, Toolbox
from tests.support.waiting import until


def test_events_are_those_that_kubectl_knows(kubectl: Kubectl, toolbox: Toolbox) -> None:
    def are_the_same() -> bool:  # there may be a new one between two looks
        found = json.loads(kubectl("-n", "team-b", "get", "events", "-o", "json"))["items"]
        wanted = sorted(
            (one["involvedObject"]["name"], one["reason"], one.get("count") or 1) for one in found
        )
        ours = toolbox("events", "-n", "team-b", "--json").json
        return wanted == sorted(
            (one["object"].partition("/")[2], one["reason"], one["count"]) for one in ours
        )

    until(are_the_same)


def test_events_come_in_the_order_in_which_they_were_last_seen(toolbox: Toolbox) -> None:
    found = toolbox("events", "-n", "team-a", "--json").json
    seen = [datetime.fromisoformat(one["last_seen"]) for one in found]  # some have no fraction
    assert seen == sorted(seen)
    assert len(seen) > 10


def test_events_for_a_pod_are_those_that_kubectl_shows(kubectl: Kubectl, toolbox: Toolbox) -> None:
    wanted = kubectl("-n", "team-a", "events", "--for", "pod/pending-0", "--no-headers")
    ours = toolbox("events", "-n", "team-a", "--for", "po/pending-0")
    assert len(ours.stdout.splitlines()) == len(wanted.splitlines()) > 0
    assert "FailedScheduling\tPod/pending-0" in ours.stdout
