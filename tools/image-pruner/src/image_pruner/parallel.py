"""Several calls at the same time, in threads that nobody has to wait for."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from .holding import held

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")


HEARING_S = 0.1
"""How long a signal may have to wait that comes just before we do: no wait is broken off then."""


def at_once(calls: Sequence[Callable[[], T]], *, threads: int) -> list[T]:
    """Return what calls return, in their order; the first error is raised.

    An error or Ctrl+C leaves the other calls alone: their threads end with the process, which
    those of `concurrent.futures` would keep from ending.
    """
    waiting = iter(enumerate(calls))
    done: SimpleQueue[tuple[int, T | None, BaseException | None]] = SimpleQueue()

    def work() -> None:
        for index, call in waiting:
            try:
                done.put((index, call(), None))
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                done.put((index, None, error))

    with held():  # a signal while a thread begins would upset the locks of `threading`
        for _ in range(min(threads, len(calls))):
            Thread(target=work, daemon=True).start()
    found: dict[int, T] = {}
    for _ in calls:
        index, result, error = _next(done)
        if error is not None:
            raise error
        found[index] = result  # type: ignore[assignment] # without an error there is a result
    return [found[index] for index in range(len(calls))]


def alone(call: Callable[[], T]) -> T:
    """Return what a call returns; a signal is heard while it lasts."""
    return at_once([call], threads=1)[0]


def _next(queue: SimpleQueue[T]) -> T:
    while True:
        with suppress(Empty):
            return queue.get(timeout=HEARING_S)
