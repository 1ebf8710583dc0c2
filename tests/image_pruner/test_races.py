"""Racing containers that come and go, in 200 rounds."""

from collections import Counter
from collections.abc import Callable, Sequence

from image_pruner import Criteria, Daemon, Endpoint, Outcome, Plan, carry_out, make_plan
from image_pruner.models import Rule
from tests.image_pruner.churn import Churn, blind, deletions, half_made
from tests.support.docker import Engine
from tests.support.images import Made, layer
from tests.support.socket_proxy import Asked, Proxy

ROUNDS = 200
BASE = layer("base", 20_000)
NOW = 1_800_000_000.0
OLD = Criteria(older_than=365 * 86400.0, age="365d")


def plan_and_do(host: str) -> tuple[Plan, Outcome]:
    with Daemon(Endpoint(host=host), timeout=60) as daemon:
        plan = make_plan(daemon.stock(), OLD, daemon, now=NOW)
        return plan, carry_out(plan, daemon)


def check_round(plan: Plan, outcome: Outcome, reasons: Counter[str]) -> None:
    """Each image is deleted, gone by itself, or kept with the reason."""
    assert outcome.failed == {}
    assert outcome.stopped is None
    assert {*outcome.deleted, *outcome.gone} <= {*plan.order}
    for identity, verdict in outcome.verdicts.items():
        if verdict.rule is Rule.NEWER:
            continue
        assert verdict.delete == (identity in {*outcome.deleted, *outcome.gone})
        assert verdict.delete or "used by" in verdict.reason, verdict
        reasons[verdict.rule.value] += 1


def check_race(churn: Churn, asked: Sequence[Asked], owners: dict[str, str]) -> int:
    """Return how many images went while the daemon was making a container of them."""
    asked_for = deletions(asked, owners)
    for life in churn.lives:
        seen = [one for one in asked_for if blind(one, life)]
        assert seen == [], "a deletion was asked for although a look had shown the container"
        if life.orphaned:
            assert any(half_made(one, life) for one in asked_for), "an image in use is gone"
    return sum(life.orphaned for life in churn.lives)


def test_in_200_rounds_no_image_goes_that_a_container_was_seen_on(
    engine: Engine, proxy: Proxy, record_property: Callable[[str, object], None]
) -> None:
    """A look is a list of all containers, which the tool asks for before it deletes an image.

    No DELETE is sent for an image that a container is on whose creation was answered before
    the last look began, and whose removal was not asked for before that ended. The daemon
    makes sure of the rest, but for images that go while it is making a container of them.
    """
    keeper = Made(("keep:1",), (BASE,), "2026-12-01T00:00:00Z")
    engine.load(keeper)  # its layer stays, so that a round takes little time
    made = [
        Made(("app:1",), (BASE,), "2020-01-01T00:00:00Z"),
        Made(("app:2", "web:2"), (BASE,), "2020-01-02T00:00:00Z"),
    ]
    ids = engine.load(*made)
    owners = {tag: image.id for image in made for tag in (*image.tags, image.id)}
    reasons: Counter[str] = Counter()
    churn = Churn(engine, ids, seed=9)
    with churn.going_on():
        for _ in range(ROUNDS):
            engine.load(*made)
            check_round(*plan_and_do(proxy.host), reasons)
    half_made_ones = check_race(churn, proxy.asked, owners)
    conflicts = [one for one in proxy.asked if one.method == "DELETE" and one.status == 409]
    figures = {
        "containers": len(churn.lives),
        "refused": churn.refused,
        "deletions": len(proxy.paths("DELETE")),
        "saved by the daemon's 409": len(conflicts),
        "gone while half made": half_made_ones,
        **reasons,
    }
    record_property("race", figures)
    print(figures)  # noqa: T201 - with -s
    assert reasons["unused"] > 0, "no round deleted anything"
    assert reasons["used"] > 0, "no round met a container"
