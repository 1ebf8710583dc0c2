"""What a server gives of one container's log, and what it says of the container."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .containers import status_of
from .lists import Lists
from .models import Pod
from .queries import Query
from .records import records_of
from .troubles import Gone, Unwilling
from .wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from urllib3 import HTTPResponse

    from .cluster import Cluster
    from .containers import Target
    from .seen import Seen

READ_BYTES = 1 << 16


class Source:
    """A container's log on a server.

    Args:
        cluster: where it is.
        target: whose log.
        pod: as it was looked at.
        sleep: waits.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        cluster: Cluster,
        target: Target,
        pod: Pod,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        status = status_of(pod, target.container)
        self.instance = status.container_id if status else None
        self._uid = pod.metadata.uid
        self._cluster = cluster
        self._target = target
        self._pods = Lists(cluster, Pod, sleep=sleep)
        self._query = Query("get", "pods", target.namespace, target.pod, "log")
        self._clock = clock
        self._began = clock()

    @property
    def where(self) -> str:
        """The container, for messages."""
        return f"{self._target.container} in {self._target.pod}"

    def opened(
        self, wanted: Wanted, seen: Seen, *, timeout: float | None
    ) -> AbstractContextManager[HTTPResponse]:
        """Ask for what is wanted, or, if something of it was read already, for what comes after.

        Args:
            wanted: which part of the log.
            seen: what was read of it.
            timeout: another one than the cluster's, in seconds.
        """
        since = seen.resume()
        found = self._parameters(wanted)
        if since is not None:
            found |= {"sinceTime": since, "sinceSeconds": None, "tailLines": None}
        elif wanted.since_seconds is not None:
            found["sinceSeconds"] = wanted.since_seconds + int(self._clock() - self._began)
        return self._cluster.opened(self._query, found, timeout=timeout)

    def _parameters(self, wanted: Wanted) -> dict[str, object]:
        ours = {"container": self._target.container, "timestamps": "true"}
        return wanted.parameters() | ours

    def has_restarted(self, seen: Seen) -> bool:
        """Tell whether the last line that was read is in the log of the container before.

        Its status may say so only later: after an outage, nodes take their time to report.
        """
        wanted = Wanted(previous=True, since_time=seen.since)
        try:
            with self._cluster.opened(self._query, self._parameters(wanted)) as response:
                return any(
                    seen.last in {one.stamp, *one.pieces}
                    for records in records_of(blocks_of(response))
                    for one in records
                )
        except (Gone, Unwilling):
            return False

    def rest(self) -> Wanted | None:
        """Return what is to be read of a container that has ended; None while it runs.

        Raises:
            Gone: its pod is gone, or another has its name.
            ToolError: the server does not say.
        """
        pod = self._pods.get(Query("get", "pods", self._target.namespace, self._target.pod))
        if pod.metadata.uid != self._uid:
            raise Gone(f"{self.where}: another pod has its name now")
        status = status_of(pod, self._target.container)
        same = status is not None and status.container_id == self.instance
        if status is not None and same and status.now.running:
            return None
        return Wanted(previous=not same)


def blocks_of(response: HTTPResponse) -> Iterator[bytes]:
    """Yield what comes, as it comes."""
    return iter(lambda: bytes(response.read1(READ_BYTES)), b"")
