"""Which sockets libcurl waits for: a selector inside the event loop's own.

So a batch of sockets that are ready costs the event loop one callback. With one callback for
each, the loop would take longer than libcurl for all of its work.
"""

import select
import selectors
from collections.abc import Iterator

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
"""The bits of events; libcurl has the same ones."""


class Sockets:
    """Descriptors, each waited for until it can be read or written."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._watched: set[int] = set()

    def fileno(self) -> int:
        """Return a descriptor that can be read when one of them is ready."""
        number: int = self._selector.fileno()
        return number

    def watch(self, descriptor: int, events: int) -> None:
        """Wait for a descriptor, for these events only; 0 is none."""
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

    _MASKS = (0, 0x1, 0x4, 0x5)  # EPOLLIN is 1, EPOLLOUT 4

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: set[int] = set()

    def fileno(self) -> int:
        """Return a descriptor that can be read when one of them is ready."""
        return self._epoll.fileno()

    def watch(self, descriptor: int, events: int) -> None:
        """Wait for a descriptor, for these events only; 0 is none."""
        if descriptor not in self._watched:
            if events:
                self._epoll.register(descriptor, self._MASKS[events])
                self._watched.add(descriptor)
        elif events:
            self._epoll.modify(descriptor, self._MASKS[events])
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


def new_sockets() -> Sockets:
    """Return the best kind that the system has."""
    return EpollSockets() if hasattr(select, "epoll") else Sockets()
