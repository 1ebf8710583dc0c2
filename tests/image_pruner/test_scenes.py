"""Scenes on a real daemon: the plan is what is deleted, image by image and byte by byte."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.image_pruner.conftest import Prune
from tests.support.docker import Engine
from tests.support.images import Made, layer
from tests.support.registry import serving

BASE, MIDDLE, OTHER = layer("base", 50_000), layer("middle", 7_000), layer("other", 3_000)
EMPTY = layer("empty", 0)
OLD = "2020-01-01T00:00:00Z"


def top(number: int) -> bytes:
    return layer(f"top{number}", 100 + number)


def verdicts(prune: Prune, *options: object) -> dict[str, tuple[str, str]]:
    """What a dry run says of each image, by its first tag, else by its id."""
    done = prune("--json", *options)
    assert done.code == 0, done.stderr
    return {
        (one["tags"] or [one["id"]])[0]: (one["decision"], one["reason"])
        for one in done.json["images"]
    }


def carried_out(engine: Engine, prune: Prune, *options: object) -> dict[str, Any]:
    """Plan and do it: what goes is what was planned, and frees what was predicted."""
    plan = prune("--json", *options).json
    before, size = engine.ids(), engine.layers_size()
    done = prune("--json", "--yes", *options)
    assert done.code == 0, done.stderr
    result: dict[str, Any] = done.json
    marked = {one["id"] for one in plan["images"] if one["decision"] == "delete"}
    assert marked == {one["id"] for one in result["images"] if one["decision"] == "delete"}
    assert before - engine.ids() == marked == set(result["deleted"])
    assert plan["predicted_exactly"]
    assert plan["freed_bytes"] is None
    assert result["freed_bytes"] == plan["predicted_freed_bytes"] == size - engine.layers_size()
    assert sum(one["freed_bytes"] for one in plan["images"]) == plan["predicted_freed_bytes"]
    return result


def test_without_any_option_only_dangling_images_go(engine: Engine, prune: Prune) -> None:
    engine.load(Made(("app:1",), (BASE,)), Made((), (BASE, MIDDLE)))
    assert carried_out(engine, prune)["freed_bytes"] == 7_000
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


def test_layers_that_nested_groups_share_are_counted_once(engine: Engine, prune: Prune) -> None:
    engine.load(
        *(Made((f"a:{n}",), (BASE, MIDDLE, OTHER, top(n)), OLD) for n in (1, 2)),
        *(Made((f"b:{n}",), (BASE, MIDDLE, EMPTY, top(n)), OLD) for n in (3, 4)),
        Made(("kept:1",), (BASE, top(5))),
        Made(("kept:2",), (BASE, top(6))),
    )
    result = carried_out(engine, prune, "--older-than", "365")
    assert result["freed_bytes"] == 7_000 + 3_000 + 101 + 102 + 103 + 104


def test_all_goes_where_nothing_needs_it(engine: Engine, prune: Prune) -> None:
    engine.load(
        Made(("base:1",), (BASE,)),
        Made(("app:1",), (BASE, top(1))),
        Made(("app:2", "app:latest", "team/app:2"), (BASE, top(2))),
        Made(("same:1",), (BASE,), labels={"differs": "in its labels"}),
    )
    carried_out(engine, prune, "--older-than", "0")
    assert engine.ids() == set()


def test_the_same_layer_on_another_base_is_another_layer(engine: Engine, prune: Prune) -> None:
    engine.load(Made(("a:1",), (BASE, top(1)), OLD), Made(("b:1",), (MIDDLE, top(1))))
    assert carried_out(engine, prune, "--older-than", "9d")["freed_bytes"] == 50_000 + 101


def test_a_tagged_base_of_what_stays_is_kept(engine: Engine, prune: Prune) -> None:
    engine.load(
        Made(("base:1",), (BASE,), OLD),
        Made(("middle:1",), (BASE, MIDDLE), OLD),
        Made((), (BASE, MIDDLE), OLD, {"rebuilt": "since"}),
        Made(("app:3",), (BASE, MIDDLE, top(1))),
    )
    said = verdicts(prune, "--older-than", "365")
    assert said["base:1"] == ("keep", "base of app:3")
    assert said["middle:1"] == ("keep", "base of app:3")
    assert len(carried_out(engine, prune, "--older-than", "365")["deleted"]) == 1
    assert engine.tags() == {"base:1", "middle:1", "app:3"}


@pytest.mark.parametrize("state", ["created", "running", "exited"])
def test_an_image_of_a_container_is_kept_in_every_state(
    engine: Engine, prune: Prune, state: str
) -> None:
    engine.load(Made(("app:1",), (BASE,), OLD), Made(("app:2",), (BASE, MIDDLE), OLD))
    engine.container("app:1", "web", start=state == "running", wait=state == "exited")
    said = verdicts(prune, "--older-than", "1w")
    assert said["app:1"] == ("keep", f"used by container web ({state})")
    carried_out(engine, prune, "--older-than", "1w")
    assert engine.tags() == {"app:1"}


def test_the_image_that_counts_is_the_containers_not_what_has_its_tag_now(
    engine: Engine, prune: Prune
) -> None:
    old, _ = engine.load(Made(("app:1",), (BASE,)), Made(("new:1",), (BASE, MIDDLE)))
    engine.container("app:1", "web")
    engine.container(old, "other", start=True)
    engine.client.tag("new:1", "app", "1", force=True)
    said = verdicts(prune, "--older-than", "0")
    assert said[old] == ("keep", "used by container other (running) and 1 more")
    assert said["app:1"][0] == "delete"
    carried_out(engine, prune, "--older-than", "0")
    assert engine.ids() == {old}


def test_what_a_build_went_through_goes_with_it(engine: Engine, prune: Prune) -> None:
    engine.load(Made(("base:1",), (BASE,)))
    engine.build("app:1", "FROM base:1\nLABEL a=1\nENV b=2\nLABEL c=3")
    engine.build("app:2", "FROM base:1\nLABEL a=1\nENV b=2\nLABEL d=4")
    said = verdicts(prune, "--filter", "app:1")
    assert sorted(reason for _, reason in said.values()).count("step of app:2") == 2
    assert len(carried_out(engine, prune, "--filter", "app:1")["deleted"]) == 1
    assert (
        "would delete 1 of 2 images, with 2 steps, and free 0 B" in prune("--filter", "app").stderr
    )
    assert len(carried_out(engine, prune, "--filter", "app")["deleted"]) == 3
    assert engine.tags() == {"base:1"}


def test_a_dangling_rebuild_goes_and_the_base_of_the_new_one_stays(
    engine: Engine, prune: Prune
) -> None:
    engine.load(Made(("base:1",), (BASE,), OLD))
    first = engine.build("app:1", "FROM base:1\nENV a=1\nENV b=1")
    engine.build("app:1", "FROM base:1\nENV a=1\nENV b=2")
    said = verdicts(prune)
    assert said[first] == ("delete", "dangling, 0h old")
    carried_out(engine, prune)
    assert verdicts(prune, "--older-than", "0", "--exclude", "app")["base:1"] == (
        "keep",
        "base of app:1",
    )


def test_a_step_that_a_container_uses_holds_its_layers(engine: Engine, prune: Prune) -> None:
    base = engine.load(Made(("base:1",), (BASE,), OLD))[0]
    engine.container("base:1", "builder")
    engine.client.commit("builder", "app", "1")
    engine.client.remove_image("base:1", force=True)
    said = verdicts(prune, "--older-than", "0")
    assert said[base] == ("keep", "used by container builder (created)")
    assert said["app:1"][0] == "delete"
    assert carried_out(engine, prune, "--older-than", "0")["freed_bytes"] == 0
    assert engine.ids() == {base}


@pytest.mark.parametrize(
    ("age", "decision", "reason"),
    [
        ("36h", "delete", "unused, 40h old"),
        ("1.5", "delete", "unused, 40h old"),
        ("2", "keep", "newer than 2d"),
        ("2d", "keep", "newer than 2d"),
        ("0.25w", "keep", "newer than 0.25w"),
    ],
)
def test_an_age_is_days_or_has_its_unit(
    engine: Engine, prune: Prune, age: str, decision: str, reason: str
) -> None:
    made = datetime.now(UTC) - timedelta(hours=40, minutes=1)
    engine.load(Made(("app:1",), (BASE,), f"{made:%Y-%m-%dT%H:%M:%SZ}"))
    assert verdicts(prune, "--older-than", age) == {"app:1": (decision, reason)}


def test_dates_that_no_builder_can_mean_count_for_nothing(engine: Engine, prune: Prune) -> None:
    epoch = ("1970-01-01T00:00:00Z", "1980-01-01T00:00:01Z", "0001-01-01T00:00:00Z")
    engine.load(*(Made((f"app:{n}",), (top(n),), date) for n, date in enumerate(epoch)))
    said = verdicts(prune, "--older-than", "30d")
    assert set(said.values()) == {("keep", "of unknown age")}
    engine.client.tag("app:1", "other", "1")  # that is remembered with its time
    said = verdicts(prune, "--older-than", "30d")
    assert said["app:1"] == ("keep", "newer than 30d")
    assert verdicts(prune, "--older-than", "0")["app:1"] == ("delete", "unused, tagged 0h ago")


def test_age_can_be_that_of_the_last_tagging(engine: Engine, prune: Prune) -> None:
    engine.load(Made(("old:1",), (BASE,), OLD), Made(("moved:1",), (MIDDLE,), OLD))
    engine.client.tag("moved:1", "moved", "latest")
    said = verdicts(prune, "--older-than", "1d", "--age-basis", "tagged")
    assert said == {
        "old:1": ("keep", "of unknown age"),
        "moved:1": ("keep", "newer than 1d"),
    }


def test_the_last_of_each_repository_are_kept(engine: Engine, prune: Prune) -> None:
    dates = [f"2026-0{month}-01T00:00:00Z" for month in range(1, 6)]
    engine.load(
        *(Made((f"app:{n}",), (BASE, top(n)), date) for n, date in enumerate(dates)),
        Made(("web:1", "app:web"), (top(9),), OLD),
        Made((), (OTHER,), OLD),
    )
    said = verdicts(prune, "--keep-last", "2")
    assert [said[f"app:{n}"][0] for n in range(5)] == ["delete"] * 3 + ["keep"] * 2
    assert said["app:4"][1] == "last 2 of repo app"
    assert said["app:web"] == ("keep", "last 2 of repo web")
    assert len(carried_out(engine, prune, "--keep-last", "2")["deleted"]) == 4


def test_labels_select_and_protect(engine: Engine, prune: Prune) -> None:
    engine.load(
        Made(("a:1",), (top(1),), labels={"stage": "ci"}),
        Made(("b:1",), (top(2),), labels={"stage": "ci", "keep": ""}),
        Made(("c:1",), (top(3),), labels={"stage": "a=b"}),
    )
    said = verdicts(prune, "--label", "stage=ci", "--label", "!keep")
    assert said["a:1"][0] == "delete"
    assert said["b:1"] == ("keep", "has label keep")
    assert said["c:1"] == ("keep", "has no label stage=ci")
    carried_out(engine, prune, "--label", "stage=ci", "--label", "!keep")
    assert engine.tags() == {"b:1", "c:1"}


def test_no_more_than_asked_for_go_and_the_oldest_first(engine: Engine, prune: Prune) -> None:
    dates = [f"2026-0{month}-01T00:00:00Z" for month in range(1, 6)]
    made = [Made((f"app:{n}",), (BASE, top(n)), date) for n, date in enumerate(dates)]
    engine.load(*made, Made(("base:1",), (BASE,), OLD))
    said = verdicts(prune, "--older-than", "0", "--max-delete", "2")
    assert [one for one in said if said[one][0] == "delete"] == ["app:1", "app:0"]
    assert said["app:2"] == ("keep", "beyond --max-delete 2")
    assert said["base:1"][1].startswith("b")
    carried_out(engine, prune, "--older-than", "0", "--max-delete", "2")
    carried_out(engine, prune, "--older-than", "0", "--max-delete", "4")
    assert engine.ids() == set()


def test_digests_are_names_too(engine: Engine, prune: Prune) -> None:
    with serving() as registry:
        first = Made((), (BASE, top(1)), OLD)
        digest = registry.add("team/app", "1", first)
        registry.add("team/app", "2", Made((), (BASE, top(2)), OLD))
        repository = f"{registry.host}/team/app"
        engine.client.pull(f"{repository}@{digest}")
        engine.client.pull(repository, tag="2")
        engine.client.tag(f"{repository}:2", "mine", "2")
    assert set(verdicts(prune).values()) == {("keep", "not dangling")}
    said = verdicts(prune, "--filter", repository)
    assert said[first.id][0] == "delete"
    assert said[f"{repository}:2"] == ("keep", "also named mine:2")
    excluded = verdicts(prune, "--older-than", "0", "--exclude", f"{repository}@*")
    assert {decision for decision, _ in excluded.values()} == {"keep"}
    assert carried_out(engine, prune, "--filter", repository)["deleted"] == [first.id]
    carried_out(engine, prune, "--older-than", "0")
    assert engine.ids() == set()
