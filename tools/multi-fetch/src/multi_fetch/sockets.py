"""Which sockets libcurl waits for: a selector inside the event loop's own.

So a batch of sockets that are ready costs the event loop one callback. With one callback for
each, the loop would take longer than libcurl for all of its work.
"""

import asyncio
import select
import selectors
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
"""The bits of events; libcurl has the same ones."""

_EVENTS = (0, READ, WRITE, READ | WRITE, 0)
"""What libcurl asks for by number (CURL_POLL_NONE to CURL_POLL_REMOVE)."""


class Sockets(ABC):
    """Descriptors, each waited for until it can be read or written."""

    _loop: asyncio.AbstractEventLoop

    def start(self, loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
        """Call something on the event loop whenever one of them is ready."""
        self._loop = loop
        loop.add_reader(self.fileno(), call)

    def stop(self) -> None:
        """Call nothing any more."""
        self._loop.remove_reader(self.fileno())

    @abstractmethod
    def fileno(self) -> int:
        """Return a descriptor that can be read when one of them is ready."""

    @abstractmethod
    def watch(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        """Wait for what libcurl asks for; this is its callback (CURLMOPT_SOCKETFUNCTION)."""

    @abstractmethod
    def ready(self) -> Iterator[tuple[int, int]]:
        """Yield the descriptors that are ready, with the events."""

    @abstractmethod
    def close(self) -> None:
        """Wait for nothing any more."""


class SelectorSockets(Sockets):
    """The kind for systems whose selector is a descriptor itself."""

    def __init__(self) -> None:
        self._selector: Any = selectors.DefaultSelector()
        self._watched: set[int] = set()

    def fileno(self) -> int:
        """Return a descriptor that can be read when one of them is ready."""
        number: int = self._selector.fileno()
        return number

    def watch(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        """Wait for what libcurl asks for; this is its callback (CURLMOPT_SOCKETFUNCTION)."""
        events = _EVENTS[what]
        if descriptor in self._watched:
            self._selector.unregister(descriptor)
            self._watched.discard(descriptor)
        if events:
            self._selector.register(descriptor, events)
            self._watched.add(descriptor)

    def ready(self) -> Iterator[tuple[int, int]]:
        """Yield the descriptors that are ready, with the events."""
        for key, events in self._selector.select(0):
            yield key.fd, events

    def close(self) -> None:
        """Wait for nothing any more."""
        self._selector.close()


class EpollSockets(Sockets):
    """The same where there is epoll: each file costs several calls, and `selectors` is slow."""

    _MASKS = (0, 0x1, 0x4, 0x5, 0)  # EPOLLIN is 1, EPOLLOUT 4; as _EVENTS

    def __init__(self) -> None:
        self._epoll: Any = getattr(select, "epoll")()  # noqa: B009 - only Linux has one
        self._watched: set[int] = set()

    def fileno(self) -> int:
        """Return a descriptor that can be read when one of them is ready."""
        number: int = self._epoll.fileno()
        return number

    def watch(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        """Wait for what libcurl asks for; this is its callback (CURLMOPT_SOCKETFUNCTION)."""
        mask = self._MASKS[what]
        if descriptor not in self._watched:
            if mask:
                self._epoll.register(descriptor, mask)
                self._watched.add(descriptor)
        elif mask:
            self._epoll.modify(descriptor, mask)
        else:
            self._epoll.unregister(descriptor)
            self._watched.discard(descriptor)

    def ready(self) -> Iterator[tuple[int, int]]:
        """Yield the descriptors that are ready, with the events; trouble is both."""
        for descriptor, mask in self._epoll.poll(0):
            yield descriptor, (READ if mask & ~0x4 else 0) | (WRITE if mask & ~0x1 else 0)

    def close(self) -> None:
        """Wait for nothing any more."""
        self._epoll.close()


class LoopSockets(Sockets):
    """The kind for Windows, whose selectors are no descriptors: each costs the loop a callback."""

    def __init__(self) -> None:
        self._watched: set[int] = set()
        self._ready: dict[int, int] = {}

    def start(self, loop: asyncio.AbstractEventLoop, call: Callable[[], object]) -> None:
        """Call something on the event loop whenever one of them is ready."""
        self._loop, self._call = loop, call

    def stop(self) -> None:
        """Call nothing any more."""
        for descriptor in list(self._watched):
            self._leave(descriptor)

    def fileno(self) -> int:
        """Return no descriptor: there is none."""
        return -1

    def watch(self, what: int, descriptor: int, _multi: object, _data: object) -> None:
        """Wait for what libcurl asks for; this is its callback (CURLMOPT_SOCKETFUNCTION)."""
        events = _EVENTS[what]
        self._leave(descriptor)
        if events & READ:
            self._loop.add_reader(descriptor, self._hear, descriptor, READ)
        if events & WRITE:
            self._loop.add_writer(descriptor, self._hear, descriptor, WRITE)
        if events:
            self._watched.add(descriptor)

    def _leave(self, descriptor: int) -> None:
        if descriptor in self._watched:
            self._loop.remove_reader(descriptor)
            self._loop.remove_writer(descriptor)
            self._watched.discard(descriptor)

    def _hear(self, descriptor: int, event: int) -> None:
        self._ready[descriptor] = event
        self._call()

    def ready(self) -> Iterator[tuple[int, int]]:
        """Yield the descriptors that are ready, with the events."""
        ready, self._ready = self._ready, {}
        yield from ready.items()

    def close(self) -> None:
        """Wait for nothing any more."""
        self.stop()


def new_sockets() -> Sockets:
    """Return the best kind that the system has."""
    if sys.platform == "win32":
        return LoopSockets()
    return EpollSockets() if hasattr(select, "epoll") else SelectorSockets()
