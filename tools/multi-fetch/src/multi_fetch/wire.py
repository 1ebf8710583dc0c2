"""The transfers in flight: libcurl's multi interface on an asyncio event loop.

This, `exchange` and `failures` are the modules that know pycurl; why it is this library stands
in docs/decisions/0003-bulk-transfers.md. All of it runs in the loop's thread, and no callback
of libcurl's does more than to remember something.
"""

import asyncio
import ssl
import sys
import threading
import time

import pycurl

from .exchange import Exchange
from .jobs import FetchError, Limits
from .rate import Rate
from .sockets import new_sockets

SWEEPS = 8
"""How often the idle timeout is checked while it runs: it may be late by that part of itself."""

SWEEP_S = 1.0
"""It is checked at least as often as that: so are shorter times that are no one's to set."""

CLOSING_S = 0.5
"""How long the end may wait for host lookups, which nothing can stop."""


class Wire:
    """Carries out exchanges, on the event loop that runs when it is made.

    Attributes:
        rate: what their bodies may take together, if that is limited.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._trust = _trust()
        self._loop = asyncio.get_running_loop()
        self.rate: Rate | None = None
        if limits.rate is not None:
            self.rate = Rate(limits.rate, call_later=self._loop.call_later)
        self._sockets = new_sockets()
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._sockets.watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        # Those in flight count: for each there is one more, of a host that redirects or is next.
        self._multi.setopt(pycurl.M_MAXCONNECTS, 2 * limits.concurrency)
        self._running: dict[pycurl.Curl, Exchange] = {}
        self._spare: list[Exchange] = []
        self._timer: asyncio.TimerHandle | None = None
        self._due: float | None = None
        self._kick: asyncio.Handle | None = None
        times = [limits.idle_timeout]
        if self.rate is not None:  # else libcurl sees to the other one
            times.append(limits.timeout)
        self._sweep_s = min(SWEEP_S, min(times) / SWEEPS)
        self._sweep: asyncio.TimerHandle | None = None
        self._lookups_left = False
        self._is_cut = False
        self._sockets.start(self._loop, self._on_ready)

    def exchange(self) -> Exchange:
        """Return an exchange that is not in use; as a context manager it gives itself back."""
        if self._spare:
            return self._spare.pop()
        return Exchange(self, self._limits, trust=self._trust)

    def add(self, exchange: Exchange) -> None:
        """Begin what the exchange is set up for."""
        if self._is_cut:
            exchange.end(FetchError("cancelled", "cancelled"))
            return
        self._running[exchange.easy] = exchange
        self._multi.add_handle(exchange.easy)
        if self._sweep is None:
            self._sweep = self._loop.call_later(self._sweep_s, self._end_overdue)

    def take_back(self, exchange: Exchange) -> None:
        """End an exchange, finished or not: an unfinished one loses its connection at once."""
        if self._running.pop(exchange.easy, None) is not None:
            self._lookups_left |= not exchange.is_resolved
            self._multi.remove_handle(exchange.easy)
            exchange.leave_line()
        self._spare.append(exchange)

    def kick(self) -> None:
        """Have libcurl look for work soon."""
        if self._kick is None:
            self._kick = self._loop.call_soon(self._on_kick)

    def refuse(self, exchange: Exchange) -> None:
        """End an exchange whose body is not taken any further."""
        del self._running[exchange.easy]
        self._end(exchange, pycurl.E_WRITE_ERROR, "")

    def cut(self) -> None:
        """End all exchanges as cancelled, also those to come."""
        self._is_cut = True
        for exchange in list(self._running.values()):
            self._fail(exchange, FetchError("cancelled", "cancelled"))

    async def close(self) -> None:
        """End everything, and close every connection."""
        self._sockets.stop()
        for handle in (self._timer, self._kick, self._sweep):
            if handle is not None:
                handle.cancel()
        if self.rate is not None:
            self.rate.close()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, None)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, None)
        for easy in list(self._running):
            self._multi.remove_handle(easy)
        try:
            await self._close_multi()
        finally:
            self._running.clear()
            self._spare.clear()
            self._sockets.close()

    async def _close_multi(self) -> None:
        """Close the rest; in a thread where libcurl would wait for a host lookup to end."""
        if not self._lookups_left:
            self._multi.close()
            return
        thread = threading.Thread(target=self._multi.close, daemon=True)
        thread.start()
        deadline = self._loop.time() + CLOSING_S
        while thread.is_alive() and self._loop.time() < deadline:  # noqa: ASYNC110 - no event can tell
            await asyncio.sleep(CLOSING_S / 50)

    # What libcurl asks for.

    def _on_timer(self, timeout_ms: int) -> None:
        if timeout_ms < 0:
            self._due = None
        elif timeout_ms == 0:
            self.kick()
        else:
            self._due = self._loop.time() + timeout_ms / 1000
            if self._timer is None or self._timer.when() > self._due:
                self._set_timer(self._due)

    # What the event loop tells.

    def _set_timer(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._on_due)

    def _on_due(self) -> None:
        self._timer = None
        if self._due is not None and self._due > self._loop.time():
            self._set_timer(self._due)  # libcurl has put it off meanwhile
        else:
            self._on_kick()

    def _on_kick(self) -> None:
        if self._kick is not None:
            self._kick.cancel()
            self._kick = None
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._collect()

    def _on_ready(self) -> None:
        for descriptor, events in self._sockets.ready():
            self._multi.socket_action(descriptor, events)
        self._collect()

    def _collect(self) -> None:
        """Tell those exchanges that ended."""
        more = 1
        while more:
            more, good, bad = self._multi.info_read()
            for easy in good:
                self._end(self._running.pop(easy), pycurl.E_OK, "")
            for easy, code, message in bad:
                self._end(self._running.pop(easy), code, message)

    def _end(self, exchange: Exchange, code: int, message: str) -> None:
        error = None
        if code != pycurl.E_OK or not exchange.has_whole_head:
            error = exchange.error_of(code, message)
            self._lookups_left |= not exchange.is_resolved
        self._multi.remove_handle(exchange.easy)
        exchange.end(error)

    def _fail(self, exchange: Exchange, error: FetchError) -> None:
        del self._running[exchange.easy]
        self._lookups_left |= not exchange.is_resolved
        self._multi.remove_handle(exchange.easy)
        exchange.end(error)

    def _end_overdue(self) -> None:
        """End exchanges that have taken too long."""
        self._sweep = None
        now = time.monotonic()
        for exchange in list(self._running.values()):
            error = exchange.overdue(now)
            if error is not None:
                self._fail(exchange, error)
        if self._running:
            self._sweep = self._loop.call_later(self._sweep_s, self._end_overdue)


def _trust() -> dict[int, str | int]:
    """Return the settings for TLS: the system's trust store, or what the environment names."""
    paths = ssl.get_default_verify_paths()
    if sys.platform in {"win32", "darwin"} and not (paths.cafile or paths.capath):
        return {pycurl.SSL_OPTIONS: pycurl.SSLOPT_NATIVE_CA}
    settings = {pycurl.CAINFO: paths.cafile, pycurl.CAPATH: paths.capath}
    return {option: path for option, path in settings.items() if path}
