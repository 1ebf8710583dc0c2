"""A cluster's API, read-only: the one place that makes requests knows GET and nothing else."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from urllib3 import HTTPHeaderDict
from urllib3.exceptions import HTTPError

from toolroll_shared.errors import Unreachable
from toolroll_shared.logs import NO_LOG
from toolroll_shared.retry import Backoff, retry_after_seconds

from .access import Access
from .outages import jitter
from .troubles import Answer, Busy, Unauthorized, answered, told

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from urllib3 import HTTPResponse

    from toolroll_shared.logs import Log

    from .kubeconfigs import Chosen
    from .queries import Query

TIMEOUT_S = 60.0
"""Until an answer begins, and between two of its parts."""

CONNECT_TIMEOUT_S = 10.0
"""For TCP and TLS together."""

MAX_ANSWER_BYTES = 256 << 20
"""Of one page, unpacked: a hundred times what 500 pods take."""

AGENT = "toolroll-k8s-toolbox"
PATIENCE = Backoff(tries=5, first=0.5, cap=8.0, total=30.0, longest=20.0)
"""With a server that is busy (429) or that fails at the moment (5xx)."""

MAX_ERROR_BYTES = 1 << 16
"""Of what a server says about a refusal."""

_GOOD = range(200, 300)


class Cluster:
    """A way to ask a cluster.

    Args:
        chosen: where and as whom.
        timeout: for an answer to begin, and between two of its parts; in seconds.
        log: where requests are recorded.
        sleep: waits.
    """

    def __init__(
        self,
        chosen: Chosen,
        *,
        timeout: float = TIMEOUT_S,
        log: Log = NO_LOG,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.chosen = chosen
        self.timeout = timeout
        self._log = log
        self._sleep = sleep
        self._access = Access(chosen)
        self._renewing = threading.Lock()

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._access.server

    def read(self, query: Query, parameters: Mapping[str, object] | None = None) -> bytes:
        """Return the whole answer to a question; a server that is busy is asked again.

        Raises:
            ToolError: there is no answer, or it is a refusal; `Gone` for what is not there.
        """
        with self._log.action(query.verb, query.path) as fields:
            number = 1
            while True:
                fields["attempts"] = number
                try:
                    with self.opened(query, parameters, gzip=True) as response:
                        fields["status"] = response.status
                        body = self._whole(query, response)
                except (HTTPError, OSError) as error:
                    raise told(self.chosen, self.server, error) from error
                except Busy as error:
                    self._wait(number, error)
                    number += 1
                else:
                    fields["bytes"] = len(body)
                    return body

    def _whole(self, query: Query, response: HTTPResponse) -> bytes:
        body: bytes = response.read(MAX_ANSWER_BYTES + 1)
        if len(body) > MAX_ANSWER_BYTES:
            raise Unreachable(
                f"{query.what}: the answer of {self.server} has no end in "
                f"{MAX_ANSWER_BYTES >> 20} MiB; is it an API server?"
            )
        return body

    def _wait(self, number: int, error: Busy) -> None:
        """Wait before the next try, or raise what the last one came to."""
        seconds = PATIENCE.wait(number, after=error.after, random=jitter)
        if not PATIENCE.allows(number, seconds, elapsed=0.0):
            raise error
        self._sleep(seconds)

    @contextmanager
    def opened(
        self,
        query: Query,
        parameters: Mapping[str, object] | None = None,
        *,
        gzip: bool = False,
        timeout: float | None = None,
    ) -> Iterator[HTTPResponse]:
        """Ask, and yield the answer to be read from; reading may raise urllib3's errors.

        Args:
            query: what to ask.
            parameters: of the URL; None values are left out.
            gzip: whether the answer may be compressed.
            timeout: another one than the cluster's.

        Raises:
            ToolError: there is no answer, or it is a refusal; `Gone` for what is not there.
        """
        response = self._answer(query, parameters or {}, gzip=gzip, timeout=timeout)
        try:
            yield response
        finally:
            with suppress(OSError, HTTPError):
                response.close()

    def _answer(
        self,
        query: Query,
        parameters: Mapping[str, object],
        *,
        gzip: bool,
        timeout: float | None,
    ) -> HTTPResponse:
        access = self._fresh_access()
        try:
            return self._get(access, query, parameters, gzip=gzip, timeout=timeout)
        except Unauthorized:
            renewed = self._renew(access)  # tokens rotate, and people log in anew
            return self._get(renewed, query, parameters, gzip=gzip, timeout=timeout)

    def _fresh_access(self) -> Access:
        access = self._access
        return self._renew(access) if access.is_stale else access

    def _renew(self, access: Access) -> Access:
        """Return access with credentials that are newer; one thread gets them for all."""
        with self._renewing:
            if self._access is access:
                self._access = Access(self.chosen)
            return self._access

    def _get(
        self,
        access: Access,
        query: Query,
        parameters: Mapping[str, object],
        *,
        gzip: bool,
        timeout: float | None,
    ) -> HTTPResponse:
        """Send the request; nothing else in this package does."""
        headers = HTTPHeaderDict({"Accept": "application/json, */*", "User-Agent": AGENT})
        headers.extend(access.headers)
        if gzip:
            headers["Accept-Encoding"] = "gzip"
        given = {key: value for key, value in parameters.items() if value is not None}
        url = access.server + query.path + ("?" + urlencode(given) if given else "")
        try:
            response: HTTPResponse = access.client.call_api(
                "GET",
                url,
                header_params=headers,
                _request_timeout=(CONNECT_TIMEOUT_S, timeout or self.timeout),
            ).response
        except Exception as error:
            raise told(self.chosen, access.server, error) from error
        if response.status in _GOOD:
            return response
        try:
            body = response.read(MAX_ERROR_BYTES)
        except (HTTPError, OSError) as error:
            raise told(self.chosen, access.server, error) from error
        finally:
            response.close()
        after = retry_after_seconds(response.headers.get("Retry-After"), now=datetime.now(UTC))
        answer = Answer(response.status, body, after, access.secrets)
        raise answered(self.chosen, access.server, query, answer)
