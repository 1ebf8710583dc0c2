"""A Pushgateway, whose counters grow from run to run.

It keeps what was pushed last and adds nothing by itself. So what it has of this job and instance
is read first, and what the run has counted is added to it, one run after the other.
"""

from __future__ import annotations

import random
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse, IncompleteRead
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit

from prometheus_client import push_to_gateway
from prometheus_client.parser import text_string_to_metric_families

from toolroll_shared.errors import CorruptStore, Refused, ToolError, Unreachable, UsageError
from toolroll_shared.output import oneline, redact_url
from toolroll_shared.retry import Backoff
from toolroll_shared.secrets import Secrets

from .locking import PATIENCE_S, locked
from .samples import LABELS, NAMES, Foreign, Samples, accumulated, only_ours, ours_in, registry_of

TIMEOUT_S = 10.0
"""Of each request."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Of what a gateway has, of all jobs together."""

OF_A_GATEWAY = b"pushgateway_build_info"
"""One of its own metrics. What adds up by itself what is pushed would count twice."""

BLOCK_BYTES = 64 * 1024
TEXT_LENGTH = 200
"""Characters that are shown of a refusal."""

PATIENCE = Backoff(tries=3, first=1.0, total=30.0)
_TEMPORARY = {429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Where something is pushed.

    Attributes:
        url: the gateway's; it may have a user and a password.
        job: what is done, the same in each run.
        instance: where it is done: another host pushes by another name.
        lock: keeps other runs away that push the same from here; None: there is no place for it.
    """

    url: str
    job: str
    instance: str
    lock: Path | None = None

    @property
    def shown(self) -> str:
        """The gateway without user and password."""
        return redact_url(self.url)


def check_url(url: str) -> None:
    """Refuse what is no gateway.

    Raises:
        UsageError: it is no http URL.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise UsageError("--push: not a URL such as http://pushgateway:9091")


def push(
    group: Group,
    new: Samples,
    *,
    patience: float = PATIENCE_S,
    sleep: Callable[[float], None] = time.sleep,
) -> Samples:
    """Add what one run has counted to what a gateway has, and return what all of them have.

    Raises:
        Unreachable: the gateway does not answer, or makes no sense.
        Refused: it refuses us.
        ToolError: it does not take it.
        TryLater: other runs have pushed all the time.
        OSError: the lock cannot be made.
    """
    gateway = _Gateway(group, sleep)
    with locked(group.lock, within=patience) if group.lock else nullcontext():
        total = accumulated(gateway.samples(), new)
        gateway.replace(total)
    return total


class _Gateway:
    """Requests to a gateway."""

    def __init__(self, group: Group, sleep: Callable[[float], None]) -> None:
        parts = urlsplit(group.url)
        host = parts.netloc.rpartition("@")[2]
        self._base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._group = group
        self._sleep = sleep
        self._headers: dict[str, str] = {}
        self._secrets = Secrets([])
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._headers["Authorization"] = f"Basic {b64encode(user.encode()).decode()}"
            self._secrets = Secrets([user, unquote(parts.password or ""), parts.password or ""])

    def samples(self) -> Samples:
        """Return what the gateway has of the group."""
        group = {"job": self._group.job, "instance": self._group.instance}
        text = self._ask(f"{self._base}/metrics", "GET")
        if OF_A_GATEWAY not in text:
            raise Unreachable(f"{self._group.shown}: its /metrics is not that of a Pushgateway")
        try:
            return only_ours(
                (name, {key: one[key] for key in one.keys() - group.keys()}, value)
                for name, one, value in _samples_in(text.decode())
                if group.items() <= one.items() and one.keys() <= LABELS | group.keys()
            )
        except (Foreign, ValueError, KeyError, IndexError) as error:
            raise CorruptStore(
                f"{self._group.shown}: its metrics make no sense: {error}"
            ) from error

    def replace(self, samples: Samples) -> None:
        """Let the gateway have these of the group, and no others."""
        push_to_gateway(
            self._base,
            self._group.job,
            registry_of(samples),
            grouping_key={"instance": self._group.instance},
            timeout=TIMEOUT_S,
            handler=self._handler,
        )

    def _handler(
        self,
        url: str,
        method: str,
        timeout: float | None,
        headers: Sequence[tuple[str, str]],
        data: bytes,
    ) -> Callable[[], None]:
        del timeout

        def ask() -> None:
            self._ask(url, method, dict(headers), data)

        return ask

    def _ask(
        self, url: str, method: str, headers: Mapping[str, str] | None = None, data: bytes = b""
    ) -> bytes:
        """Ask, and ask again where that may help."""
        number = 1
        while True:
            try:
                return self._answer(url, method, {**self._headers, **(headers or {})}, data)
            except _Passing as error:
                seconds = PATIENCE.wait(number, after=None, random=random.random)
                if not PATIENCE.allows(number, seconds, elapsed=0.0):
                    raise Unreachable(f"{self._group.shown}: {error}") from error
                self._sleep(seconds)
                number += 1

    def _answer(self, url: str, method: str, headers: Mapping[str, str], data: bytes) -> bytes:
        request = urllib.request.Request(url, data or None, dict(headers), method=method)  # noqa: S310 - http only, see check_url
        try:
            with _opener().open(request, timeout=TIMEOUT_S) as response:
                body = _body(response)
        except HTTPError as error:
            with error:
                raise self._refusal(error) from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error) if isinstance(error, URLError) else error
            raise _Passing(oneline(str(reason)) or type(reason).__name__) from error
        if len(body) > MAX_ANSWER_BYTES:
            raise Unreachable(f"{self._group.shown}: its answer has no end; is it a Pushgateway?")
        return body

    def _refusal(self, error: HTTPError) -> Exception:
        said = b""
        with suppress(OSError, HTTPException):  # it may also leave before it has told why
            said = error.read(TEXT_LENGTH)
        why = oneline(said.decode(errors="replace"))
        text = self._secrets.hidden(f"{error.code} {error.reason}" + (f": {why}" if why else ""))
        if error.code in _TEMPORARY:
            return _Passing(text)
        if error.code in {401, 403, 407}:
            return Refused(f"{self._group.shown}: {text}")
        return ToolError(f"{self._group.shown}: {text}")


class _Passing(Exception):
    """A failure that may pass."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows none: the password would go along."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        del req, fp, code, msg, headers, newurl


def _body(response: HTTPResponse) -> bytes:
    """Return a whole body, or its beginning if it is too long.

    Raises:
        TimeoutError: it does not come to its end.
        IncompleteRead: it was cut: whoever added to it would lose the rest.
    """
    body, deadline = bytearray(), time.monotonic() + TIMEOUT_S
    while len(body) <= MAX_ANSWER_BYTES and (block := response.read1(BLOCK_BYTES)):
        body += block
        if time.monotonic() > deadline:
            raise TimeoutError("its answer takes too long")
    if response.length and len(body) <= MAX_ANSWER_BYTES:
        raise IncompleteRead(bytes(body), response.length)
    return bytes(body)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirects)


def _samples_in(text: str) -> list[tuple[str, Mapping[str, str], float]]:
    return [
        (sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(ours_in(text))
        for sample in family.samples
        if sample.name in NAMES
    ]
