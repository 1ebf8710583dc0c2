"""`k8s-toolbox pods`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from toolroll_shared.errors import Exit, ToolError, UsageError
from toolroll_shared.output import json_document, oneline, write

from .cluster import add_cluster_arguments, cluster_of, namespace_of, say, some
from .tables import Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from k8s_toolbox.cluster import Cluster
    from k8s_toolbox.models import Event
    from k8s_toolbox.rows import PodRow
    from toolroll_shared.logs import Log

USAGE = "[NAME...] [-n NS | -A] [-l SELECTOR] [--problems] [--watch] [--json]"
DESCRIPTION = """\
Show pods as kubectl does, with its words for their status.

With --problems, show only those that are not well, each with one line why; the exit code is 1
if there are any. Pods that are about to start, or to go, are well once they have.
"""
SORTS = (
    "name",
    "namespace",
    "ready",
    "status",
    "restarts",
    "last-restart",
    "created",
    "age",
    "node",
    "ip",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("names", nargs="*", type=some, metavar="NAME", help="only these pods")
    group = parser.add_argument_group("which pods")
    group.add_argument(
        "-l", "--selector", type=some, metavar="SELECTOR", help="with labels: app=web,tier!=test"
    )
    group.add_argument(
        "--field-selector",
        type=some,
        metavar="SELECTOR",
        help="with fields: status.phase=Running,spec.nodeName=node-1",
    )
    group.add_argument(
        "--problems", action="store_true", help="that are not well, and why; exit code 1 if any"
    )
    group = parser.add_argument_group("how")
    group.add_argument("-o", "--output", choices=("wide",), help="wide: IP and node, too")
    group.add_argument(
        "--sort-by",
        type=some,
        metavar="KEY",
        help=f"{', '.join(SORTS)}; with a - before it, the other way round",
    )
    group.add_argument(
        "-w", "--watch", action="store_true", help="go on, with a row for each change"
    )
    group.add_argument(
        "--json", action="store_true", help="one JSON document; with --watch, one for each row"
    )
    add_cluster_arguments(parser, every=True)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, log: Log) -> int:
    """Run the command."""
    order = _order(arguments.sort_by)
    if arguments.names and (arguments.selector or arguments.field_selector):
        raise UsageError("either names of pods or selectors")
    if arguments.names and arguments.all_namespaces:
        raise UsageError("names of pods are those of one namespace: -n instead of -A")
    cluster = cluster_of(arguments, log)
    view = _View(arguments, cluster)
    return view.watch() if arguments.watch else view.show(order)


def _order(key: str | None) -> Callable[[list[PodRow]], list[PodRow]]:
    """Return what brings rows into their order; without a key, the server's."""
    from k8s_toolbox.rows import KUBECTL_KEYS, SORT_KEYS

    if key is None:
        return lambda rows: rows
    reverse, name = key.startswith("-"), key.removeprefix("-").strip("{}")
    name = KUBECTL_KEYS.get(f".{name.removeprefix('.')}", name)
    if name not in SORT_KEYS:
        raise UsageError(f"--sort-by {key!r}: there are {', '.join(SORT_KEYS)}")
    return lambda rows: sorted(rows, key=SORT_KEYS[name], reverse=reverse)


class _View:
    """What is shown of pods.

    Args:
        arguments: the command's.
        cluster: to ask.
    """

    def __init__(self, arguments: argparse.Namespace, cluster: Cluster) -> None:
        from k8s_toolbox.lists import Lists
        from k8s_toolbox.models import Pod
        from k8s_toolbox.queries import Query

        self._arguments = arguments
        self._cluster = cluster
        self._namespace = namespace_of(arguments, cluster)
        self._lists = Lists(cluster, Pod)
        self._query = Query("list", "pods", self._namespace)
        self._parameters: dict[str, object] = {
            "labelSelector": arguments.selector,
            "fieldSelector": arguments.field_selector,
        }
        self._table = Table(self._header())

    def _header(self) -> list[str]:
        header = ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
        if self._namespace is None:
            header.insert(0, "NAMESPACE")
        if self._arguments.output == "wide":
            header += ["IP", "NODE"]
        if self._arguments.problems:
            header.append("PROBLEM")
        return header

    def _cells(self, row: PodRow, problem: str | None, now: datetime) -> list[str]:
        from k8s_toolbox.rows import NONE

        ready = f"{row.ready}/{row.total}"
        cells = [row.name, ready, row.status, row.restarts_text(now), row.age(now)]
        if self._namespace is None:
            cells.insert(0, row.namespace)
        if self._arguments.output == "wide":
            cells += [row.ip or NONE, row.node or NONE]
        if self._arguments.problems:
            cells.append(oneline(problem or ""))
        return cells

    def show(self, order: Callable[[list[PodRow]], list[PodRow]]) -> int:
        """Show the pods that there are, and return the exit code."""
        from k8s_toolbox.background import alone

        rows = alone(self._named if self._arguments.names else self._listed)
        if self._arguments.problems:
            rows = [row for row in rows if row.problem]
        problems = alone(lambda: self._problems(rows))
        now = datetime.now(UTC)
        shown = order(rows)
        if self._arguments.json:
            write(json_document([row.document(now, problems.get(row.uid)) for row in shown]))
        else:
            self._table.write(self._cells(row, problems.get(row.uid), now) for row in shown)
        return Exit.FAILED if self._arguments.problems and rows else Exit.OK

    def _named(self) -> list[PodRow]:
        from k8s_toolbox.names import find_pod
        from k8s_toolbox.rows import row_of

        assert self._namespace is not None  # noqa: S101 - with names there is no -A
        pods = [find_pod(self._cluster, self._namespace, one) for one in self._arguments.names]
        return [row_of(pod, now=datetime.now(UTC)) for pod in pods]

    def _listed(self) -> list[PodRow]:
        from k8s_toolbox.background import heard
        from k8s_toolbox.names import check_namespace
        from k8s_toolbox.rows import row_of

        rows: list[PodRow] = []
        pages = self._lists.pages(self._query, self._parameters)
        for page in heard(pages, ahead=1):  # the server makes the next one meanwhile
            if page is None:
                rows.clear()
            else:
                now = datetime.now(UTC)
                rows += [row_of(pod, now=now) for pod in page.objects]
        if not rows:
            check_namespace(self._cluster, self._namespace)
            say(f"no pods{self._such} in {self._namespace or 'any namespace'}")
        return rows

    @property
    def _such(self) -> str:
        chosen = filter(None, (self._arguments.selector, self._arguments.field_selector))
        return oneline(" with ".join(["", *chosen]))

    def _problems(self, rows: list[PodRow]) -> dict[str, str]:
        """Return the problems of pods by uid; with --problems, events say more about some."""
        from k8s_toolbox.problems import explained, warnings_by_pod

        found = {row.uid: row.problem for row in rows if row.problem}
        warnings: Mapping[tuple[str, str], list[Event]] = {}
        if self._arguments.problems and any(one.vague for one in found.values()):
            warnings = warnings_by_pod(self._warnings())
        return {
            row.uid: explained(found[row.uid], warnings.get((row.namespace, row.name), ()))
            for row in rows
            if row.uid in found
        }

    def _warnings(self) -> list[Event]:
        """Return the warnings about pods, the last ones last; none where we may not see them."""
        from k8s_toolbox.happenings import order, row_of
        from k8s_toolbox.lists import Lists
        from k8s_toolbox.models import Event
        from k8s_toolbox.queries import Query

        fields = {"fieldSelector": "involvedObject.kind=Pod,type=Warning"}
        try:
            events, _ = Lists(self._cluster, Event).all(
                Query("list", "events", self._namespace), fields
            )
        except ToolError as error:
            say(f"without what events say: {oneline(str(error))}")
            return []
        return sorted(events, key=lambda event: order(row_of(event)))

    def watch(self) -> int:
        """Show the pods and then each change, until a signal ends it."""
        from k8s_toolbox.background import heard
        from k8s_toolbox.lists import Lost, Snapshot
        from k8s_toolbox.rows import row_of

        query, parameters = self._query, dict(self._parameters)
        if len(self._arguments.names) == 1:
            parameters["fieldSelector"] = f"metadata.name={self._arguments.names[0]}"
        shown: dict[str, PodRow] = {}
        for item in heard(self._lists.watched(query, parameters)):
            now = datetime.now(UTC)
            if isinstance(item, Lost):
                say(f"{item.why}; going on")
            elif isinstance(item, Snapshot):
                rows = {pod.metadata.uid: row_of(pod, now=now) for pod in item.objects}
                gone = [row for uid, row in shown.items() if uid not in rows]
                self._report(shown, gone, now, gone=True)
                self._report(shown, list(rows.values()), now)
            else:
                row = row_of(item.object, now=now)
                self._report(shown, [row], now, gone=item.kind == "DELETED")
        return Exit.OK

    def _report(
        self, shown: dict[str, PodRow], rows: list[PodRow], now: datetime, *, gone: bool = False
    ) -> None:
        """Show the rows that have changed, and remember them."""
        names = self._arguments.names
        changed = []
        for row in rows:
            before = shown.pop(row.uid, None)
            if not gone:
                shown[row.uid] = row
            if (gone or row != before) and (not names or row.name in names):
                ill = row.problem or (before and before.problem)
                changed += [row] if ill or not self._arguments.problems else []
        problems = self._problems(changed)
        if self._arguments.json:
            for row in changed:
                document = row.document(now, problems.get(row.uid)) | {"deleted": gone}
                write(json.dumps(document) + "\n", flush=True)
            return
        if gone:
            changed = [row._replace(status=f"{row.status} (deleted)") for row in changed]
        self._table.write(
            (self._cells(row, problems.get(row.uid), now) for row in changed), flush=True
        )
