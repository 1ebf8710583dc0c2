"""Scenes on a real daemon: the plan is what is deleted, image by image and byte by byte."""

from tests.image_pruner.conftest import Prune
from tests.support.docker import Engine
from tests.support.images import Made, layer

BASE, MIDDLE, OTHER = layer("base", 50_000), layer("middle", 7_000), layer("other", 3_000)
OLD = "2020-01-01T00:00:00Z"


def top(number: int) -> bytes:
    return layer(f"top{number}", 100 + number)


def planned(prune: Prune, *options: object) -> dict[str, dict[str, object]]:
    done = prune("--json", *options)
    assert done.code == 0, done.stderr
    return {one["id"]: one for one in done.json["images"]}


def carried_out(engine: Engine, prune: Prune, *options: object) -> dict[str, object]:
    """Plan and do it: what went is what was planned, and frees what was predicted."""
    plan = prune("--json", *options).json
    before, size = engine.ids(), engine.layers_size()
    done = prune("--json", "--yes", *options)
    assert done.code == 0, done.stderr
    result: dict[str, object] = done.json
    marked = {one["id"] for one in plan["images"] if one["decision"] == "delete"}
    assert before - engine.ids() == marked
    assert set(result["deleted"]) == marked  # type: ignore[call-overload]
    assert result["predicted_freed_bytes"] == plan["predicted_freed_bytes"]
    assert result["freed_bytes"] == plan["predicted_freed_bytes"] == size - engine.layers_size()
    assert plan["predicted_exactly"]
    return result


def test_without_any_option_only_dangling_images_go(engine: Engine, prune: Prune) -> None:
    engine.load(Made(("app:1",), (BASE,)), Made((), (BASE, MIDDLE)))
    result = carried_out(engine, prune)
    assert result["freed_bytes"] == 7_000
    assert engine.tags() == {"app:1"}


def test_a_shared_layer_goes_with_its_last_user_only(engine: Engine, prune: Prune) -> None:
    engine.load(
        Made(("app:1",), (BASE, MIDDLE, top(1)), OLD),
        Made(("app:2",), (BASE, MIDDLE, top(2)), OLD),
        Made(("app:3",), (BASE, OTHER)),
    )
    result = carried_out(engine, prune, "--older-than", "365")
    assert result["freed_bytes"] == 7_000 + 101 + 102
    assert engine.tags() == {"app:3"}
