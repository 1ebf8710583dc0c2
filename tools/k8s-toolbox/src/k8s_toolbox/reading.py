"""One container's log, read to its end over every cut: no line is lost, none comes twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError, ReadTimeoutError

from toolroll_shared.errors import Refused, ToolError, TryLater, Unreachable

from .outages import Outage
from .records import Record, records_of
from .seen import Seen
from .sources import Source, blocks_of
from .troubles import Gone, Unwilling, told
from .wanted import Away, Back, Item, Said, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from .cluster import Cluster
    from .containers import Target
    from .models import Pod

IDLE_S = 60.0
"""A followed log that is silent for so long is asked for again: some kubelets go on to hold a
connection when the log behind it was rotated away, and some networks drop it without a word."""

STEADY_S = 5.0
"""A connection that lasts so long was a good one, even if nothing came."""

MAX_WORDS = 20
"""Of a node in one log: more lines without a stamp are a log whose server gives none."""


class _Restarted(Exception):
    """What comes is the log of the next container already."""


class Reading:
    """Reads one container's log.

    Args:
        cluster: where it is.
        target: whose log.
        wanted: which part of it.
        pod: as it was looked at.
        seen: what was read before, of the container before a restart.
        idle: seconds after which a followed log that is silent is asked for again.
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
        idle: float = IDLE_S,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target = target
        self.seen = seen or Seen(whole=wanted.is_whole)
        self._source = Source(cluster, target, pod, sleep=sleep, clock=clock)
        self._cluster = cluster
        self._wanted = wanted
        self._idle = idle
        self._clock = clock
        self._outage = Outage(sleep=sleep, clock=clock)
        self._partial: Record | None = None
        self._words = 0
        self._has_answered = False
        self._is_away = False
        self._ended_early = False

    @property
    def instance(self) -> str | None:
        """The container's id when it was looked at; a restart has another."""
        return self._source.instance

    def __iter__(self) -> Iterator[Item]:
        """Yield what there is, to the end of the log, or of the container if it is followed.

        Raises:
            ToolError: it cannot be had, or not any more.
        """
        if not self._wanted.follow:
            yield from self._complete(self._wanted)
            return
        try:
            yield from self._end_so_far()
            rest = yield from self._live()
        except _Restarted:
            rest = Wanted(previous=True)
        except Gone:
            if not self._has_answered:
                raise
            yield from self._nothing_left()
            return
        yield from self._rest_of(rest)

    def _end_so_far(self) -> Iterator[Item]:
        """Yield the last lines of a log, if only so many are wanted: what comes then is all."""
        wanted = self._wanted
        if wanted.tail is None:
            return
        end = wanted._replace(follow=False, tail=max(wanted.tail, 1))
        for item in self._complete(end, whole=False):
            if wanted.tail or not isinstance(item, list):
                yield item  # else the last line only tells where to begin
        self._wanted = wanted._replace(tail=None)
        if self._partial and self._partial.stamp is not None and self.seen.last is None:
            self.seen.begin_at(self._partial)

    def _live(self) -> Generator[Item, None, Wanted]:
        """Yield a log while its container runs; return what is to be read of it then."""
        while True:
            is_at_end = False
            try:
                is_at_end = yield from self._once(self._wanted, whole=False)
            except Gone:
                raise
            except (HTTPError, OSError, ToolError) as error:
                yield from self._lost(error)
            rest = yield from self._looked_at()
            if rest is not None:
                return rest
            if is_at_end:
                self._ended_early = True
                yield []  # and see whether anybody still reads
                self._outage.bear(
                    Unreachable(f"{self._source.where}: its log ends again and again")
                )

    def _looked_at(self) -> Generator[Item, None, Wanted | None]:
        """Return what `Source.rest` does, once the server answers."""
        while True:
            try:
                return self._source.rest()
            except (TryLater, Unreachable, Refused) as error:
                yield from self._lost(error)

    def _rest_of(self, rest: Wanted) -> Iterator[Item]:
        """Yield what is left of a container that has ended."""
        try:
            yield from self._complete(rest)
        except _Restarted:
            yield from self._rest_of(Wanted(previous=True))
        except (Gone, Unwilling):
            yield from self._nothing_left()

    def _nothing_left(self) -> Iterator[Item]:
        """Yield what has come already, of a log that is no longer there."""
        if self._partial and self._partial.stamp is not None:
            yield from self._new([self._partial])
        if self._is_away:
            yield Back(is_broken=True)

    def _complete(self, wanted: Wanted, *, whole: bool = True) -> Iterator[Item]:
        """Yield a log to its present end."""
        while True:
            try:
                yield from self._once(wanted, whole=whole)
            except (HTTPError, OSError, TryLater, Unreachable, Refused) as error:
                yield from self._lost(error)
            else:
                break
        if self._is_away:  # nothing new has come since
            self._is_away = self._ended_early = False
            yield Back(is_broken=self.seen.is_behind)

    def _once(self, wanted: Wanted, *, whole: bool) -> Generator[Item, None, bool]:
        """Yield one answer's new lines; return whether it came to its end, not just to silence."""
        timeout = self._idle if wanted.follow else None
        try:
            with self._source.opened(wanted, self.seen, timeout=timeout) as response:
                opened, self._has_answered, self._partial = self._clock(), True, None
                try:
                    yield from self._read(blocks_of(response), wanted, whole=whole)
                finally:
                    if self._clock() - opened > STEADY_S:
                        self._outage.over()
        except (ReadTimeoutError, Unreachable) as error:
            if not wanted.follow or not _is_silence(error):
                raise
            self._has_answered = True  # servers may begin to answer with the first line
            return False
        return True

    def _read(self, blocks: Iterable[bytes], wanted: Wanted, *, whole: bool) -> Iterator[Item]:
        is_later = wanted.since_seconds or wanted.since_time or self.seen.last is not None
        for records in records_of(blocks):
            if is_later and records[0].stamp is None and records[0].ended:
                rest = records.pop(0)  # of a line that began before
                if self.seen.last is None:
                    yield [rest]
            is_later = False
            if records and not records[-1].ended and not whole:
                self._partial = records.pop()  # there is more of it to come
            yield from self._new(records, is_last=wanted.previous)

    def _new(self, records: list[Record], *, is_last: bool = True) -> Iterator[Item]:
        """Yield what is new, and remember it.

        Args:
            records: as they came.
            is_last: whether they cannot be those of a container that was started since.
        """
        for record in records:
            if record.stamp is None:
                yield self._word(record)
        fresh = self.seen.fresh([one for one in records if one.stamp is not None])
        if not fresh:
            return
        if (
            self.seen.is_broken
            and self._wanted.follow
            and not is_last
            and self._source.has_restarted(self.seen)
        ):
            raise _Restarted
        self._outage.over()
        if self._ended_early and not self._is_away:
            yield Away("the log ended before the container did")
        if self._ended_early or self._is_away or self.seen.is_broken:
            yield Back(is_broken=self.seen.is_broken)
        self._is_away = self._ended_early = self.seen.is_broken = False
        self.seen.remember(fresh)
        yield fresh

    def _word(self, record: Record) -> Said:
        """Return what a node has to say.

        Raises:
            Gone: it has the log no longer, and we have read it so far.
            ToolError: it is a log without stamps.
        """
        text = record.line.decode(errors="replace")
        if self._wanted.follow and self.seen.last is not None and not record.ended:
            raise Gone(f"{self._source.where}: {text}")
        self._words += 1
        if self._words > MAX_WORDS:
            raise ToolError(
                f"{self._source.where}: the server gives its lines no stamps: it cannot be read"
            )
        return Said(text)

    def _lost(self, error: Exception) -> Iterator[Item]:
        """Tell that the connection is lost, and wait before the next try.

        Raises:
            ToolError: there is no use in that, or no longer.
        """
        trouble = told(self._cluster.chosen, self._cluster.server, error)
        if not self._has_answered and not self._may_pass(error):
            raise trouble from error
        yield [] if self._is_away else Away(str(trouble))
        self._is_away = True
        self._outage.bear(trouble)

    def _may_pass(self, error: Exception) -> bool:
        """Tell whether to try again where the log was never answered for yet."""
        is_cut = not isinstance(error, ToolError) or isinstance(
            error.__cause__, HTTPError | OSError
        )
        return self._wanted.follow and is_cut


def _is_silence(error: Exception) -> bool:
    return isinstance(error, ReadTimeoutError) or isinstance(error.__cause__, ReadTimeoutError)
