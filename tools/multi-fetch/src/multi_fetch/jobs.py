"""What goes into the engine and what comes out: plain values, and the error they carry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from toolroll_shared.retry import Backoff

from .sinks import Sink

SinkT_co = TypeVar("SinkT_co", bound=Sink, covariant=True)

Method = Literal["GET", "HEAD"]

ErrorKind = Literal[
    "dns",
    "connect",
    "tls",
    "timeout",
    "reset",
    "protocol",
    "too_large",
    "http",
    "redirect",
    "url",
    "body",
    "cancelled",
]
"""Why a fetch failed. `body`: the sink refused it, or could not store it."""

_PASSING_KINDS = {"dns", "connect", "timeout", "reset", "protocol"}
_PASSING_STATUS = {408, 429, 500, 502, 503, 504}
_TOO_MANY_REQUESTS = 429
_UNAVAILABLE = 503


class FetchError(Exception):
    """Why one attempt failed.

    Attributes:
        kind: what kind of failure it is.
        status: the HTTP status, for kind `http`.
        after: seconds that the server asked to wait, if it did; or what `after_refusal` said.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        after: float | None = None,
        passing: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.status = status
        self.after = after
        self._is_said_to_pass = passing

    @property
    def passing(self) -> bool:
        """Whether another attempt may go better."""
        known = self.kind in _PASSING_KINDS or self.status in _PASSING_STATUS
        return known or self._is_said_to_pass

    @property
    def throttling(self) -> bool:
        """Whether the server was asked too much, rather than for what it does not give.

        A 429 says so, also where it does not say for how long; a 503 only with Retry-After,
        else it may be a failure like any other; and any status of which `after_refusal` says
        how long to wait.
        """
        if self.status == _TOO_MANY_REQUESTS:
            return True
        says_so = self.status == _UNAVAILABLE or self._is_said_to_pass
        return says_so and self.after is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A final answer that is no success, as far as it is needed to understand it.

    Attributes:
        status: of HTTP.
        headers: by names in lower case; values of one name are joined by a comma.
        text: the start of its body, at most 4 KiB of it, as far as that came in seconds.
        redirected: whether another URL than the job's own was refused.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    redirected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the engine never exceeds.

    Attributes:
        concurrency: fetches in flight at once.
        per_host: fetches in flight at once from one origin, or None for no cap of its own.
        timeout: seconds for one attempt, from its start to the last byte, redirects included.
        idle_timeout: seconds without a byte from the server, or until a connection stands.
        redirects: hops followed per attempt.
        max_bytes: of one body, or None to take any.
        rate: bytes per second that all bodies of one `Fetcher` take together, or None for as
            many as come. Waiting for that is neither silence nor part of `timeout`.
        backoff: how often an attempt that failed in passing is repeated.
        proxy: for all requests; empty for none, None for what the environment names.
    """

    concurrency: int = 8
    per_host: int | None = None
    timeout: float = 3600.0
    idle_timeout: float = 30.0
    redirects: int = 5
    max_bytes: int | None = None
    rate: float | None = None
    backoff: Backoff = field(default_factory=Backoff)
    proxy: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse limits with which nothing would ever be fetched."""
        if self.concurrency < 1:
            raise ValueError(f"concurrency is {self.concurrency}, not at least 1")
        if self.per_host is not None and self.per_host < 1:
            raise ValueError(f"per_host is {self.per_host}, not at least 1")
        if self.rate is not None and not 0 < self.rate < float("inf"):
            raise ValueError(f"rate is {self.rate}, no bytes per second")


@dataclass(slots=True, kw_only=True, eq=False)  # not frozen: that triples the time to make one
class Job(Generic[SinkT_co]):
    """One URL to fetch.

    Attributes:
        url: http or https.
        sink: where the body goes; told anew at each attempt.
        headers: sent with the request. Authorization and Cookie go to the URL's own origin
            only, whatever it redirects to. They are never shown.
        method: GET, or HEAD for an answer without a body.
    """

    url: str = field(repr=False)
    sink: SinkT_co
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    method: Method = "GET"


AfterRefusal = Callable[[Job[Any], Refusal], float | None]
"""Says how many seconds to wait at least after a refusal; None leaves it to the engine."""


class Timing(NamedTuple):
    """When the last request of a job reached what, in seconds from that request's start.

    A connection that was there already gives 0.0 for the first three, and plain http for `tls`.
    """

    dns: float
    connect: float
    tls: float
    first_byte: float


@dataclass(slots=True, kw_only=True, eq=False)
class Result(Generic[SinkT_co]):
    """What became of one job.

    Attributes:
        job: the job.
        status: of the last request's answer, or None if it had none.
        bytes: of the body, as received in the last attempt: after chunks are joined, before
            any content encoding is undone (it never is).
        attempts: how many there were.
        duration_s: from the first attempt's start, waits included.
        final_url: what was requested last, after redirects, or None if nothing was.
        timing: of the last request, or None if there was no answer.
        error: why it failed, or None if the sink has the whole body.
    """

    job: Job[SinkT_co]
    status: int | None
    bytes: int
    attempts: int
    duration_s: float
    final_url: str | None = field(default=None, repr=False)
    timing: Timing | None = None
    error: FetchError | None
