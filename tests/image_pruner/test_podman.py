"""The same against Podman, as far as Podman speaks Docker's API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image_pruner.conftest import Prune
from tests.support.docker import Engine, podman
from tests.support.images import Made, layer

BASE = layer("base", 50_000)
OLD = "2020-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def podman_engine() -> Iterator[Engine]:
    with podman() as engine:
        yield engine


@pytest.fixture
def pod(podman_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setenv("DOCKER_HOST", podman_engine.host)
    yield podman_engine
    podman_engine.clear()


def test_podman_keeps_what_is_used_and_deletes_what_was_shown(pod: Engine, prune: Prune) -> None:
    app = [Made((f"app:{n}",), (BASE, layer("top", n)), OLD) for n in (1, 2)]
    pod.load(*app, Made(("two:1", "two:2", "three:1"), (layer("two", 9),), OLD))
    pod.client.create_container("app:1", name="web", command="x")
    done = prune("--older-than", "1d", "--json")
    said = {one["tags"][0]: (one["decision"], one["reason"]) for one in done.json["images"]}
    assert said["localhost/app:1"] == ("keep", "used by container web (created)")
    assert said["localhost/app:2"][0] == "delete"
    assert done.json["predicted_exactly"] is False
    done = prune("--older-than", "1d", "--json", "--yes")
    assert done.code == 0, done.stderr
    assert len(done.json["deleted"]) == 2
    assert done.json["freed_bytes"] is None
    assert "freed what the daemon does not tell" in done.stderr
    assert pod.tags() == {"localhost/app:1"}


def test_podmans_shared_layers_are_not_counted_twice(pod: Engine, prune: Prune) -> None:
    pod.load(*(Made((f"app:{n}",), (BASE, layer("top", n)), OLD) for n in range(1, 4)))
    done = prune("--older-than", "1d", "--exclude", "*:3", "--json").json
    assert done["predicted_freed_bytes"] < 50_000
    done = prune("--older-than", "1d", "--json").json
    assert 50_000 < done["predicted_freed_bytes"] < 100_000


def test_the_repository_of_a_local_image_is_below_localhost(pod: Engine, prune: Prune) -> None:
    pod.load(Made(("app:1",), (BASE,), OLD))
    assert "nothing to delete" in prune("--filter", "app").stderr
    assert "would delete 1 of 1" in prune("--filter", "localhost/app").stderr


def test_podman_carries_out_a_plan_of_its_own(pod: Engine, prune: Prune, tmp_path: Path) -> None:
    pod.load(Made(("localhost/app:1",), (layer("top", 4_000),), OLD))
    assert prune("--older-than", "30", "--plan", tmp_path / "plan").code == 0
    done = prune("--yes", "--plan", tmp_path / "plan", "--json")
    assert (done.code, len(done.json["deleted"])) == (0, 1), done.stderr
