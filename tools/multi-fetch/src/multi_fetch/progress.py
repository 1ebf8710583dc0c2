"""How far a run is: one line on a terminal's stderr, gone when it is over."""

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from toolroll_shared.output import human_size, is_terminal

from .out import Out
from .tally import Tally

EVERY_S = 0.2
"""Between two looks at the line."""

_CLEAR = "\r\x1b[K"


class Watched(Out):
    """Writes lines as `Out` does, above a line that tells how far the run is."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally
        self._started = time.monotonic()
        self._timer: asyncio.Handle | None = None
        self._is_shown = False
        self._drawn_at = 0.0
        self._both_are_terminals = is_terminal(sys.stdout)

    def begin(self) -> None:
        """Show the line soon, unless all is over by then."""
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._draw)

    async def line(self, text: str) -> None:
        """Write a line, at once and as a whole."""
        if self._both_are_terminals:
            self._clear()
        await super().line(text)
        is_due = time.monotonic() - self._drawn_at >= EVERY_S
        if is_due and self._timer is not None and not self._is_shown:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_soon(self._draw)  # it is counted by then

    def _draw(self) -> None:
        tally, passed = self._tally, max(time.monotonic() - self._started, EVERY_S)
        failed = f", {tally.failed:,} failed" if tally.failed else ""
        rate = human_size(round(tally.bytes / passed))
        _show(f"{_CLEAR}{tally.lines:,} done{failed}, {tally.attempts / passed:,.0f}/s, {rate}/s")
        self._is_shown, self._drawn_at = True, time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._draw)

    def _clear(self) -> None:
        if self._is_shown:
            self._is_shown = False
            _show(_CLEAR)

    def end(self) -> None:
        """Take the line away, for good."""
        self._clear()
        self._timer = None


def _show(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


@contextmanager
def watched(tally: Tally, *, shown: bool) -> Iterator[Out]:
    """Yield what writes lines, with a line of progress below them if there is who sees it."""
    if not shown:
        yield Out()
        return
    screen = Watched(tally)
    try:
        yield screen
    finally:
        screen.end()
