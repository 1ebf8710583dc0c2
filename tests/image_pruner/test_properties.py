"""Whatever there is and whatever is asked for: no image goes that must not, no byte is miscounted."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_pruner import Criteria, Plan, Stock, make_plan
from image_pruner.models import Image
from image_pruner.names import parse_filter
from image_pruner.rules import parse_label
from tests.image_pruner.stocks import World, taken

NOW = 1_800_000_000.0
DAY = 86400.0
TAGS = [f"{repo}:{tag}" for repo in ("app", "web", "localhost:5000/app") for tag in "123"]
LAYERS = ["a:5", "b:70", "c:0", "d:900"]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    world = World()
    free = draw(st.permutations(TAGS))
    for _ in range(draw(st.integers(1, 9))):
        ids = [image.id for image in world.images]
        tags = [free.pop() for _ in range(draw(st.integers(0, min(2, len(free)))))]
        below = draw(st.sampled_from(["", *ids]))
        more = draw(st.lists(st.sampled_from(LAYERS), max_size=2))
        created = draw(st.sampled_from([0.0, NOW - 5 * DAY, NOW - 40 * DAY, NOW - 90 * DAY]))
        identity = world.add(
            *tags,
            layers=(*world.chains.get(below, ()), *more),
            created=created,
            parent=below if draw(st.booleans()) else "",
            digests=["app@sha256:" + "0" * 64] if draw(st.integers(0, 7)) == 0 else (),
            labels=draw(st.sampled_from([{}, {"keep": "1"}, {"keep": "0", "ci": ""}])),
        )
        if draw(st.integers(0, 4)) == 0:
            world.use(identity)
        if draw(st.booleans()):
            world.tagged[identity] = NOW - draw(st.integers(1, 100)) * DAY
    return world


@st.composite
def criteria(draw: st.DrawFn) -> Criteria:
    older = draw(st.sampled_from([None, 0.0, 30 * DAY]))
    return Criteria(
        older_than=older,
        age="30d",
        filters=[
            parse_filter(one) for one in draw(st.sampled_from([[], [], ["app"], ["app:1*", "web"]]))
        ],
        labels=[parse_label(one) for one in draw(st.sampled_from([[], [], ["keep"], ["!keep=1"]]))],
        excludes=draw(
            st.sampled_from([[], [], ["app"], ["*:2"], ["docker.io/library/web*"], ["sha256:*1"]])
        ),
        dangling=draw(st.integers(0, 3)) == 0,
        keep_last=draw(st.sampled_from([None, None, 1, 2])),
        by_tag=draw(st.booleans()),
        max_delete=draw(st.sampled_from([None, None, 1, 2, 3])),
    )


def names(image: Image) -> set[str]:
    """All that a glob of --exclude may name, written down without the tool's own parser."""
    found = {image.id, image.id[7:], image.id[7:19]}
    for name in image.tags + image.digests:
        repository = name.partition("@")[0]
        if ":" in repository.rpartition("/")[2]:
            repository = repository.rpartition(":")[0]
        full = repository if "/" in repository else f"docker.io/library/{repository}"
        found |= {name, repository, full, full + name.removeprefix(repository)}
    return found


def check(world: World, stock: Stock, wanted: Criteria, plan: Plan) -> None:
    used = {container.image for container in stock.containers}
    images = {image.id: image for image in stock.images}
    steps = stock.steps
    left = dict(world.chains)
    assert set(plan.verdicts) == set(images)
    assert [one for one in plan.order if not plan.verdicts[one].delete] == []
    assert len(plan.order) == sum(verdict.delete for verdict in plan.verdicts.values())
    for identity, *later in groups(plan.order, steps):
        before = taken(left.values())
        for one in (identity, *later):
            assert one not in used
            glob = next((glob for glob in wanted.excludes if matches(glob, images[one])), None)
            assert glob is None
            del left[one]
            assert not any(images[other].parent == one for other in left), "it would be refused"
        assert plan.verdicts[identity].freed == before - taken(left.values())
        assert {plan.verdicts[one].freed for one in later} <= {0}
    for identity in plan.order:
        chain, named = world.chains[identity], images[identity].names
        built = [one for one in left if left[one][: len(chain)] == chain != left[one]]
        assert not named or not chain or not built, "it would lose a name, and free nothing"


def groups(order: Sequence[str], steps: set[str]) -> list[list[str]]:
    """Each image with the steps that go with it."""
    found: list[list[str]] = []
    for identity in order:
        if identity in steps:
            found[-1].append(identity)
        else:
            found.append([identity])
    return found


def matches(glob: str, image: Image) -> bool:
    return any(fnmatchcase(name, glob) for name in names(image))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(worlds(), criteria(), st.booleans())
def test_no_option_deletes_what_must_stay_and_no_byte_is_miscounted(
    world: World, wanted: Criteria, telling: bool
) -> None:
    stock = world.stock(telling=telling)
    plan = make_plan(stock, wanted, world, now=NOW)
    check(world, stock, wanted, plan)
