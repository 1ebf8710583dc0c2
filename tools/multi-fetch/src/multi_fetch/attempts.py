"""One attempt at a job: the request, what it redirects to, and the answer."""

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar

from toolroll_shared.retry import retry_after_seconds

from .bodies import StartOver, offset_of, take_body
from .exchange import PART, Exchange
from .jobs import AfterRefusal, FetchError, Job, Limits, Refusal, Timing
from .sinks import Held, Sink
from .urls import Target, redirected, target, without_user
from .wire import Wire

SinkT = TypeVar("SinkT", bound=Sink)

_NO_SUCH_PART = 416
_REDIRECTS = {301, 302, 303, 307, 308}
_OF_ONE_ORIGIN = {"authorization", "cookie", "proxy-authorization", "host"}
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110, 5.5


class _Hop(NamedTuple):
    """One request of an attempt: the first, or where a redirect leads."""

    where: Target
    headers: Mapping[str, str]
    held: Held | None


class Work(Generic[SinkT]):
    """A job on its way, and what is known of it so far."""

    __slots__ = (
        "attempts",
        "bytes",
        "final_url",
        "home",
        "hop",
        "hops",
        "host",
        "job",
        "left_s",
        "started",
        "status",
        "target",
        "timing",
    )

    def __init__(self, job: Job[SinkT]) -> None:
        self.job = job
        self.attempts = 0
        self.started = 0.0
        self.status: int | None = None
        self.bytes = 0
        self.final_url: str | None = None
        self.timing: Timing | None = None
        self.hop: _Hop | None = None
        self.target: Target | FetchError
        try:
            self.target = target(job.url)
            self.host = self.home = self.target.origin
        except FetchError as error:
            self.target = error
            self.host = self.home = ""

    def begin(self, timeout_s: float) -> None:
        """Begin another attempt, at home."""
        assert isinstance(self.target, Target)  # noqa: S101 - else there is no attempt
        self.hop = _Hop(self.target, self.job.headers, self.job.sink.held)
        self.hops, self.left_s = 0, timeout_s


class Attempts:
    """Makes attempts over one wire.

    Args:
        limits: what they never exceed.
        wire: carries them.
        pool: the threads for sinks that may block.
        after_refusal: asked about each answer that is no success.
    """

    def __init__(
        self, limits: Limits, wire: Wire, pool: Executor, after_refusal: AfterRefusal | None
    ) -> None:
        self._limits = limits
        self._after_refusal = after_refusal
        self._wire = wire
        self._pool = pool
        self._lines: tuple[object, list[bytes]] = (None, [])

    async def make(self, work: Work[Any], *, may_move: Callable[[], bool]) -> str | None:
        """Request the job's URL and what it redirects to, until there is a body to take.

        Args:
            work: the job, at its begin or where an earlier call has left it.
            may_move: tells whether it may wait for another host that it is sent to.

        Returns:
            the other host, if it has to wait for that one's turn, or None when it is done.

        Raises:
            FetchError: why there is no body.
        """
        if isinstance(work.target, FetchError):
            raise work.target
        if work.hop is None:
            work.begin(self._limits.timeout)
        hop, work.hop = work.hop, None
        assert hop is not None  # noqa: S101 - it has just begun
        while work.hops <= self._limits.redirects:
            try:
                location = await self._request(work, hop)
            except StartOver:
                hop = hop._replace(held=None)
                continue
            if location is None:
                return None
            hop = _redirected(hop, location)
            work.hops += 1
            if hop.where.origin != work.host and may_move():
                work.hop = hop
                return hop.where.origin
        raise FetchError("redirect", f"more than {self._limits.redirects} redirects")

    async def _request(self, work: Work[Any], hop: _Hop) -> str | None:
        """Request one URL and take its body, or return where it redirects to."""
        url = hop.where.url
        if any(name.lower() == "authorization" for name in hop.headers):
            url = without_user(url)  # the header says it better
        work.final_url = url
        with self._wire.exchange() as exchange:
            lines = self._lines_of(hop.headers, hop.held)
            held = 0 if hop.held is None else hop.held.offset
            exchange.start(url, lines, method=work.job.method, timeout_s=work.left_s, held=held)
            try:
                return await self._answer(exchange, work, hop)
            finally:
                work.status, work.timing = exchange.status_and_timing()
                work.bytes = exchange.received
                work.left_s -= exchange.spent_s

    async def _answer(self, exchange: Exchange, work: Work[Any], hop: _Hop) -> str | None:
        held = hop.held
        blocks = await exchange.take()
        status = exchange.status or 0
        if status in _REDIRECTS:
            await exchange.drain()
            return exchange.header(b"location") or ""
        if held is not None and status == _NO_SUCH_PART:
            raise StartOver
        unasked_part = status == PART and held is None
        if unasked_part or not 200 <= status < 300:  # noqa: PLR2004 - RFC 9110, 15.3
            await exchange.drain()
            raise self._refused(exchange, status, work, hop)
        offset = offset_of(exchange, held)
        await take_body(exchange, work.job.sink, blocks, offset=offset, pool=self._pool)
        return None

    def _refused(self, exchange: Exchange, status: int, work: Work[Any], hop: _Hop) -> FetchError:
        """Return what a refusal means: to who knows the server, or else to us."""
        seconds = None
        if self._after_refusal is not None and status != PART:
            refusal = Refusal(
                status=status,
                headers=exchange.all_headers(),
                text=exchange.text,
                redirected=hop.where != work.target,
            )
            seconds = self._after_refusal(work.job, refusal)
        message = f"HTTP status {status}"
        if seconds is None:
            after = retry_after_seconds(exchange.header(b"retry-after"), now=datetime.now(UTC))
            return FetchError("http", message, status=status, after=after)
        after = seconds if seconds > 0 else None
        return FetchError("http", message, status=status, after=after, passing=True)

    def _lines_of(self, headers: Mapping[str, str], held: Held | None) -> list[bytes]:
        """Return the lines of a request's headers; most requests have the same ones."""
        if held is not None:
            part = {"Range": f"bytes={held.offset}-", "If-Range": held.validator}
            return _lines({**headers, **part})
        if self._lines[0] is not headers:
            self._lines = (headers, _lines(headers))
        return self._lines[1]


def _redirected(hop: _Hop, location: str) -> _Hop:
    """Return where a redirect leads, with the headers that may go there."""
    if not location:
        raise FetchError("redirect", "a redirect without a Location")
    there = redirected(hop.where, location)
    headers = hop.headers
    if there.origin != hop.where.origin:
        headers = {k: v for k, v in headers.items() if k.lower() not in _OF_ONE_ORIGIN}
    return _Hop(there, headers, hop.held)


def _lines(headers: Mapping[str, str]) -> list[bytes]:
    """Return the lines of a request's headers.

    Raises:
        FetchError: one of them cannot be sent.
    """
    if not all(_NAME.fullmatch(name) and _VALUE.fullmatch(headers[name]) for name in headers):
        raise FetchError("url", "a header that cannot be sent")
    names = {name.lower() for name in headers}
    ours = {} if "accept-encoding" in names else {"Accept-Encoding": "identity"}
    lines = [
        f"{name}: {value}" if value else f"{name};" for name, value in {**ours, **headers}.items()
    ]
    return [line.encode("latin-1") for line in lines]
