"""One container's log, read to its end over every cut: no line is lost, none comes twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from urllib3.exceptions import HTTPError, ReadTimeoutError

from toolroll_shared.errors import Refused, ToolError, TryLater, Unreachable

from .containers import status_of
from .lists import Lists
from .models import Pod
from .outages import Outage
from .queries import Query
from .records import Record, records_of
from .seen import Seen
from .troubles import Gone, Unwilling, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .cluster import Cluster
    from .containers import Target

IDLE_S = 60.0
"""A followed log that is silent for so long is asked for again: some kubelets go on to hold a
connection when the log behind it was rotated away, and some networks drop it without a word."""

READ_BYTES = 1 << 16
STEADY_S = 5.0
"""A connection that lasts so long was a good one, even if nothing came."""


class Wanted(NamedTuple):
    """Which part of a log.

    Attributes:
        tail: so many lines from its end; None for all.
        since_seconds: not older than so many seconds, by the node's clock.
        since_time: not older than this instant, in RFC 3339.
        previous: of the container before its last restart.
        follow: go on with what comes.
    """

    tail: int | None = None
    since_seconds: int | None = None
    since_time: str | None = None
    previous: bool = False
    follow: bool = False

    def parameters(self) -> dict[str, object]:
        """Return the parameters of a URL that ask for it."""
        return {
            "tailLines": self.tail,
            "sinceSeconds": self.since_seconds,
            "sinceTime": self.since_time,
            "previous": "true" if self.previous else None,
            "follow": "true" if self.follow else None,
        }


class Away(NamedTuple):
    """The connection is lost; reading goes on when there is one again."""

    why: str


class Back(NamedTuple):
    """Reading goes on.

    Attributes:
        is_broken: lines may be missing, for the log was rotated, or its pod has gone meanwhile.
    """

    is_broken: bool


class Said(NamedTuple):
    """What a node has to say about the log, instead of lines."""

    text: str


Item = list[Record] | Away | Back | Said


class Reading:
    """Reads one container's log.

    Args:
        cluster: where it is.
        target: whose log.
        wanted: which part of it.
        pod: as it was looked at.
        seen: what was read before, of the container before a restart.
        sleep: waits.
        clock: monotonic seconds.
    """

    def __init__(  # noqa: PLR0913 - effects with their defaults among them
        self,
        cluster: Cluster,
        target: Target,
        wanted: Wanted,
        pod: Pod,
        *,
        seen: Seen | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = target
        self.seen = seen or Seen()
        status = status_of(pod, target.container)
        self.instance = status.container_id if status else None
        self._uid = pod.metadata.uid
        self._cluster = cluster
        self._pods = Lists(cluster, Pod)
        self._wanted = wanted
        self._clock = clock
        self._began = clock()
        self._sleep = sleep
        self._outage = Outage(sleep=sleep, clock=clock)
        self._has_answered = False
        self._is_away = False
        self._ended_early = False

    def __iter__(self) -> Iterator[Item]:
        """Yield what there is, to the end of the log, or of the container if it is followed.

        Raises:
            ToolError: it cannot be had, or not any more.
        """
        wanted = self._wanted
        if not wanted.follow:
            yield from self._complete(wanted)
            return
        if wanted.tail is not None:  # first its end, which then is known to be complete
            end = wanted._replace(follow=False, tail=max(wanted.tail, 1))
            items = self._complete(end)
            if wanted.tail:
                yield from items
            else:  # the last line tells where to begin
                yield from (one for one in items if not isinstance(one, list))
            self._wanted = wanted._replace(tail=None)
        yield from self._follow()

    def _complete(self, wanted: Wanted) -> Iterator[Item]:
        """Yield a log to its present end."""
        while True:
            try:
                yield from self._once(wanted)
            except (HTTPError, OSError, TryLater, Unreachable, Refused) as error:
                yield from self._lost(error)
            else:
                return

    def _follow(self) -> Iterator[Item]:
        """Yield a log until its container ends."""
        while True:
            try:
                yield from self._once(self._wanted)
                rest = self._rest()
            except ReadTimeoutError:
                continue
            except Gone:
                if self._is_away:
                    yield Back(is_broken=True)
                return
            except (HTTPError, OSError, ToolError) as error:
                yield from self._lost(error)
                continue
            if rest is not None:
                break
            self._outage.bear(Unreachable(f"{self._where}: its log ends again and again"))
            self._ended_early = True
        try:
            yield from self._complete(rest)
        except (Gone, Unwilling):  # there is nothing left to read from
            if self._is_away or rest.previous:
                yield Back(is_broken=True)

    def _once(self, wanted: Wanted) -> Iterator[Item]:
        """Yield one answer's new lines."""
        query = Query("get", "pods", self.target.namespace, self.target.pod, "log")
        parameters = self._parameters(wanted)
        timeout = IDLE_S if wanted.follow else None
        with self._cluster.opened(query, parameters, timeout=timeout) as response:
            self._has_answered, opened = True, self._clock()
            try:
                blocks = iter(lambda: response.read1(READ_BYTES), b"")
                for records in records_of(blocks, whole=not wanted.follow):
                    yield from self._new(records)
            finally:
                if self._clock() - opened > STEADY_S:
                    self._outage.over()

    def _parameters(self, wanted: Wanted) -> dict[str, object]:
        found = wanted.parameters()
        found |= {"container": self.target.container, "timestamps": "true"}
        since = self.seen.resume()
        if since is not None:
            found |= {"sinceTime": since, "sinceSeconds": None, "tailLines": None}
        elif wanted.since_seconds is not None:
            found["sinceSeconds"] = wanted.since_seconds + int(self._clock() - self._began)
        return found

    def _new(self, records: list[Record]) -> Iterator[Item]:
        for record in records:
            if record.stamp is None:
                yield Said(record.line.decode(errors="replace"))
        fresh = self.seen.fresh([one for one in records if one.stamp is not None])
        if not fresh:
            return
        self._outage.over()
        if self._ended_early and not self._is_away:
            yield Away("the log ended before the container did")
        if self._ended_early or self._is_away or self.seen.is_broken:
            yield Back(is_broken=self.seen.is_broken)
        self._is_away = self._ended_early = self.seen.is_broken = False
        yield fresh

    def _lost(self, error: Exception) -> Iterator[Away]:
        """Tell that the connection is lost, and wait before the next try.

        Raises:
            ToolError: there was no answer yet, or there has been none for too long.
        """
        trouble = told(self._cluster.chosen, self._cluster.server, error)
        if not self._has_answered:
            raise trouble from error
        if not self._is_away:
            self._is_away = True
            yield Away(str(trouble))
        self._outage.bear(trouble)

    def _rest(self) -> Wanted | None:
        """Return what is to be read of a container that has ended; None while it runs.

        Raises:
            Gone: its pod is gone, or another has its name.
        """
        pod = self._pods.get(Query("get", "pods", self.target.namespace, self.target.pod))
        if pod.metadata.uid != self._uid:
            raise Gone(f"{self._where}: another pod has its name now")
        status = status_of(pod, self.target.container)
        same = status is not None and status.container_id == self.instance
        if status is not None and same and status.now.running:
            return None
        return Wanted(previous=not same)

    @property
    def _where(self) -> str:
        return f"{self.target.container} in {self.target.pod}"
