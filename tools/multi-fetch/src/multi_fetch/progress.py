"""How far a run is: one line on a terminal's stderr, gone when it is over."""

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


class Watched:
    """Writes lines as `Out` does, above a line that tells how far the run is."""

    def __init__(self, out: Out, tally: Tally) -> None:
        self._out = out
        self._tally = tally
        self._started = time.monotonic()
        self._drawn_at = 0.0
        self._both_are_terminals = is_terminal(sys.stdout)

    @property
    def written(self) -> int:
        """How many lines there were."""
        return self._out.written

    @property
    def is_waiting(self) -> bool:
        """Whether a reader is being waited for."""
        return self._out.is_waiting

    async def line(self, text: str) -> None:
        """Write a line, at once and as a whole."""
        if self._both_are_terminals:
            self.clear()
        await self._out.line(text)
        self._draw()

    def _draw(self) -> None:
        now = time.monotonic()
        if now - self._drawn_at >= EVERY_S:
            self._drawn_at = now
            tally, passed = self._tally, max(now - self._started, EVERY_S)
            failed = f", {tally.failed:,} failed" if tally.failed else ""
            rate = human_size(round(tally.bytes / passed))
            _show(
                f"{_CLEAR}{tally.lines:,} done{failed}, {tally.attempts / passed:,.0f}/s, {rate}/s"
            )

    def clear(self) -> None:
        """Take the line away."""
        if self._drawn_at:
            _show(_CLEAR)


def _show(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()


@contextmanager
def watched(out: Out, tally: Tally, *, shown: bool) -> Iterator[Out | Watched]:
    """Yield what writes lines, with a line of progress below them if there is who sees it."""
    if not shown:
        yield out
        return
    screen = Watched(out, tally)
    try:
        yield screen
    finally:
        screen.clear()
