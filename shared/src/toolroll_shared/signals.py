"""Ctrl+C and SIGTERM: the first ends the work in order, the second at once.

Two SIGTERM at a time are one: systemd sends one to each process, and who wraps us passes it on.

`toolroll_shared.cli.run` brings a command under it, and says what ended the work.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from functools import partial

from .errors import Exit
from .output import note, writing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Coroutine, Iterator, Sequence
    from types import FrameType
    from typing import Any, TypeVar

    T = TypeVar("T")


ECHO_S = 1.0
"""How long after the first SIGTERM others are taken for the same one, in seconds."""


class Stop:
    """The handler of both signals outside event loops; remembers which ones came.

    Attributes:
        last: called with the exit code before the second signal ends the process.
    """

    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._received: list[int] = []
        self._heard_at = 0.0
        self.last: Callable[[int], object] = int

    @property
    def was_asked_for(self) -> bool:
        """Whether a signal came."""
        return bool(self._received)

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal outside event loops."""
        if self.hear(number):
            raise KeyboardInterrupt

    def hear(self, number: int) -> bool:
        """Remember a signal, and tell whether it is the first; the second ends the process."""
        now = time.monotonic()
        self._received.append(number)
        if len(self._received) == 1:
            self._heard_at = now
            return True
        if set(self._received) == {signal.SIGTERM} and now - self._heard_at < ECHO_S:
            return False
        code = self.say()
        self.last(code)
        os._exit(code)

    def say(self) -> Exit:
        """Tell the user what ended the work, and return its exit code.

        A stderr that takes nothing now, because nobody reads it, is not waited for.
        """
        terminated = signal.SIGTERM in self._received
        if takes_text(sys.stderr):
            note(self._tool, "terminated" if terminated else "interrupted")
        return Exit.TERMINATED if terminated else Exit.INTERRUPTED


_NOBODY = Stop("")
_current = _NOBODY


@contextmanager
def hearing(tool: str) -> Iterator[Stop]:
    """Hear both signals in the `with` block, but for those that our parent had us ignore."""
    global _current  # noqa: PLW0603 - signals are the process's, and so is who hears them
    stop, earlier = Stop(tool), _current
    previous = {}
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                previous[number] = signal.signal(number, stop)
    except ValueError:  # not in the main thread: signals are somebody else's
        yield stop
        return
    _current = stop
    try:
        yield stop
    finally:
        _current = earlier
        for number, handler in previous.items():
            signal.signal(number, handler)


def run_async(
    work: Coroutine[Any, Any, T], *, at_first_signal: Callable[[], None] | None = None
) -> T:
    """Run a coroutine as `asyncio.run` does, but hear signals well, inside `run`.

    The first SIGINT or SIGTERM cancels the work, also one that another thread receives, that
    comes just before the event loop goes to sleep, or before the work has begun. The second one
    ends the process at once. Nothing is raised inside the loop, which could lose a wake-up that
    the clean-up waits for; only a write that nobody reads is broken off by raising: no
    cancellation would reach it.

    Args:
        work: what to do.
        at_first_signal: called in the event loop instead of cancelling the work, which then
            has to come to its end by itself.
    """
    import asyncio

    stop = _current
    heard_now = _numbers_of(stop)
    before = stop.was_asked_for
    tellers: list[Callable[[], object]] = [int]  # until there is somebody to tell

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if not stop.hear(number):
            return
        if writing and (at_first_signal is None or _is_stuck()):
            raise KeyboardInterrupt
        tellers[-1]()

    async def heard() -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None  # noqa: S101 - we are in it
        tellers.append(partial(loop.call_soon_threadsafe, at_first_signal or task.cancel))
        if stop.was_asked_for and not before:  # it came while the loop was made
            tellers[-1]()
        with _waking(loop, heard_now, on_signal):
            return await work

    try:
        for number in heard_now:
            signal.signal(number, on_signal)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(heard())
    except asyncio.CancelledError:
        if stop.was_asked_for:
            raise KeyboardInterrupt from None
        raise
    finally:
        for number in heard_now:
            signal.signal(number, stop)


def _numbers_of(stop: Stop) -> list[int]:
    """Return the signals that it hears; those that our parent had us ignore are not among them."""
    return [one for one in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(one) is stop]


@contextmanager
def _waking(
    loop: AbstractEventLoop, numbers: Sequence[int], handler: Callable[..., None]
) -> Iterator[None]:
    """Have signals wake an event loop that sleeps, in the `with` block, and be heard by a handler.

    The loop's own way to do so puts other handlers in the place of ours, at its end too: the
    signals are held back until ours is there again.
    """

    def change(one: Callable[[int], object]) -> None:
        with _held_back(numbers):
            for number in numbers:
                with suppress(NotImplementedError):  # Windows
                    one(number)
                signal.signal(number, handler)

    change(lambda number: loop.add_signal_handler(number, int))  # it is woken, and does nothing
    try:
        yield
    finally:
        change(loop.remove_signal_handler)


@contextmanager
def _held_back(numbers: Sequence[int]) -> Iterator[None]:
    """Hold signals back in the `with` block, where the system can."""
    if sys.platform == "win32":
        yield
    else:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _loop_factory() -> Callable[[], Any] | None:
    """Return what makes an event loop that waits for sockets: that of Windows is another kind."""
    import asyncio

    return asyncio.SelectorEventLoop if sys.platform == "win32" else None


def _is_stuck() -> bool:
    """Tell whether the write that this thread is in waits for somebody, as far as is known."""
    return any(stream is None or not takes_text(stream) for stream in writing.streams)


def takes_text(stream: Any) -> bool:
    """Tell whether a short write would return at once, or fail at once."""
    from select import select

    try:
        return bool(select([], [stream], [], 0)[1])
    except (OSError, ValueError, TypeError):  # no descriptor, or a file on Windows
        return True
