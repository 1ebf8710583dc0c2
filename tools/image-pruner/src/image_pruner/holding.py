"""Work that must not be left half done, and that signals wait for."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any


@contextmanager
def held() -> Iterator[None]:
    """Do the `with` block to its end: Ctrl+C and SIGTERM break off after it, a second one at once.

    They are heard by who would have heard them. The work has to come to its end by itself.
    """
    previous = _handlers()
    interrupts: list[KeyboardInterrupt] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        try:
            previous[number](number, frame)
        except KeyboardInterrupt as error:
            if interrupts:
                raise
            interrupts.append(error)

    for number in previous:
        signal.signal(number, on_signal)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if interrupts:
        raise KeyboardInterrupt


def _handlers() -> dict[int, Callable[[int, FrameType | None], Any]]:
    """Return who hears the signals in this thread: only the main one hears any."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    found = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    return {number: handler for number, handler in found.items() if callable(handler)}
