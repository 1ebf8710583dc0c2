"""Reading from a cluster in threads of their own, so that signals are heard while it hangs.

The main thread waits in short steps: a signal that comes just before it falls asleep is heard
when it wakes. Threads that hang are left to the end of the process.
"""

from __future__ import annotations

import time
from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

HEARING_S = 0.1
"""How long a signal may have to wait, and a thread to learn that nobody reads any more."""

AHEAD = 16
"""Items that are read before somebody takes them."""


class _End:
    """The end of an iterable, with the error that ended it."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class Gathering(Generic[T]):
    """Iterables that are read at the same time, each in a thread, into one stream of items.

    Args:
        ahead: items that are read before somebody takes them.
        pause: before we wait for an item, in seconds: what many threads have to say then comes
            together. To be woken for each item takes more than all else that is done with it.
    """

    def __init__(self, *, ahead: int = AHEAD, pause: float = 0.0) -> None:
        self._pause = pause
        self._queue: Queue[T | _End] = Queue(ahead)
        self._stopped = Event()
        self._open = 0

    def add(self, items: Iterable[T]) -> None:
        """Begin to read one more."""
        self._open += 1
        Thread(target=self._read, args=(items,), daemon=True).start()

    def _read(self, items: Iterable[T]) -> None:
        error = None
        try:
            for item in items:
                if not self._put(item):
                    return
        except BaseException as raised:  # noqa: BLE001 - it is raised where it is waited for
            error = raised
        self._put(_End(error))

    def _put(self, item: T | _End) -> bool:
        """Hand over an item; tell whether there still is somebody to take it."""
        while not self._stopped.is_set():
            with suppress(Full):
                self._queue.put(item, timeout=HEARING_S)
                return True
        return False

    def __iter__(self) -> Iterator[T]:
        """Yield what there is until all have ended; the first error is raised."""
        try:
            while self._open:
                item = self._next()
                if not isinstance(item, _End):
                    yield item
                    continue
                self._open -= 1
                if item.error is not None:
                    raise item.error
        finally:
            self._stopped.set()

    def _next(self) -> T | _End:
        if self._pause and self._queue.empty():
            time.sleep(self._pause)
        while True:
            with suppress(Empty):
                return self._queue.get(timeout=HEARING_S)

    def ready(self) -> bool:
        """Tell whether another item is there already; the end of an iterable is none."""
        with self._queue.mutex:
            return any(not isinstance(one, _End) for one in self._queue.queue)


def heard(items: Iterable[T], *, ahead: int = AHEAD) -> Iterator[T]:
    """Yield what an iterable does, and hear signals while it makes us wait."""
    gathering: Gathering[T] = Gathering(ahead=ahead)
    gathering.add(items)
    return iter(gathering)


def alone(call: Callable[[], T]) -> T:
    """Return what a call does, and hear signals while it makes us wait."""
    return next(heard(call() for _ in range(1)))
