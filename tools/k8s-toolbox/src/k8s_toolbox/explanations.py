"""Problems of pods as text: what events say about them is asked for only where it helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolroll_shared.errors import Refused, ToolError

from .happenings import field_value, order, row_of
from .lists import Lists
from .models import Event
from .queries import Query
from .reasons import telling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .cluster import Cluster
    from .rows import PodRow


class Explanations:
    """Explains problems with the warnings of a cluster.

    Args:
        cluster: to ask.
        namespace: of the pods; None for all.
        say: is told, once, why there are no events.
    """

    def __init__(
        self, cluster: Cluster, namespace: str | None, *, say: Callable[[str], None]
    ) -> None:
        self._lists = Lists(cluster, Event)
        self._namespace = namespace
        self._say = say
        self._said: set[str] = set()
        self._refused = False

    def of(self, rows: Iterable[PodRow]) -> dict[str, str]:
        """Return the problems of pods by their uid."""
        ill = [row for row in rows if row.problem]
        unclear = [row for row in ill if row.problem and row.problem.topic]
        warnings = by_pod(self._warnings(unclear)) if unclear else {}
        return {row.uid: explained(row, warnings.get((row.namespace, row.name), ())) for row in ill}

    def _warnings(self, rows: Sequence[PodRow]) -> list[Event]:
        """Return the warnings about pods; none where we may not see them."""
        if self._refused:
            return []
        namespace, fields = self._namespace, "involvedObject.kind=Pod,type=Warning"
        if len(rows) == 1:  # the usual case in a watch: others may be many
            namespace = rows[0].namespace or namespace
            fields += f",involvedObject.name={field_value(rows[0].name)}"
        try:
            return self._lists.all(Query("list", "events", namespace), {"fieldSelector": fields})[0]
        except ToolError as error:
            self._refused = isinstance(error, Refused)
            if (text := f"without what events say: {error}") not in self._said:
                self._said.add(text)
                self._say(text)
            return []


def explained(row: PodRow, warnings: Iterable[Event]) -> str:
    """Return a pod's problem with what warnings say about it.

    Args:
        row: a pod with a problem.
        warnings: about a pod of that name, the last one first.
    """
    problem = row.problem
    if problem is None:
        return ""
    if problem.topic is None:
        return problem.text
    said = telling(warnings, problem.topic, container=problem.container, born=row.created)
    return problem.text_with(said or problem.detail)


def by_pod(events: Iterable[Event]) -> dict[tuple[str, str], list[Event]]:
    """Return events by namespace and name of the pods that they are about, the last first."""
    found: dict[tuple[str, str], list[Event]] = {}
    for event in sorted(events, key=lambda one: order(row_of(one)), reverse=True):
        about = event.involved_object
        found.setdefault((about.namespace or "", about.name or ""), []).append(event)
    return found
