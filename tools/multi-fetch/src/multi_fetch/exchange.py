"""One request and its answer: set up, received block by block, taken by whoever wants it."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pycurl

from .failures import closed_early, failure
from .jobs import FetchError, Limits, Method, Timing
from .rate import block_size

if TYPE_CHECKING:
    from .wire import Wire

USER_AGENT = "toolroll-multi-fetch"

ENOUGH = 256 * 1024
"""Bytes of a body that are worth waking its taker for before its end; twice as many may wait
for the taker, then the server has to."""

PLENTY = 1024 * 1024
"""To that `ENOUGH` grows with a body: large blocks are cheaper, for who hashes or stores them."""

BODIES = 64 * 1024 * 1024
"""Bytes of all bodies that may grow like that."""

WASTE = 256 * 1024
"""Bytes of a body that nobody wants that are read, so that its connection can be used again."""

TEXT = 4 * 1024
"""Bytes of a body that nobody wants that are kept, to see what it says."""

REFUSAL_S = 2.0
"""How long the body of a refusal may take: its head has said most of it."""

READ_AHEAD = 256 * 1024
"""Bytes that libcurl takes from a socket at once, at most."""

PART = 206
"""The status of a part of a body (numbers: http's enumeration takes ten times as long)."""

_FINAL, _NOT_AS_ASKED = 200, 300  # RFC 9110, 15: 1xx come before the answer itself
_SUPPRESS_CONNECT_HEADERS = 265  # pycurl has no name for it
_LONGEST_MS = 2**31 - 1  # libcurl's; 24 days


class Exchange:
    """One request at a time, as a context manager; it can be used again and again.

    Attributes:
        easy: libcurl's handle.
        received: bytes of the body so far.
        headers: the lines of the answers so far, as they came.
    """

    def __init__(
        self,
        wire: "Wire",
        limits: Limits,
        *,
        trust: Mapping[int, str | int],
    ) -> None:
        self._wire = wire
        self._limits = limits
        self._rate = wire.rate
        self._waste = WASTE
        if limits.rate is not None:  # a second's worth at most, but what it says
            self._waste = int(max(TEXT, min(WASTE, limits.rate)))
        self._plenty = max(ENOUGH, min(PLENTY, BODIES // (2 * limits.concurrency)))
        self._loop = asyncio.get_running_loop()
        self.headers: list[bytes] = []
        self.easy = pycurl.Curl()
        set_ = self.easy.setopt
        set_(pycurl.NOSIGNAL, 1)
        set_(pycurl.PATH_AS_IS, 1)
        set_(pycurl.USERAGENT, USER_AGENT)
        set_(_SUPPRESS_CONNECT_HEADERS, 1)
        set_(pycurl.BUFFERSIZE, READ_AHEAD if limits.rate is None else block_size(limits.rate))
        set_(pycurl.CONNECTTIMEOUT_MS, _milliseconds(limits.idle_timeout))
        set_(pycurl.HEADERFUNCTION, self.headers.append)
        set_(pycurl.WRITEFUNCTION, self._on_body)
        if limits.proxy is not None:  # else libcurl asks the environment
            set_(pycurl.PROXY, limits.proxy)
        for option, value in trust.items():
            set_(option, value)
        self._headers_set: Sequence[bytes] | None = None
        self._method: Method = "GET"

    def start(
        self,
        url: str,
        headers: Sequence[bytes],
        *,
        method: Method,
        timeout_s: float,
        held: int = 0,
    ) -> None:
        """Send a request.

        Args:
            url: as `urls.target` returns it.
            headers: whole lines.
            method: GET or HEAD.
            timeout_s: seconds until the body's end.
            held: bytes of the body that are there, if the answer is the rest.
        """
        self.headers.clear()
        self._blocks: list[bytes] = []
        self._pending = 0
        self._enough = ENOUGH
        self.received = 0
        self._said = b""
        self._wanted = True
        self._refused_since: float | None = None
        self._paused = False
        self._ended = False
        self._too_large = False
        self._error: FetchError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._timeout_s = timeout_s
        self._held = held
        self._last_seen = (0.0, 0, 0)
        self._started = self._last_heard = time.monotonic()
        self._waited_s = 0.0
        self._in_line_since: float | None = None
        self._set_up(url, headers, method)
        self._wire.add(self)

    def _set_up(self, url: str, headers: Sequence[bytes], method: Method) -> None:
        """Tell libcurl what differs from the request before: setting things costs time."""
        set_ = self.easy.setopt
        try:
            set_(pycurl.URL, url)
        except pycurl.error:  # libcurl takes no longer ones
            raise FetchError("url", "a URL that is too long") from None
        if self._rate is None:  # else it is ours to tell which time counts
            set_(pycurl.TIMEOUT_MS, _milliseconds(self._timeout_s))
        if headers != self._headers_set:
            set_(pycurl.HTTPHEADER, headers)
            self._headers_set = headers
        if method != self._method:
            set_(pycurl.NOBODY, method == "HEAD")
            if method == "GET":
                set_(pycurl.HTTPGET, 1)
            self._method = method

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._wire.take_back(self)

    # For who takes the answer.

    async def take(self) -> list[bytes]:
        """Wait until there is much of the body, or all; return it, or nothing at its end.

        Raises:
            FetchError: there is no more, and the body is not complete.
        """
        while not self._ended and self._pending < self._enough:
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        if self._error is not None and not self._blocks:
            raise self._error
        blocks, self._blocks, self._pending = self._blocks, [], 0
        self._enough = min(2 * self._enough, self._plenty)
        if self._paused and not self._ended:
            self._go_on()
        return blocks

    def _go_on(self) -> None:
        """Have libcurl hand over what waits; it calls `_on_body` before it returns."""
        self._paused = False
        self._last_heard = time.monotonic()
        try:
            self.easy.pause(pycurl.PAUSE_CONT)
        except pycurl.error:  # `_on_body` has refused it
            self._wire.refuse(self)
        else:
            self._wire.kick()

    @property
    def spent_s(self) -> float:
        """Seconds since the start, without those that it had to wait for the rate."""
        return self._clock(time.monotonic()) - self._started

    @property
    def is_complete(self) -> bool:
        """Whether all of the body has been taken."""
        return self._ended and self._error is None and not self._blocks

    async def drain(self) -> None:
        """Let a body go by that nobody wants; a long or bad one loses its connection instead.

        Raises:
            FetchError: all is being cancelled.
        """
        self._wanted = False
        try:
            while not self._ended:
                await self.take()
        except FetchError as error:
            if error.kind == "cancelled":
                raise

    @property
    def status(self) -> int | None:
        """The HTTP status, or None if there is no answer."""
        return self.easy.getinfo(pycurl.RESPONSE_CODE) or None

    def header(self, name: bytes) -> str | None:
        """Return a header of the last answer; `name` is in lower case."""
        return next((_text(value) for key, value in self._fields() if key == name), None)

    def all_headers(self) -> dict[str, str]:
        """Return the headers of the last answer, by names in lower case."""
        values: dict[str, list[str]] = {}
        for name, value in self._fields():
            values.setdefault(_text(name), []).append(_text(value))
        return {name: ", ".join(several) for name, several in values.items()}

    def _fields(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the headers of the last answer, each name in lower case."""
        starts = [at for at, line in enumerate(self.headers) if line.startswith(b"HTTP/")]
        for line in self.headers[starts[-1] + 1 :] if starts else ():
            if line in {b"\r\n", b"\n"}:
                break  # trailers follow
            name, _, value = line.partition(b":")
            yield name.strip().lower(), value.strip()

    @property
    def text(self) -> str:
        """The start of a body that nobody wanted."""
        return self._said.decode("utf-8", errors="replace")

    def status_and_timing(self) -> tuple[int | None, Timing | None]:
        """Return the HTTP status, and when what happened; None for both without an answer."""
        info = self.easy.getinfo
        status = info(pycurl.RESPONSE_CODE)
        if not status:
            return None, None
        return status, Timing(
            info(pycurl.NAMELOOKUP_TIME),
            info(pycurl.CONNECT_TIME),
            info(pycurl.APPCONNECT_TIME),
            info(pycurl.STARTTRANSFER_TIME),
        )

    # For the wire and its rate.

    def go_on(self) -> None:
        """Hear that the block may be taken which the rate did not admit."""
        self._stop_waiting()
        self._go_on()

    def leave_line(self) -> None:
        """Take no further block."""
        if self._rate is not None:
            self._stop_waiting()
            self._rate.leave(self)

    def _stop_waiting(self) -> None:
        if self._in_line_since is not None:
            self._waited_s += time.monotonic() - self._in_line_since
            self._in_line_since = None

    def _clock(self, now: float) -> float:
        """Return a time that stands still while the rate keeps it waiting."""
        if self._in_line_since is not None:
            now = self._in_line_since
        return now - self._waited_s

    @property
    def is_resolved(self) -> bool:
        """Whether its host was looked up for it; if not, somebody may still be at it."""
        return bool(self.easy.getinfo(pycurl.NAMELOOKUP_TIME))

    def overdue(self, now: float) -> FetchError | None:
        """Return why there is nothing more to wait for, if that is so."""
        if now - self._heard_from(now) >= self._limits.idle_timeout:
            return FetchError("timeout", "the server is silent for too long")
        clock = self._clock(now)
        if self._rate is not None and clock - self._started >= self._timeout_s:
            return self._too_late()
        if self._refused_since is None and self._is_refused:
            self._refused_since = clock
        if self._refused_since is not None and clock - self._refused_since >= REFUSAL_S:
            return FetchError("timeout", f"a refusal that takes more than {REFUSAL_S:g} s")
        return None

    def _heard_from(self, now: float) -> float:
        """Return when the server was last known to send; `now` if we are who holds it up."""
        connected_at = self.easy.getinfo(pycurl.PRETRANSFER_TIME)
        seen = (connected_at, len(self.headers), self.received)
        held_up = self._paused or self._pending >= self._enough or self._in_line_since is not None
        if seen != self._last_seen or held_up:
            self._last_seen, self._last_heard = seen, now
        return self._last_heard

    def end(self, error: FetchError | None) -> None:
        """Hear that nothing more will come."""
        if error is not None and error.kind != "cancelled" and self._is_refused:
            error = None  # the head has said it all
        self._ended, self._error = True, error
        self.leave_line()
        self._wake()

    def error_of(self, code: int, message: str) -> FetchError | None:
        """Return what the end of a transfer means in our terms."""
        if code == pycurl.E_OK:
            return None if self.has_whole_head else closed_early()
        if code == pycurl.E_WRITE_ERROR and not self._wanted:
            return None
        if code == pycurl.E_WRITE_ERROR and self._too_large:
            return FetchError("too_large", f"more than {self._limits.max_bytes} bytes")
        if code == pycurl.E_OPERATION_TIMEDOUT:
            return self._timed_out()
        return failure(code, message, self.easy, answered=self.has_whole_head)

    @property
    def has_whole_head(self) -> bool:
        """Tell whether an answer's headers came to their end; libcurl does not mind."""
        for line in reversed(self.headers):
            if line in {b"\r\n", b"\n"}:
                return True
            if line.startswith(b"HTTP/"):
                break
        return False

    @property
    def _is_refused(self) -> bool:
        """Whether the answer's head says that its body is not what was asked for."""
        return self._head_status >= _NOT_AS_ASKED and self.has_whole_head

    @property
    def _head_status(self) -> int:
        """The status as the head says it; callbacks may not ask libcurl."""
        status = 0
        for line in self.headers:
            if line.startswith(b"HTTP/"):
                number = line.split(None, 2)[1:2]
                status = int(number[0]) if number and number[0].isdigit() else 0
                if status >= _FINAL:
                    break
        return status

    def _timed_out(self) -> FetchError:
        if self.easy.getinfo(pycurl.TOTAL_TIME) < self._timeout_s * 0.99:
            return FetchError("timeout", f"no connection within {self._limits.idle_timeout:g} s")
        return self._too_late()

    def _too_late(self) -> FetchError:
        return FetchError("timeout", f"not complete within {self._limits.timeout:g} s")

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _begin_body(self) -> None:
        """See from the head whether the body is wanted, and how much of it."""
        self._wanted = self._wanted and not self._is_refused
        self._room = self._limits.max_bytes
        if self._room is not None and self._head_status == PART:
            self._room -= self._held

    def _on_body(self, block: bytes) -> int | None:
        """Take a block from libcurl: all of it, or nothing."""
        if self._pending >= 2 * self._enough:
            self._paused = True
            return pycurl.WRITEFUNC_PAUSE
        if self._rate is not None and not self._rate.admits(self, len(block)):
            self._in_line_since = time.monotonic()
            return pycurl.WRITEFUNC_PAUSE
        if not self.received:
            self._begin_body()
        size = len(block)
        self.received += size
        if not self._wanted:
            self._said += block[: TEXT - len(self._said)]
            return None if self.received < self._waste else -1
        if self._room is not None and self.received > self._room:
            self._too_large = True
            return -1
        self._blocks.append(block)
        self._pending += size
        if self._pending >= self._enough:
            self._wake()
        return None


def _milliseconds(seconds: float) -> int:
    return int(min(max(1.0, seconds * 1000), _LONGEST_MS))


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
