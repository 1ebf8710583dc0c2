"""Which pods are shown, and how: as a table or as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from k8s_toolbox.background import alone
from k8s_toolbox.explanations import Explanations
from k8s_toolbox.lists import Lists
from k8s_toolbox.models import Pod
from k8s_toolbox.names import pod_name
from k8s_toolbox.queries import Query
from k8s_toolbox.rows import NONE
from toolroll_shared.output import json_document, oneline, write

from .cluster import say
from .tables import Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from k8s_toolbox.cluster import Cluster
    from k8s_toolbox.rows import PodRow


class View:
    """What is shown of pods.

    Args:
        arguments: the command's.
        cluster: to ask.
        namespace: of the pods; None for all.
        order: brings rows into theirs.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        cluster: Cluster,
        namespace: str | None,
        order: Callable[[list[PodRow]], list[PodRow]],
    ) -> None:
        self.arguments = arguments
        self.names = [pod_name(name) for name in arguments.names]
        self.cluster = cluster
        self.namespace = namespace
        self.order = order
        self.lists = Lists(cluster, Pod)
        self.query = Query("list", "pods", namespace)
        self.parameters: dict[str, object] = {
            "labelSelector": arguments.selector,
            "fieldSelector": arguments.field_selector,
        }
        self._explanations = Explanations(cluster, namespace, say=lambda text: say(oneline(text)))
        self._table = Table(self._header())

    @property
    def such(self) -> str:
        """Where and which, for messages."""
        chosen = filter(None, (self.arguments.selector, self.arguments.field_selector))
        with_them = oneline(" with ".join(["", *chosen]))
        return f"{' ' + with_them if with_them else ''} in {self.namespace or 'any namespace'}"

    def _header(self) -> list[str]:
        header = ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
        if self.namespace is None:
            header.insert(0, "NAMESPACE")
        if self.arguments.output == "wide":
            header += ["IP", "NODE"]
        if self.arguments.problems:
            header.append("PROBLEM")
        return header

    def _cells(self, row: PodRow, problem: str, now: datetime) -> list[str]:
        ready = f"{row.ready}/{row.total}"
        cells = [row.name, ready, row.status, row.restarts_text(now), row.age(now)]
        if self.namespace is None:
            cells.insert(0, row.namespace)
        if self.arguments.output == "wide":
            cells += [row.ip or NONE, row.node or NONE]
        if self.arguments.problems:
            cells.append(oneline(problem))
        return cells

    def _problems(self, rows: list[PodRow]) -> dict[str, str]:
        """Return the problems of pods by uid; with --problems, events say more about some."""
        if self.arguments.problems:
            return alone(lambda: self._explanations.of(rows))
        return {row.uid: row.problem.text for row in rows if row.problem}

    def write(self, rows: list[PodRow]) -> None:
        """Write all rows that there are, in their order."""
        problems, now = self._problems(rows), datetime.now(UTC)
        if self.arguments.json:
            documents = [row.document(now, problems.get(row.uid)) for row in self.order(rows)]
            write(json_document(documents))
        else:
            self._table.write(
                self._cells(row, problems.get(row.uid, ""), now) for row in self.order(rows)
            )

    def write_more(self, rows: list[PodRow], *, gone: bool) -> None:
        """Write rows as they come in a watch, at once.

        Args:
            rows: as they are, or were last.
            gone: whether their pods are no more.
        """
        problems, now = self._problems(rows), datetime.now(UTC)
        if self.arguments.json:
            for row in self.order(rows):
                document = row.document(now, problems.get(row.uid)) | {"deleted": gone}
                write(json.dumps(document) + "\n", flush=True)
            return
        ended = " (deleted)" if gone else ""
        self._table.write(
            (
                self._cells(row._replace(status=row.status + ended), problems.get(row.uid, ""), now)
                for row in self.order(rows)
            ),
            flush=True,
        )
