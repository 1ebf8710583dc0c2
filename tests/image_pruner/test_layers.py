"""What is inspected to know what is freed, and how a history is read."""

import pytest

from image_pruner import Criteria, Plan, make_plan
from image_pruner.histories import layer_sizes
from image_pruner.models import Step
from tests.image_pruner.stocks import World

NOW = 1_800_000_000.0
OLD = Criteria(older_than=100 * 86400, age="100d")


def planned(world: World, criteria: Criteria = OLD) -> Plan:
    return make_plan(world.stock(), criteria, world, now=NOW)


def test_nothing_is_inspected_where_nothing_goes() -> None:
    world = World()
    for number in range(9):
        world.add(f"app:{number}", layers=["base:50", f"top{number}:1"], created=NOW)
    assert planned(world).order == []
    assert not world.asked


def test_nothing_is_inspected_where_nothing_is_shared() -> None:
    world = World()
    for number in range(9):
        world.add(f"app:{number}", layers=[f"top{number}:10"])
    assert planned(world).freed == 90
    assert not world.asked


def test_one_that_goes_alone_frees_what_nobody_shares() -> None:
    world = World()
    world.add("app:1", layers=["base:50", "top:7"])
    world.add("app:2", layers=["base:50", "other:8"], created=NOW)
    assert planned(world).freed == 7
    assert not world.asked


def test_of_those_that_stay_one_for_each_shared_layer_is_enough() -> None:
    world = World()
    for repository in range(10):
        for tag in range(20):
            world.add(
                f"app{repository}:{tag}",
                layers=["base:500", f"middle{repository}:70", f"top{repository}{tag}:3"],
                created=NOW - tag * 86400,
            )
    plan = planned(world, Criteria(keep_last=10))
    assert (len(plan.order), plan.freed) == (100, 300)
    assert len(world.asked) == 10, "they have all that is shared, to the byte"
    assert sum(world.histories.values()) <= 1


def test_a_group_that_goes_together_costs_one_history() -> None:
    world = World()
    for tag in range(20):
        world.add(f"old:{tag}", layers=["base:500", "middle:70", f"top{tag}:3"])
        world.add(f"new:{tag}", layers=["base:500", "else:80", f"top{tag}:3"], created=NOW)
    plan = planned(world)
    assert (len(plan.order), plan.freed, plan.exact) == (20, 70 + 20 * 3, True)
    assert sum(world.histories.values()) == 1


COPY, CMD = "COPY f /f # buildkit", '/bin/sh -c #(nop)  CMD ["x"]'


@pytest.mark.parametrize(
    ("steps", "number", "sizes"),
    [
        ([(5, COPY), (7, COPY)], 2, [5, 7]),
        ([(5, "ADD x"), (0, CMD), (7, COPY), (0, "ENV a=1")], 2, [5, 7]),
        ([(5, COPY), (0, COPY), (0, CMD)], 2, [5, 0]),
        ([(0, "WORKDIR /x"), (5, "RUN /bin/sh -c true"), (0, "USER me")], 2, [0, 5]),
        ([(0, "/bin/sh -c #(nop) WORKDIR /x"), (5, "")], 2, [0, 5]),
        ([(0, COPY), (0, COPY), (5, COPY)], 2, None),
        ([(5, COPY), (5, COPY)], 1, None),
        ([], 1, None),
        ([], 0, []),
        ([(0, "ENTRYPOINT x"), (0, "LABEL a=b"), (0, "ARG COPY")], 0, []),
    ],
)
def test_a_history_tells_sizes_where_it_is_clear_which_step_made_a_layer(
    steps: list[tuple[int, str]], number: int, sizes: list[int] | None
) -> None:
    history = [Step(size=size, instruction=text) for size, text in steps]
    assert layer_sizes(history, number) == sizes


class Unclear(World):
    """Its histories have more steps without a byte than there can be layers."""

    def history(self, identity: str) -> list[Step]:
        del identity
        return [Step(size=size, instruction="COPY") for size in (0, 0, 500, 70, 3)]


def test_an_unclear_history_never_promises_too_much() -> None:
    world = Unclear()
    for tag in range(2):
        world.add(f"old:{tag}", layers=["base:500", "empty:0", "middle:70", f"top{tag}:3"])
        world.add(f"new:{tag}", layers=["base:500", "else:80", f"top{tag}:3"], created=NOW)
    plan = planned(world)
    assert not plan.exact
    assert plan.freed <= 70 + 2 * 3
