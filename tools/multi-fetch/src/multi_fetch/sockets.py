"""Which sockets libcurl waits for: a selector inside the event loop's own.

So a batch of sockets that are ready costs the event loop one callback. With one callback for
each, the loop would take longer than libcurl for all of its work.
"""

import select
import selectors
from collections.abc import Iterator

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
"""The bits of events; libcurl has the same ones."""

_EVENTS = (0, READ, WRITE, READ | WRITE, 0)
"""What libcurl asks for by number (CURL_POLL_NONE to CURL_POLL_REMOVE)."""


class Sockets:
    """Descriptors, each waited for until it can be read or written."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
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
        self._epoll = select.epoll()
        self._watched: set[int] = set()

    def fileno(self) -> int:
        """Return a descriptor that can be read when one of them is ready."""
        return self._epoll.fileno()

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


def new_sockets() -> Sockets:
    """Return the best kind that the system has."""
    return EpollSockets() if hasattr(select, "epoll") else Sockets()
