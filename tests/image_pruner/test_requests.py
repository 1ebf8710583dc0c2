"""What a dry run asks a real daemon for: little, each thing once, and nothing that writes."""

from collections import Counter
from itertools import product

import pytest

from tests.image_pruner.conftest import Prune
from tests.support.docker import Engine
from tests.support.images import Made, layer
from tests.support.socket_proxy import Proxy

BASE = layer("base", 5_000)
OLD, NEW = "2020-01-01T00:00:00Z", "2026-01-01T00:00:00Z"

SELECTIONS = [
    [],
    ["--dangling"],
    ["--older-than", "30"],
    ["--keep-last", "1"],
    ["--filter", "app"],
    ["--filter", "app:1*", "--filter", "team/"],
    ["--label", "!keep", "--older-than", "36h"],
]
LIMITS = [[], ["--max-delete", "1"], ["--exclude", "*:2"]]
AGES = [[], ["--age-basis", "tagged"]]
OUTPUTS = [[], ["--json", "--plan", "plan.json"]]


def repository(name: str, *, tags: int) -> list[Made]:
    """Images with a base, a layer that all of this repository have, and one of their own."""
    middle = layer(f"middle of {name}", 700)
    return [
        Made(
            (f"{name}:{tag}",),
            (BASE, middle, layer(f"{name}{tag}", 90)),
            f"2026-01-{tag + 1:02}T00:00:00Z",
        )
        for tag in range(tags)
    ]


def mixture() -> list[Made]:
    """Images of every kind: a base, old and new, labelled, dangling, of two names, of no layer."""
    return [
        Made(("base:1",), (BASE,), OLD),
        Made(("app:1", "team/app:1"), (BASE, layer("one", 10)), OLD),
        Made(("app:2",), (BASE, layer("one", 10), layer("two", 20)), NEW, {"keep": "yes"}),
        Made(("team/web:1",), (BASE, layer("web", 30)), OLD),
        Made(("team/web:2",), (layer("alone", 40),), "1970-01-01T00:00:00Z"),
        Made(("empty:1",), (), OLD),
        Made((), (BASE, layer("one", 10), layer("rebuilt", 50)), OLD),
        Made((), (BASE, layer("rebuilt", 60)), NEW),
    ]


def inspected(proxy: Proxy) -> Counter[str]:
    """The ids of the images that were inspected, and how often."""
    return Counter(one[8:79] for one in proxy.paths() if one.endswith("/json") and ":" in one)


def histories(proxy: Proxy) -> Counter[str]:
    return Counter(one for one in proxy.paths() if one.endswith("/history"))


def others(proxy: Proxy) -> list[str]:
    return sorted(one.partition("?")[0] for one in proxy.paths() if "sha256:" not in one)


LISTS = ["/containers/json", "/images/json", "/info", "/system/df", "/version"]


@pytest.mark.parametrize(
    "options",
    [
        ["--dangling"],
        ["--older-than", "365000"],
        ["--filter", "nobody"],
        ["--exclude", "*", "--older-than", "0"],
        ["--filter", "app:3"],
        ["--keep-last", "4"],
    ],
    ids=" ".join,
)
def test_five_requests_do_where_no_layer_can_change_the_answer(
    engine: Engine, proxy: Proxy, prune: Prune, options: list[str]
) -> None:
    engine.load(*repository("app", tags=4))
    done = prune(*options)
    assert done.code == 0, done.stderr
    assert others(proxy) == LISTS
    assert not inspected(proxy)
    assert not histories(proxy)


def test_images_that_share_nothing_are_not_inspected(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    engine.load(*(Made((f"app:{tag}",), (layer(f"own{tag}", 100 + tag),)) for tag in range(3)))
    done = prune("--json", "--older-than", "0")
    assert done.json["predicted_freed_bytes"] == 303
    assert not inspected(proxy)


def test_where_shared_layers_stay_one_image_of_each_repository_is_inspected(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    engine.load(*(image for name in "abcd" for image in repository(name, tags=10)))
    done = prune("--json", "--keep-last", "5")
    assert done.json["predicted_freed_bytes"] == 20 * 90
    assert done.json["predicted_exactly"]
    assert len(inspected(proxy)) == 4
    assert len(histories(proxy)) <= 1
    assert others(proxy) == LISTS
    assert prune("--json", "--yes", "--keep-last", "5").json["freed_bytes"] == 20 * 90


def test_a_rebuilt_image_is_held_against_one_image_that_shares_as_much(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    images = [image for name in "abc" for image in repository(name, tags=5)]
    rebuilt = [Made((), (*image.layers[:2], layer("rebuilt", 30))) for image in images[::5]]
    engine.load(*images, *rebuilt)
    done = prune("--json")
    assert done.json["predicted_freed_bytes"] == 3 * 30
    assert len(inspected(proxy)) <= 6


def test_no_combination_of_options_writes_or_asks_twice(
    engine: Engine, proxy: Proxy, prune: Prune, here: object
) -> None:
    del here
    ids = engine.load(*mixture())
    engine.container("team/web:1", "web")
    for parts in product(SELECTIONS, LIMITS, AGES, OUTPUTS):
        options = [word for part in parts for word in part]
        proxy.asked.clear()
        done = prune(*options)
        assert done.code == 0, (options, done.stderr)
        assert not proxy.writes, options
        assert others(proxy) == LISTS, options
        assert {*inspected(proxy)} <= {*ids}
        assert {*(inspected(proxy) + histories(proxy)).values()} <= {1}, options
    assert engine.ids() == {*ids}


def test_with_yes_each_deletion_looks_at_its_image_and_the_containers_and_removes_it(
    engine: Engine, proxy: Proxy, prune: Prune
) -> None:
    [one, other] = engine.load(
        Made((), (layer("one", 10),), OLD), Made(("app:1",), (layer("two", 20),), OLD)
    )
    assert prune("--yes", "--older-than", "30").code == 0
    requests = [f"{one.method} {one.path.partition('?')[0]}" for one in proxy.asked]
    begun = [
        f"GET /images/{one}/json",
        "GET /containers/json",
        f"DELETE /images/{one}",
        f"GET /images/{other}/json",
        "GET /containers/json",
        f"DELETE /images/{other}",
        "GET /system/df",
        "GET /containers/json",
    ]
    assert requests[5:] == begun or requests[5:] == begun[3:6] + begun[:3] + begun[6:]
