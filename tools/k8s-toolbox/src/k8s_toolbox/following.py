"""The logs of several containers: in the order of their stamps, or followed as they come."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from toolroll_shared.errors import ToolError

from .background import Gathering, heard
from .containers import NotStarted, Target, check_log
from .lists import Lists, Lost
from .models import Pod
from .outages import Outage
from .queries import Query
from .reading import Reading
from .wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .cluster import Cluster
    from .wanted import Item

BLOCKS_AHEAD = 4
"""Of each log that are read before their turn comes."""

AHEAD = 256
"""Blocks of all logs together that are read before they are written."""

PAUSE_S = 0.01
"""By which lines may come later, so that those of many logs are written together."""

POLL_S = 1.0
"""Between two looks at a pod that is about to start."""


class Failed(NamedTuple):
    """A log that could not be read, or not to its end."""

    error: ToolError


class Ended(NamedTuple):
    """A log came to its end."""


class Waiting(NamedTuple):
    """A container has no log yet."""

    why: str


class Looked(NamedTuple):
    """Pods were looked at: nothing to tell, but what is to be written need not wait any more."""


Told = tuple[Target | None, "Item | Failed | Ended | Waiting | Lost | Looked"]
"""What there is to tell, and of which container; None: of the list of pods."""


def told_of(target: Target, items: Iterable[Item | Waiting]) -> Iterator[Told]:
    """Yield what comes of one log, an error too, and its end."""
    try:
        for item in items:
            yield target, item
    except ToolError as error:
        yield target, Failed(error)
    yield target, Ended()


def awaited(
    cluster: Cluster,
    target: Target,
    wanted: Wanted,
    pod: Pod,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Item | Waiting]:
    """Yield a container's log once it has one.

    Raises:
        ToolError: it has none, and will not have one soon; or it cannot be had.
    """
    has_told = False
    outage = Outage(sleep=sleep)
    while True:
        try:
            check_log(pod, target.container, previous=wanted.previous, now=datetime.now(UTC))
        except NotStarted as error:
            if not (error.passing and wanted.follow):
                raise
            yield [] if has_told else Waiting(str(error))  # and see whether anybody still reads
            has_told = True
        else:
            break
        sleep(POLL_S)
        try:
            pod = Lists(cluster, Pod).get(Query("get", "pods", target.namespace, target.pod))
        except ToolError as error:
            outage.bear(error)
        else:
            outage.over()
    yield from Reading(cluster, target, wanted, pod, sleep=sleep)


def gathered(streams: Iterable[Iterator[Told]]) -> Gathering[Told]:
    """Return what several logs tell, as it comes."""
    gathering: Gathering[Told] = Gathering(ahead=AHEAD, pause=PAUSE_S)
    for stream in streams:
        gathering.add(stream)
    return gathering


def merged(streams: Iterable[Iterator[Told]]) -> Iterator[Told]:
    """Yield the lines of several logs, one by one, in the order of their stamps.

    What else there is to tell comes when it is met. Logs are read at the same time, each by
    a thread that is a few blocks ahead.
    """
    stamped = [
        _stamped(heard(stream, ahead=BLOCKS_AHEAD), number) for number, stream in enumerate(streams)
    ]
    for _, _, told in heapq.merge(*stamped):  # no two of one number are ever compared
        yield told


def _stamped(items: Iterator[Told], number: int) -> Iterator[tuple[int, int, Told]]:
    """Yield each line with its stamp; a line is never before those that come before it."""
    latest = 0
    for target, item in items:
        if isinstance(item, list):
            for record in item:
                latest = max(latest, record.stamp or 0)
                yield latest, number, (target, [record])
        else:
            yield latest, number, (target, item)
