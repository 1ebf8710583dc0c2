"""Which job may start next: one that its host has room for, and none before it may.

Hosts take turns. What has to wait (for room, for a pause that a host asked for, for its next
try) is held here, up to a limit; beyond it, no further job is taken from the source.
"""

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Sequence,
)
from typing import Any, Generic, Protocol, TypeVar

from toolroll_shared.retry import Sleep

LOOKAHEAD = 1000
"""Jobs that are held while they wait. More would find more hosts to be busy with, and take more
memory; a list that begins with so many URLs of one slow host makes the others wait for it."""


class Work(Protocol):
    """A job, and the host that it is for.

    Attributes:
        home: that host.
        host: where it is now: its home, or where that has sent it.
    """

    home: str
    host: str


T = TypeVar("T")
WorkT = TypeVar("WorkT", bound=Work)


class _Host(Generic[WorkT]):
    """What is known of one host while it has work or a pause."""

    __slots__ = ("active", "listed", "pauses", "waiting")

    def __init__(self) -> None:
        self.active = 0
        self.pauses = 0
        self.listed = False
        self.waiting: deque[WorkT] = deque()


class Schedule(Generic[T, WorkT]):
    """Hands out the work on jobs to whoever asks for some.

    Args:
        jobs: a plain or an asynchronous iterable; each is taken when somebody is ready for it.
        ahead: how many more are taken from an asynchronous one, so that nobody waits for it.
        work_on: what is to be done for a job.
        per_host: how many of one host may be handed out at once, or None for no cap.
        sleep: waits.
        on_left: told work that will not be handed out any more, because of a stop.
    """

    def __init__(
        self,
        jobs: Iterable[T] | AsyncIterable[T],
        work_on: Callable[[T], WorkT],
        *,
        per_host: int | None,
        ahead: int,
        sleep: Sleep,
        on_left: Callable[[list[WorkT]], None],
    ) -> None:
        self._source = aiter(jobs) if isinstance(jobs, AsyncIterable) else None
        self._plain = iter(()) if isinstance(jobs, AsyncIterable) else iter(jobs)
        self._work_on = work_on
        self._per_host = per_host
        self._ahead = ahead
        self._sleep = sleep
        self._on_left = on_left
        self._hosts: dict[str, _Host[WorkT]] = {}
        self._ready: deque[_Host[WorkT]] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._timers: dict[asyncio.Task[None], WorkT | None] = {}
        self._held = 0
        self._active = 0
        self._reader: asyncio.Task[None] | None = None
        self._demand: asyncio.Future[None] | None = None
        self._exhausted = False
        self._error: Exception | None = None
        self._ending: list[asyncio.Task[None]] = []
        self.stopped = False

    async def next(self) -> WorkT | None:
        """Return work that may start now, or None when there is no more."""
        while not self.stopped:
            work = self._take()
            if work is not None:
                self._pass_on()
                return work
            if self._source is None and self._may_read:
                self._read()
            elif self._exhausted and not self._held and not self._active:
                break
            else:
                await self._change()
        self._wake_all()
        return None

    def release(self, work: WorkT) -> str:
        """Hear that work which was handed out is over, for now; return the host it was at."""
        self._active -= 1
        host = self._hosts[work.host]
        host.active -= 1
        self._list(work.host, host)
        was_at, work.host = work.host, work.home
        return was_at

    def go_on_at(self, work: WorkT, host: str) -> None:
        """Hand out released work once more, as one of another host that it was sent to."""
        work.host = host
        self._put(work, first=True)
        if self._ready:
            self._wake_one()

    def again(self, work: WorkT, seconds: float, *, pausing: str | None) -> None:
        """Hand out released work once more, so much later.

        Args:
            work: what was handed out before.
            seconds: until then.
            pausing: a host of which nothing is handed out until then.
        """
        if self.stopped:
            self._on_left([work])
            return
        go_on = self._paused(pausing)
        self._held += 1

        def put_back() -> None:
            self._held -= 1
            go_on()
            self._put(work, first=True)

        self._later(seconds, put_back, work)

    def pause(self, name: str, seconds: float) -> None:
        """Hand out nothing of a host for so long; beyond a number of pauses none is kept."""
        if not self.stopped and len(self._timers) < LOOKAHEAD:
            self._later(seconds, self._paused(name))

    def _paused(self, name: str | None) -> Callable[[], None]:
        """Pause a host, and return what lets it go on."""
        if name is None:
            return lambda: None
        host = self._hosts.setdefault(name, _Host())
        host.pauses += 1

        def go_on() -> None:
            host.pauses -= 1
            self._list(name, host)

        return go_on

    def stop(self) -> None:
        """Hand out nothing more, take no further job; `on_left` is told the work that was held."""
        self.stopped = True
        left = [work for host in self._hosts.values() for work in host.waiting]
        left += [work for work in self._timers.values() if work is not None]
        for host in self._hosts.values():
            host.waiting.clear()
        ending = list(self._timers)
        self._timers.clear()
        if self._reader is not None and self._reader not in self._ending:
            ending.append(self._reader)  # once: it may have more to do at its end
        for task in ending:
            task.cancel()
        self._ending += ending
        self._held = 0
        self._wake_all()
        if left:
            self._on_left(left)

    async def ended(self) -> None:
        """Wait for what a stop has cancelled."""
        await outlast(self._ending)

    def raise_error(self) -> None:
        """Raise what ended the jobs, if it was an error."""
        if self._error is not None:
            raise self._error

    # Reading jobs.

    @property
    def _may_read(self) -> bool:
        return not self._exhausted and self._held < LOOKAHEAD

    @property
    def _wants_more(self) -> bool:
        """Whether an asynchronous source should give its next job."""
        has_use = self._idle or self._held < self._ahead
        return bool(has_use) and self._may_read and not self.stopped

    def _read(self) -> None:
        """Take one job from a plain source."""
        try:
            self._put(self._work_on(next(self._plain)))
        except StopIteration:
            self._exhausted = True
        except Exception as error:  # noqa: BLE001 - raised again when all results are out
            self._error, self._exhausted = error, True

    async def _read_all(self, source: AsyncIterator[T]) -> None:
        """Take jobs from an asynchronous source, when somebody waits for one, and a few ahead.

        It is a task of its own: nobody who could be at work waits for the source, and nobody
        has to wait for this task to have its turn.
        """
        try:
            while True:
                while not self._wants_more:
                    self._demand = asyncio.get_running_loop().create_future()
                    await self._demand
                self._put(self._work_on(await anext(source)))
                if self._ready:
                    self._wake_one()
        except StopAsyncIteration:
            pass
        except Exception as error:  # noqa: BLE001 - raised again when all results are out
            self._error = error
        finally:
            self._exhausted = True
            self._wake_one()
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    def _ask(self) -> None:
        """Have the next job taken from an asynchronous source, if there may be one."""
        if self._source is None:
            return
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_all(self._source))
        elif self._demand is not None and not self._demand.done():
            self._demand.set_result(None)

    # Hosts.

    def _put(self, work: WorkT, *, first: bool = False) -> None:
        if self.stopped:
            self._on_left([work])
            return
        host = self._hosts.get(work.host)
        if host is None:
            host = self._hosts[work.host] = _Host()
        self._held += 1
        (host.waiting.appendleft if first else host.waiting.append)(work)
        self._list(work.host, host)

    def _has_room(self, host: _Host[WorkT]) -> bool:
        return not host.pauses and (self._per_host is None or host.active < self._per_host)

    def _list(self, name: str, host: _Host[WorkT]) -> None:
        """Have a host among the ready ones if it is, and forget it if nothing is left of it."""
        if host.listed:
            return
        if not host.waiting:
            if not host.active and not host.pauses:
                self._hosts.pop(name, None)
        elif self._has_room(host):
            host.listed = True
            self._ready.append(host)

    def _take(self) -> WorkT | None:
        """Return the next work of the next host."""
        while self._ready:
            host = self._ready.popleft()
            host.listed = False
            if not host.waiting or not self._has_room(host):  # it was ready when it was listed
                continue
            work = host.waiting.popleft()
            host.active += 1
            self._active += 1
            self._held -= 1
            self._list(work.host, host)
            return work
        return None

    # Waiting.

    def _later(self, seconds: float, call: Callable[[], None], work: WorkT | None = None) -> None:
        async def wait() -> None:
            await self._sleep(seconds)
            if task in self._timers:
                del self._timers[task]
                call()
                self._wake_one()

        task = asyncio.create_task(wait())
        self._timers[task] = work

    async def _change(self) -> None:
        """Wait until somebody has changed something."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(waiter)
        self._ask()
        await waiter

    def _pass_on(self) -> None:
        """Have somebody else look for work too, if there may be some."""
        if self._source is not None and 2 * self._held <= self._ahead:
            self._ask()
        if self._idle and (self._ready or (self._source is None and self._may_read)):
            self._wake_one()

    def _wake_one(self) -> None:
        while self._idle:
            waiter = self._idle.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _wake_all(self) -> None:
        while self._idle:
            self._wake_one()


async def outlast(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Wait for the ends of tasks; a cancellation counts only then."""
    cancelled: asyncio.CancelledError | None = None
    while not all(task.done() for task in tasks):
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
