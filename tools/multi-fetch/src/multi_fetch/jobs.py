"""What goes into the engine and what comes out: plain values, and the error they carry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from toolroll_shared.retry import Backoff

from .sinks import Sink

SinkT_co = TypeVar("SinkT_co", bound=Sink, covariant=True)

ErrorKind = Literal[
    "dns", "connect", "tls", "timeout", "reset", "protocol", "http", "redirect", "url", "body"
]
"""Why a fetch failed. `body`: the sink refused it, or could not store it."""

_PASSING_KINDS = {"dns", "connect", "timeout", "reset", "protocol"}
_PASSING_STATUS = {429, 500, 502, 503, 504}


class FetchError(Exception):
    """Why one attempt failed.

    Attributes:
        kind: what kind of failure it is.
        status: the HTTP status, for kind `http`.
        after: seconds that the server asked to wait, if it did.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.status = status
        self.after = after

    @property
    def passing(self) -> bool:
        """Whether another attempt may go better."""
        return self.kind in _PASSING_KINDS or self.status in _PASSING_STATUS


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the engine never exceeds.

    Attributes:
        concurrency: fetches in flight at once.
        timeout: seconds for one attempt, from its start to the last byte, redirects included.
        idle_timeout: seconds without a byte from the server, or until a connection stands.
        redirects: hops followed per attempt.
        backoff: how often an attempt that failed in passing is repeated.
    """

    concurrency: int = 8
    timeout: float = 3600.0
    idle_timeout: float = 30.0
    redirects: int = 5
    backoff: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        """Refuse a concurrency with which nothing would ever be fetched."""
        if self.concurrency < 1:
            raise ValueError(f"concurrency is {self.concurrency}, not at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Generic[SinkT_co]):
    """One URL to fetch.

    Attributes:
        url: http or https.
        sink: where the body goes; told anew at each attempt.
        headers: sent with the request. Authorization and Cookie go to the URL's own origin
            only, whatever it redirects to. They are never shown.
    """

    url: str = field(repr=False)
    sink: SinkT_co
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Generic[SinkT_co]):
    """What became of one job.

    Attributes:
        job: the job.
        status: the last HTTP status, or None if there was no answer.
        bytes: of the body, as received in the last attempt.
        attempts: how many there were.
        duration_s: from the first attempt's start, waits included.
        error: why it failed, or None if the sink has the whole body.
    """

    job: Job[SinkT_co]
    status: int | None
    bytes: int
    attempts: int
    duration_s: float
    error: FetchError | None
