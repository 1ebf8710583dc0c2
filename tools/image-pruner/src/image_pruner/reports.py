"""What is printed: a line for each image, one JSON document, and the summary."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from toolroll_shared.output import KILO, human_size, oneline, table

from .ages import DAY_S
from .models import Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from typing import Any

    from .deleting import Outcome
    from .models import Image, Plan, Stock, Verdict

_LONG = ("decision", "image", "id", "size", "freed", "age_days", "reason")
_SHORT = ("plan", "image", "size", "frees", "reason")
GAP = 2
"""Columns between those of a table."""
SHOWN = 5
"""Names in a message, at most."""
NARROW = 16
"""Columns that an image's name gets at least, however long a reason is."""


def plan_table(plan: Plan, *, now: float, width: int | None) -> str:
    """Return a line for each image: those that go first, what frees most at the top.

    Args:
        plan: the plan.
        now: in seconds since 1970.
        width: of a terminal, in columns, for a short table with a header; None for all there is,
            exact, with tabs.
    """
    images = _sorted(plan, plan.verdicts)
    if width is None:
        return table(_LONG, [_long_row(image, plan, now) for image in images], terminal=False)
    rows = [_short_row(image, plan.verdicts[image.id]) for image in images]
    room = max(_room_for_images(rows, width), NARROW)
    fitted = [[one, _tail(title, room), *rest] for one, title, *rest in rows]
    return table(_SHORT, fitted, terminal=True, numbers=("size", "frees"))


def _room_for_images(rows: list[list[str]], width: int) -> int:
    """Return how many columns are left for the names of images beside everything else."""
    cells = [*rows, list(_SHORT)]
    others = sum(max(len(row[at]) + GAP for row in cells) for at in (0, 2, 3, 4))
    return width - others - GAP


def _tail(text: str, room: int) -> str:
    """Return the end of a name that is too long: the tag is there, and what tells it apart."""
    return text if len(text) <= room else f"…{text[1 - room :]}"


def _sorted(plan: Plan, verdicts: Mapping[str, Verdict]) -> list[Image]:
    def key(image: Image) -> tuple[bool, int, bool, str, str]:
        verdict = verdicts[image.id]
        return not verdict.delete, -verdict.freed, not image.names, image.title, image.id

    return sorted(plan.images.values(), key=key)


def _short_row(image: Image, verdict: Verdict) -> list[str]:
    frees = human_size(verdict.freed) if verdict.delete else ""
    title = ", ".join(image.tags) or image.title
    return [verdict.decision, title, human_size(image.size), frees, verdict.reason]


def _long_row(image: Image, plan: Plan, now: float) -> list[str]:
    verdict, age = plan.verdicts[image.id], _age_days(plan.dates.get(image.id), now)
    return [
        verdict.decision,
        ",".join(image.tags) or image.title,
        image.id,
        str(image.size),
        str(verdict.freed),
        "" if age is None else str(age),
        verdict.reason,
    ]


def _age_days(date: float | None, now: float) -> float | None:
    return None if date is None else round((now - date) / DAY_S, 2)


def document(plan: Plan, outcome: Outcome | None, *, now: float) -> dict[str, Any]:
    """Return what `--json` prints; without an outcome it is a dry run's."""
    verdicts = plan.verdicts if outcome is None else outcome.verdicts
    failed = {} if outcome is None else outcome.failed
    return {
        "dry_run": outcome is None,
        "images": [_record(image, plan, verdicts, now) for image in _sorted(plan, verdicts)],
        "predicted_freed_bytes": plan.freed,
        "predicted_exactly": plan.exact,
        "freed_bytes": None if outcome is None else outcome.freed,
        "build_cache_bytes": None if outcome is None else outcome.cached,
        "deleted": [] if outcome is None else outcome.deleted,
        "failed": [
            {"id": one, "tags": list(plan.images[one].tags), "error": reason}
            for one, reason in failed.items()
        ],
    }


def _record(
    image: Image, plan: Plan, verdicts: Mapping[str, Verdict], now: float
) -> dict[str, Any]:
    verdict = verdicts[image.id]
    return {
        "id": image.id,
        "tags": list(image.tags),
        "digests": list(image.digests),
        "size_bytes": image.size,
        "created": _instant(image.created),
        "age_days": _age_days(plan.dates.get(image.id), now),
        "decision": verdict.decision,
        "rule": verdict.rule.value,
        "reason": verdict.reason,
        "freed_bytes": verdict.freed,
    }


def _instant(seconds: float) -> str | None:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):  # no builder dates it so far away
        return None


def cautions(plan: Plan, stock: Stock) -> Iterator[str]:
    """Yield why less may become free than predicted."""
    if not plan.order:
        return
    if stock.space.cache_shared:
        yield (
            f"the build cache has {human_size(stock.space.cache_shared)} of images' layers: "
            "what it has of deleted ones is freed only by 'docker builder prune'"
        )
    if stock.orphans:
        yield oneline(
            f"the image of container {stock.orphans[0].name} is gone: layers that it has in common "
            "with deleted images stay, though they are counted here"
        )


def prospect(plan: Plan) -> str:
    """Return the summary of a dry run."""
    if not plan.order:
        return _nothing(plan)
    return f"would delete {_counted(plan, plan.order)} and free {_predicted(plan)}"


def already_gone(titles: Sequence[str]) -> str:
    """Return that planned images were not there to begin with."""
    shown = ", ".join(titles[:SHOWN]) + (", ..." if len(titles) > SHOWN else "")
    return oneline(f"gone already, {_images(len(titles))} of the plan: {shown}")


def surprises(plan: Plan, outcome: Outcome) -> Iterator[str]:
    """Yield what did not go as planned, image by image; what it never came to is only counted."""
    left = 0
    for identity in plan.order:
        verdict, title = outcome.verdicts[identity], plan.images[identity].title
        if identity in outcome.failed:
            yield oneline(f"{title}: not deleted: {verdict.reason}")
        elif verdict.rule is Rule.STOPPED:
            left += identity not in plan.steps
        elif not verdict.delete:
            yield oneline(f"{title}: kept after all: {verdict.reason}")
        elif verdict.rule is Rule.GONE:
            yield oneline(f"{title}: {verdict.reason}")
    if left:
        yield f"not tried: {_images(left)}"
    for name in outcome.bereft:
        yield oneline(f"container {name} was being made from an image while that was deleted")


def summary(plan: Plan, outcome: Outcome) -> str:
    """Return what was done, and what was predicted and really freed."""
    if not plan.order:
        return _nothing(plan)
    what = f"deleted {_counted(plan, outcome.deleted)}"
    if len(outcome.deleted) < len(plan.order):
        what += f" ({len(plan.heads(plan.order))} planned)"
    predicted = _predicted(plan) if outcome.freed == plan.freed else _exactly(plan.freed)
    cached = f"; {human_size(outcome.cached)} are in the build cache still" * bool(outcome.cached)
    return f"{what}: predicted {predicted}, freed {_freed(plan, outcome.freed)}{cached}"


def _freed(plan: Plan, size: int | None) -> str:
    if size is None:
        return "what the daemon does not tell"
    if size < 0:
        return "less than others have added meanwhile"
    return human_size(size) if size == plan.freed else _exactly(size)


def _nothing(plan: Plan) -> str:
    return f"nothing to delete among {_images(len(plan.heads(plan.images)))}"


def _counted(plan: Plan, ids: Collection[str]) -> str:
    """Return how many of how many images these are, and how many steps to them."""
    heads = len(plan.heads(ids))
    steps = len(ids) - heads
    more = f", with {steps} step{'s' * (steps != 1)}," if steps else ""
    return f"{heads} of {_images(len(plan.heads(plan.images)))}{more}"


def _images(number: int) -> str:
    return f"{number} image{'s' * (number != 1)}"


def _predicted(plan: Plan) -> str:
    return f"{'' if plan.exact else 'about '}{human_size(plan.freed)}"


def _exactly(size: int) -> str:
    return f"{human_size(size)} ({size} bytes)" if size >= KILO else human_size(size)
