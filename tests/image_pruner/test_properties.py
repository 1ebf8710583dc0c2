"""Whatever there is and is asked for: what must stay does, and no byte is miscounted."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from image_pruner import Criteria, Plan, Stock, make_plan
from image_pruner.models import Image
from image_pruner.names import parse_filter, repositories
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


def expected(world: World, stock: Stock, wanted: Criteria) -> set[str]:
    """What goes, by the words of the README, without a thought for speed; no --max-delete."""
    images = {image.id: image for image in stock.images}
    used = {container.image for container in stock.containers}
    dates = {one: date_of(image, world, wanted) for one, image in images.items()}
    going = set()
    for one, image in images.items():
        if one in used or any(matches(glob, image) for glob in wanted.excludes):
            continue
        if one in stock.steps or (
            fits(image, dates[one], wanted) and not is_among_last(image, dates, stock, wanted)
        ):
            going.add(one)
    while stays := {one for one in going if has_to_stay(one, going, images, world, stock)}:
        going -= stays
    return going


def date_of(image: Image, world: World, wanted: Criteria) -> float | None:
    return image.created if image.created and not wanted.by_tag else world.tagged.get(image.id)


def fits(image: Image, date: float | None, wanted: Criteria) -> bool:
    if wanted.older_than is not None and (date is None or NOW - date < wanted.older_than):
        return False
    if wanted.dangling and image.names:
        return False
    nothing = not (wanted.filters or wanted.labels or wanted.keep_last)
    if wanted.older_than is None and nothing and image.names:
        return False
    if wanted.filters and not (
        image.names and all(any(one.fits(name) for one in wanted.filters) for name in image.names)
    ):
        return False
    return all(label.fits(image.labels) for label in wanted.labels)


def is_among_last(
    image: Image,
    dates: Mapping[str, float | None],
    stock: Stock,
    wanted: Criteria,
) -> bool:
    if not wanted.keep_last or not image.names:
        return False
    for repository in repositories(image):
        peers = [one for one in stock.heads if repository in repositories(one)]
        newer = [one for one in peers if (dates[one.id] or 0) > (dates[image.id] or 0)]
        if dates[image.id] is None or len(newer) < wanted.keep_last:
            return True
    return False


def has_to_stay(
    one: str, going: set[str], images: Mapping[str, Image], world: World, stock: Stock
) -> bool:
    staying = [other for other in images if other not in going]
    if any(images[other].parent == one for other in staying):
        return True
    chain = world.chains[one]
    covered = any(
        world.chains[other][: len(chain)] == chain != world.chains[other] for other in staying
    )
    if images[one].names and chain and covered:
        return True
    return one in stock.steps and not any(image.parent == one for image in images.values())


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
    world: World,
    wanted: Criteria,
    telling: bool,  # noqa: FBT001 - drawn, not passed
) -> None:
    stock = world.stock(telling=telling)
    plan = make_plan(stock, wanted, world, now=NOW)
    check(world, stock, wanted, plan)
    assert plan.exact == telling
    if wanted.max_delete is None:
        assert {*plan.order} == expected(world, stock, wanted)
    else:
        assert sum(one not in stock.steps for one in plan.order) <= wanted.max_delete
