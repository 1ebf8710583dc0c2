"""Asking a cluster: pages, credentials that are renewed once for all, and what is closed."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from k8s_toolbox.access import CONNECTIONS
from k8s_toolbox.cluster import Cluster
from k8s_toolbox.kubeconfigs import choose
from k8s_toolbox.queries import Query
from k8s_toolbox.troubles import Unauthorized
from tests.support.kube_api import Asked, KubeApi, write_kubeconfig
from tests.support.kube_state import status

LIST = Query("list", "pods", "team-a")
UNAUTHORIZED = 401, status(401, "Unauthorized", "Unauthorized"), {"x": "y"}


def cluster_of(api: KubeApi, **more: Any) -> Cluster:
    return Cluster(choose({"KUBECONFIG": str(api.kubeconfig)}), **more)


def with_token_file(api: KubeApi, path: Path) -> Cluster:
    found = json.loads(api.kubeconfig.read_text())
    cluster = found["clusters"][0]["cluster"]
    user = {"tokenFile": str(path)}
    write_kubeconfig(api.kubeconfig, api.url, user=user, cluster=cluster)
    return cluster_of(api)


def test_parameters_without_a_value_are_not_sent(api: KubeApi) -> None:
    cluster_of(api).read(LIST, {"labelSelector": None, "fieldSelector": "a=b&c", "limit": 5})
    assert api.asked[0].query == {"fieldSelector": "a=b&c", "limit": "5"}


def test_json_is_asked_for_and_may_be_compressed(api: KubeApi) -> None:
    cluster_of(api).read(LIST)
    headers = api.asked[0].headers
    assert headers["accept"].startswith("application/json")
    assert headers["accept-encoding"] == "gzip"


def test_a_connection_is_used_again(api: KubeApi) -> None:
    cluster, ports = cluster_of(api), set()

    def note(_asked: Asked) -> None:
        ports.add(threading.get_ident())  # the stand-in has a thread for each connection

    api.fault = note
    for _ in range(5):
        cluster.read(LIST)
    assert len(ports) == 1


def test_threads_that_are_refused_at_once_read_the_token_anew_once(
    tls_api: KubeApi, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("old")
    cluster = with_token_file(tls_api, path)
    path.write_text("new")
    together = threading.Barrier(8)

    def fault(asked: Asked) -> tuple[int, bytes, dict[str, str]] | None:
        if asked.headers["authorization"] == "Bearer old":
            together.wait(30)
            return UNAUTHORIZED
        return None

    tls_api.fault = fault
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: cluster.read(LIST), range(8)))
    assert len(answers) == 8
    tokens = [one.headers["authorization"] for one in tls_api.asked]
    assert (tokens.count("Bearer old"), tokens.count("Bearer new")) == (8, 8)


def test_a_token_that_rotates_again_and_again_is_followed(tls_api: KubeApi, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("0")
    cluster = with_token_file(tls_api, path)

    def fault(asked: Asked) -> tuple[int, bytes, dict[str, str]] | None:
        good = asked.headers["authorization"] == f"Bearer {path.read_text()}"
        return None if good else UNAUTHORIZED

    tls_api.fault = fault
    for number in range(1, 4):
        path.write_text(str(number))
        assert cluster.read(LIST)


def test_credentials_that_stay_wrong_are_tried_twice(api: KubeApi) -> None:
    api.fault = lambda _asked: UNAUTHORIZED
    with pytest.raises(Unauthorized):
        cluster_of(api).read(LIST)
    assert len(api.asked) == 2


def test_waits_between_tries_grow_and_end(api: KubeApi) -> None:
    api.fault = lambda _asked: (503, b"", {})
    waits: list[float] = []
    with pytest.raises(Exception, match="fails at the moment"):
        cluster_of(api, sleep=waits.append).read(LIST)
    assert len(api.asked) == len(waits) + 1 == 5


def test_a_wait_that_the_server_asks_for_is_kept(api: KubeApi) -> None:
    api.fault = lambda _asked: (429, b"", {"Retry-After": "3"}) if len(api.asked) == 1 else None
    waits: list[float] = []
    cluster_of(api, sleep=waits.append).read(LIST)
    assert waits[0] >= 3


def test_as_many_connections_are_kept_as_containers_are_followed(api: KubeApi) -> None:
    """A pool that is too small throws connections away, with a warning for each."""
    cluster = cluster_of(api)
    together = threading.Barrier(CONNECTIONS)

    def meet(_asked: Asked) -> None:
        together.wait(30)

    api.fault = meet
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        assert all(pool.map(lambda _: cluster.read(LIST), range(CONNECTIONS)))
