"""What goes wrong while images are deleted: nothing else suffers, and what was done is told."""

import gc
import json
import os
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.image_pruner.conftest import Prune
from tests.support.docker import Engine, dockerd
from tests.support.images import Made, layer
from tests.support.socket_proxy import Answer, Proxy, recording

BASE = layer("base", 20_000)
OLD = "2020-01-01T00:00:00Z"
SELECTED = ("--older-than", "365")
FAILURE: Answer = (500, b'{"message": "driver failed: \\u001b[31mdisk on fire"}')


def old(number: int, *tags: str) -> Made:
    """An old image with a layer of its own; the lower the number, the sooner it is deleted."""
    layers = (BASE, layer(f"top{number}", 1000 + number))
    return Made(tags or (f"app:{number}",), layers, f"2020-01-{number:02}T00:00:00Z")


def first(act: Callable[[], object]) -> Callable[[], None]:
    """Do something before a request is passed on."""
    return lambda: (act(), None)[1]


def by_id(document: Any) -> dict[str, Any]:
    return {one["id"]: one for one in document["images"]}


def test_a_failure_is_one_images_and_the_others_go(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    ids = engine.load(*(old(number) for number in range(1, 6)))
    proxy.before("DELETE", f"/images/{ids[2]}", lambda: FAILURE)
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 1
    assert engine.ids() == {ids[2]}
    assert engine.tags() == {"app:3"}
    assert set(done.json["deleted"]) == {*ids} - {ids[2]}
    assert [(one["id"], one["tags"]) for one in done.json["failed"]] == [(ids[2], ["app:3"])]
    assert "app:3: not deleted: " in done.stderr
    assert r"500: driver failed: \x1b[31mdisk on fire" in done.stderr
    assert "deleted 4 of 5 images (5 planned)" in done.stderr


def test_an_image_that_fails_has_its_tags_back(engine: Engine, proxy: Proxy, prune: Prune) -> None:
    (image,) = engine.load(old(1, "app:1", "app:2", "web:1"))
    proxy.before("DELETE", f"/images/{image}", lambda: FAILURE)
    assert prune("--yes", *SELECTED).code == 1
    assert len(proxy.paths("DELETE")) == 3
    assert engine.tags() == {"app:1", "app:2", "web:1"}


def test_a_tag_that_cannot_be_given_back_is_named_and_the_others_go(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    image, other = engine.load(old(1, "app:1", "app:2"), old(2, "web:1"))
    proxy.before("DELETE", f"/images/{image}", lambda: FAILURE)
    proxy.before("POST", f"/images/{image}/tag", lambda: FAILURE)
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 1
    (lost,) = {"app:1", "app:2"} - engine.tags()
    assert done.json["failed"][0]["error"].endswith(f"it has lost {lost}")
    assert done.json["deleted"] == [other]


def test_an_image_that_is_gone_before_its_turn_is_no_failure(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    gone, other = engine.load(old(1), old(2))
    remove = first(lambda: engine.client.remove_image(gone))
    proxy.before("GET", f"/images/{gone}/json", remove)
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 0
    assert "app:1: gone meanwhile" in done.stderr
    assert "deleted 1 of 2 images (2 planned)" in done.stderr
    assert by_id(done.json)[gone]["rule"] == "gone"
    assert done.json["deleted"] == [other]
    assert done.json["failed"] == []


def test_an_image_that_is_gone_at_the_very_last_is_no_failure(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    gone, other = engine.load(old(1, "app:1", "app:2"), old(2))
    remove = first(lambda: engine.client.remove_image(gone, force=True))
    proxy.before("DELETE", f"/images/{gone}", remove)
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 0
    assert by_id(done.json)[gone]["rule"] == "gone"
    assert done.json["deleted"] == [other]
    assert engine.ids() == set()


def test_an_image_that_another_deletes_in_the_same_moment_is_no_failure(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    """That is what dockerd says where two delete it at once."""
    gone, other = engine.load(old(1), old(2))

    def lose() -> Answer:
        engine.client.remove_image(gone)
        return 500, json.dumps({"message": f"unrecognized image ID {gone}"}).encode()

    proxy.before("DELETE", f"/images/{gone}", lose)
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 0
    assert by_id(done.json)[gone]["rule"] == "gone"
    assert done.json["deleted"] == [other]


def test_an_image_whose_container_comes_at_the_last_keeps_all_its_tags(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    (image,) = engine.load(old(1, "app:1", "app:2"))
    proxy.before("DELETE", f"/images/{image}", first(lambda: engine.container(image, "late")))
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 0
    assert engine.tags() == {"app:1", "app:2"}
    assert by_id(done.json)[image]["reason"] == "used by container late (created)"
    assert "app:1: kept after all: used by container late (created)" in done.stderr


def test_a_tag_that_moved_meanwhile_is_not_taken_from_who_has_it(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    """It is given back only if nobody has it by then."""
    image, other = engine.load(old(1, "app:1", "app:2"), Made(("new:1",), (BASE,)))
    lost: list[str] = []

    def build_and_run() -> None:
        (name,) = {"app:1", "app:2"} - engine.tags()
        engine.client.tag(other, *name.split(":"))
        engine.container(image, "late")
        lost.append(name)

    proxy.before("DELETE", f"/images/{image}", first(build_and_run))
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 0
    (kept,) = {"app:1", "app:2"} - {*lost}
    tags = {one["Id"]: {*one["RepoTags"]} for one in engine.client.images()}
    assert tags == {image: {kept}, other: {"new:1", *lost}}


@pytest.mark.parametrize("when", ["/containers/json", "/images/app:"])
def test_a_tag_that_moves_before_its_turn_stays_with_its_new_image(
    engine: Engine, proxy: Proxy, prune: Prune, when: str
) -> None:
    tags = [f"app:{number}" for number in range(1, 5)]
    image, other = engine.load(old(1, *tags), Made(("new:1",), (BASE,)))
    moved: list[str] = []

    def move() -> None:
        """Move a tag whose turn is not now, and is not to be left for the end."""
        have = engine.client.inspect_image(image)["RepoTags"]
        moved.append(have[1])
        engine.client.tag(other, *have[1].split(":"))

    if when == "/containers/json":  # the first is the plan's
        proxy.before("GET", when, first(lambda: proxy.before("GET", when, first(move))))
    else:
        proxy.before("DELETE", when, first(move))
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 0, done.stderr
    assert done.json["deleted"] == [image]
    assert engine.tags() == {"new:1", *moved}
    assert engine.ids() == {other}


@pytest.mark.parametrize("name", ["app:late", "web:late", "localhost:5000/app:1"])
def test_an_image_that_gets_another_tag_after_the_plan_is_kept(
    engine: Engine, proxy: Proxy, prune: Prune, name: str
) -> None:
    (image,) = engine.load(old(1))
    repository, _, tag = name.rpartition(":")
    again = first(lambda: engine.client.tag(image, repository, tag))
    proxy.before("GET", f"/images/{image}/json", again)
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 0
    assert proxy.writes == []
    assert by_id(done.json)[image]["reason"] == f"also named {name} by now"
    assert engine.tags() == {"app:1", name}


def test_an_image_whose_tag_went_to_another_goes_and_the_other_stays(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    image, other = engine.load(old(1), Made(("new:1",), (BASE,)))
    move = first(lambda: engine.client.tag(other, "app", "1"))
    proxy.before("GET", f"/images/{image}/json", move)
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 0
    assert done.json["deleted"] == [image]
    assert engine.tags() == {"new:1", "app:1"}
    assert engine.ids() == {other}


def test_a_plugin_that_forbids_deleting_ends_the_work(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    ids = engine.load(old(1), old(2))
    no: Answer = (403, b'{"message": "authorization denied by plugin opa"}')
    proxy.before("DELETE", "/images/", lambda: no, once=False)
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 77
    assert engine.ids() == {*ids}
    assert len(proxy.writes) == 1
    assert "refuses us (403): authorization denied by plugin opa" in done.stderr
    assert done.json["deleted"] == []


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for daemons that are killed; what they leave mounted is unmounted."""
    with tempfile.TemporaryDirectory(prefix="dockerd-") as name:
        yield Path(name)
        mounted = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for point in mounted:
            if point.startswith(f"{name}/"):
                subprocess.run(["umount", "--lazy", point], check=True)


@contextmanager
def refused() -> Iterator[None]:
    """Forget the sockets that the SDK leaves open when nobody listens."""
    with warnings.catch_warnings(action="ignore"):
        yield
        gc.collect()


def living_in(place: Path, name: str) -> list[str]:
    """Arguments for a dockerd whose data outlive it."""
    return [f"--data-root={place}/data", f"--exec-root={place}/{name}"]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_daemon_that_is_killed_ends_the_work_and_a_later_run_goes_on(
    place: Path,
    tmp_path: Path,
    prune: Prune,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
) -> None:
    first_one = dockerd(*living_in(place, "first"))
    with refused(), first_one as engine, recording(engine.socket, tmp_path) as proxy:
        ids = engine.load(*(old(number) for number in range(1, 6)))
        kill = first(lambda: os.kill(engine.pid, signal.SIGKILL))
        proxy.before("DELETE", f"/images/{ids[2]}", kill)
        monkeypatch.setenv("DOCKER_HOST", proxy.host)
        done = prune("--yes", *SELECTED, *options)
    assert done.code == 69
    assert "deleted 2 of 5 images (5 planned)" in done.stderr
    assert "app:3: not deleted: " in done.stderr
    assert "not tried: 2 images" in done.stderr
    assert "(DOCKER_HOST) went away" in done.stderr
    if options:
        assert done.json["deleted"] == ids[:2]
        assert done.json["freed_bytes"] is None
        assert [one["id"] for one in done.json["failed"]] == [ids[2]]
    with dockerd(*living_in(place, "second")) as engine:
        assert engine.ids() == {*ids[2:]}
        monkeypatch.setenv("DOCKER_HOST", engine.host)
        done = prune("--yes", *SELECTED)
        assert done.code == 0
        assert engine.ids() == set()
    assert "deleted 3 of 3 images" in done.stderr


def test_a_daemon_that_cannot_tell_what_became_free_does_not_hide_what_was_done(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    ids = engine.load(old(1), old(2))
    later = first(lambda: proxy.before("GET", "/system/df", lambda: FAILURE))
    proxy.before("DELETE", "/images/", later)
    done = prune("--yes", "--json", *SELECTED)
    assert done.code == 69
    assert set(done.json["deleted"]) == {*ids}
    assert done.json["freed_bytes"] is None
    assert "deleted 2 of 2 images: predicted" in done.stderr
    assert "answers 500" in done.stderr
