"""The daemon, through docker's SDK: its images and containers, and the deleting of images."""

from __future__ import annotations

import json
import time
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from docker.utils import version_lt
from urllib3 import Timeout

from toolroll_shared.errors import TryLater

from .ages import FIRST_RELEASE
from .clients import connect
from .models import Detail, Step
from .parallel import alone, at_once
from .stocks import container_of, full_id, real_names, space_of, stock_of
from .troubles import Answered, Gone, answered, asking, speaking

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from types import TracebackType
    from typing import Self

    from .endpoints import Endpoint
    from .models import Container, Space, Stock

PARTIAL_DF_API = "1.42"
"""The first whose `/system/df` can leave volumes out, which may take minutes to measure."""

AT_ONCE = 6
"""Inspections at the same time: more gained nothing; 1,000 took 0.37 s, by four 0.44 s."""

BUSY = "disk usage operation is already running"
"""What dockerd (until 23.0) answers if somebody else asks for `/system/df` at the same time."""

BUSY_PAUSE_S = 0.1

BAD_REQUEST = 400


class Daemon:
    """A connection to a daemon.

    Args:
        endpoint: where it is.
        timeout: for each answer, in seconds.

    Raises:
        ToolError: it cannot be reached, refuses us, or speaks too old or too new an API.
    """

    def __init__(self, endpoint: Endpoint, *, timeout: float) -> None:
        self._endpoint = endpoint
        self._timeout = timeout
        self._details: dict[str, Detail | None] = {}
        self._client, self.is_podman = alone(partial(connect, endpoint, timeout))

    @property
    def host(self) -> str:
        """Where it is."""
        return self._endpoint.host

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.close()

    def stock(self) -> Stock:
        """Return all images and containers, by four requests at the same time."""
        calls: list[Callable[[], Any]] = [self._images, self.containers, self._usage, self._about]
        images, containers, usage, about = at_once(calls, threads=len(calls))
        with speaking(self._endpoint):
            return stock_of(images, containers, usage, about, is_podman=self.is_podman)

    def _images(self) -> list[dict[str, Any]]:
        with asking(self._endpoint):
            return _entries(self._client.images(all=True))

    def _about(self) -> dict[str, Any]:
        with asking(self._endpoint):
            return self._client.info()

    def containers(self) -> list[Container]:
        """Return all containers, running or not."""
        with asking(self._endpoint):
            return [container_of(one) for one in _entries(self._client.containers(all=True))]

    def space(self) -> Space:
        """Return what the daemon says of the space that images and build cache take."""
        usage = alone(self._usage)
        with speaking(self._endpoint):
            return space_of(usage, is_podman=self.is_podman)

    def _usage(self) -> dict[str, Any]:
        """Return what `/system/df` tells, which older daemons tell one at a time only."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return self._usage_now()
            except Answered as error:
                if BUSY not in str(error):
                    raise
                if time.monotonic() > deadline:
                    raise TryLater(str(error)) from error
            time.sleep(BUSY_PAUSE_S)

    def _usage_now(self) -> dict[str, Any]:
        with asking(self._endpoint):
            if version_lt(self._client.api_version, PARTIAL_DF_API):
                return self._client.df()
            found: dict[str, Any] = json.loads(
                self._fetch("/system/df?type=image&type=build-cache")
            )
            return found

    def details(self, ids: Collection[str]) -> dict[str, Detail]:
        """Inspect images; what is gone is left out. None is inspected twice."""
        new = [one for one in dict.fromkeys(ids) if one not in self._details]
        found = at_once([partial(self._inspect, one) for one in new], threads=AT_ONCE)
        self._details.update(zip(new, found, strict=True))
        return {one: detail for one in ids if (detail := self._details[one]) is not None}

    def _inspect(self, identity: str) -> Detail | None:
        try:
            with speaking(self._endpoint):
                found = json.loads(self._fetch(f"/images/{identity}/json"))
                tagged = (found.get("Metadata") or {}).get("LastTagTime")
                layers = (found.get("RootFS") or {}).get("Layers") or ()
                return Detail(layers=tuple(layers), tagged=_seconds(tagged))
        except Gone:
            return None

    def history(self, identity: str) -> Sequence[Step]:
        """Return the steps that an image was made in, the first one first; none if it is gone."""
        try:
            with speaking(self._endpoint):
                found = json.loads(alone(partial(self._fetch, f"/images/{identity}/history")))
                return [
                    Step(size=one["Size"], instruction=str(one.get("CreatedBy") or ""))
                    for one in reversed(found)
                ]
        except Gone:
            return ()

    def names(self, identity: str) -> tuple[list[str], list[str]]:
        """Return the tags that an image has now, by its id or a name, and its names by digest.

        Raises:
            Gone: there is no such image.
        """
        with speaking(self._endpoint):
            found = json.loads(self._fetch(f"/images/{identity}/json"))
            return real_names(found.get("RepoTags")), real_names(found.get("RepoDigests"))

    def holder(self, name: str) -> str:
        """Return the id of the image that has a name now.

        Raises:
            Gone: none has.
        """
        with speaking(self._endpoint):
            return full_id(json.loads(self._fetch(f"/images/{name}/json"))["Id"])

    def remove(self, name: str) -> None:
        """Remove a name, or an image by its id; never by force, and nothing but that.

        Raises:
            Gone: there is no such name or image.
            Conflict: something uses the image.
        """
        with speaking(self._endpoint):
            self._client.remove_image(name, force=False, noprune=True)

    def tag(self, identity: str, name: str) -> None:
        """Give an image a tag back.

        Raises:
            Gone: there is no such image.
        """
        repository, _, tag = name.rpartition(":")
        with speaking(self._endpoint):
            self._client.tag(identity, repository, tag)

    def _fetch(self, path: str) -> bytes:
        """Return the answer to a GET.

        The SDK makes a connection for each URL, and half of an inspection's time would be its
        and requests' own.
        """
        client, path = self._client, f"/v{self._client.api_version}{path}"
        if not self._endpoint.host.startswith(("unix:", "ssh:")):
            answer = client.get(f"{client.base_url}{path}", timeout=self._timeout)
            status, body = answer.status_code, answer.content
        else:
            adapter: Any = client.get_adapter(client.base_url)
            pool = adapter.get_connection(client.base_url)
            headers = {"Host": "docker"}
            timeout = Timeout(self._timeout)
            reply = pool.urlopen("GET", path, headers=headers, timeout=timeout, retries=False)
            status, body = reply.status, reply.data
        if status >= BAD_REQUEST:
            raise answered(self._endpoint, status, _message(body))
        return body


def _entries(answer: object) -> list[dict[str, Any]]:
    """Return a list that was asked for: `{}` or `null` must not pass for no containers."""
    if not isinstance(answer, list):
        raise TypeError("not a list")
    return answer


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")


def _seconds(text: object) -> float | None:
    """Return a time as the daemon writes it, in seconds since 1970; None for one that is no date.

    The daemon has the year 1 for an image that was never tagged, but pulled or loaded.
    """
    if not isinstance(text, str):
        return None
    moment = datetime.fromisoformat(f"{text[:19]}+00:00").timestamp() if text[:4] > "0001" else 0
    return moment if moment >= FIRST_RELEASE else None
