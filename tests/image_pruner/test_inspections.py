"""How many images are inspected for a plan: no more than can change the answer."""

from image_pruner import Criteria, Plan, make_plan
from image_pruner.names import parse_filter
from tests.image_pruner.stocks import World

NOW = 1_800_000_000.0


def planned(world: World, wanted: Criteria) -> Plan:
    return make_plan(world.stock(), wanted, world, now=NOW)


def repositories(*, number: int, tags: int) -> World:
    """Repositories on one base, with a layer each that all their tags have."""
    world = World()
    for repo in range(number):
        for tag in range(tags):
            layers = ["base:500", f"middle{repo}:{70 + repo}", f"top{repo}-{tag}:9"]
            world.add(f"app{repo}:{tag}", layers=layers, created=NOW - 1000 + tag)
    return world


def test_where_what_is_shared_stays_one_image_of_each_kind_tells() -> None:
    world = repositories(number=3, tags=20)
    plan = planned(world, Criteria(keep_last=5))
    assert len(plan.order) == 45
    assert plan.freed == 45 * 9
    assert plan.exact
    assert world.asked.total() == 3
    assert world.histories.total() <= 2


def test_where_something_shared_goes_no_image_is_inspected_twice() -> None:
    world = repositories(number=3, tags=20)
    plan = planned(world, Criteria(filters=[parse_filter("app1")]))
    assert plan.freed == 20 * 9 + 71
    assert set(world.asked.values()) == {1}


def test_a_dangling_image_is_held_against_one_that_shares_as_much() -> None:
    world = repositories(number=3, tags=20)
    world.add(layers=["base:500", "middle1:71", "rebuilt:3"])
    world.add(layers=["base:500", "middle2:72", "rebuilt:3"])
    plan = planned(world, Criteria())
    assert plan.freed == 6
    assert len(world.asked) == 3


def test_a_base_without_a_byte_is_kept_for_what_is_built_on_it() -> None:
    world = World()
    base = world.add("base:1", layers=["empty:0"])
    world.use(world.add("app:1", layers=["empty:0", "top:9"]))
    plan = planned(world, Criteria(filters=[parse_filter("base")]))
    assert plan.verdicts[base].reason == "base of app:1"


def test_an_image_without_a_layer_is_no_base_and_makes_nobody_inspect_the_rest() -> None:
    world = repositories(number=3, tags=20)
    world.add("labels:1")
    plan = planned(world, Criteria(filters=[parse_filter("labels")]))
    assert len(plan.order) == 1
    assert len(world.asked) == 1
