"""`k8s-toolbox events`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from toolroll_shared.cli import duration
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import json_document, oneline, write

from .cluster import add_cluster_arguments, cluster_of, namespace_of, say, some
from .tables import Table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from k8s_toolbox.cluster import Cluster
    from k8s_toolbox.happenings import EventRow
    from k8s_toolbox.lists import Changed
    from k8s_toolbox.models import Event
    from toolroll_shared.logs import Log

    from .interruptions import Interruptions

USAGE = "[-n NS | -A] [--since DURATION] [--for KIND/NAME] [--types TYPES] [--watch] [--json]"
DESCRIPTION = """\
Show what a cluster reports, sorted by when it was last seen: what is newest comes last.

Clusters keep events for an hour, if nobody has set another time.
"""
HOME = "default"
"""The namespace of events about what is in none."""

TYPES = {"normal": "Normal", "warning": "Warning"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    group = parser.add_argument_group("which events")
    group.add_argument(
        "--since", type=duration, metavar="DURATION", help="last seen within: 10m, 2h, ..."
    )
    group.add_argument(
        "--for", dest="subject", type=some, metavar="KIND/NAME", help="about it: pod/web-0, ..."
    )
    group.add_argument(
        "--types", type=some, metavar="TYPES", help="Normal, Warning, or both with a comma"
    )
    group = parser.add_argument_group("how")
    group.add_argument("-w", "--watch", action="store_true", help="go on with those that come")
    group.add_argument(
        "--json", action="store_true", help="one JSON document; with --watch, one for each event"
    )
    add_cluster_arguments(parser, every=True)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, log: Log) -> int:
    """Run the command."""
    view = _View(arguments, log)
    if not arguments.watch:
        return view.show()
    from .interruptions import watching

    with watching(log, view.query) as interruptions:
        return view.watch(interruptions)


def _types(text: str | None) -> set[str]:
    """Return the types that are wanted; none for all of them."""
    if text is None:
        return set()
    names = [one.strip().lower() for one in text.split(",")]
    if unknown := [one for one in names if one not in TYPES]:
        raise UsageError(f"--types {unknown[0]!r}: there are Normal and Warning")
    return {TYPES[one] for one in names}


class _View:
    """What is shown of events.

    Args:
        arguments: the command's.
        log: for its records.
    """

    def __init__(self, arguments: argparse.Namespace, log: Log) -> None:
        from k8s_toolbox.happenings import subject_of
        from k8s_toolbox.lists import Lists
        from k8s_toolbox.models import Event
        from k8s_toolbox.queries import Query

        self._arguments = arguments
        self._types = _types(arguments.types)
        self._subject = subject_of(arguments.subject) if arguments.subject else None
        self._cluster: Cluster = cluster_of(arguments, log)
        self._namespace = namespace_of(arguments, self._cluster)
        self._lists = Lists(self._cluster, Event)
        self.query = Query("list", "events", self._namespace)
        header = ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
        self._table = Table(header if self._namespace else ["NAMESPACE", *header])

    def _parameters(self) -> dict[str, object]:
        from k8s_toolbox.happenings import field_value

        fields = [f"type={one}" for one in self._types] if len(self._types) == 1 else []
        if self._subject:
            fields.append(f"involvedObject.name={field_value(self._subject.name)}")
        return {"fieldSelector": ",".join(fields) or None}

    def _rows(self, events: list[Event], now: datetime) -> Iterator[EventRow]:
        """Yield the rows of those that are wanted."""
        from k8s_toolbox.happenings import row_of

        for event in events:
            if self._subject and not self._subject.fits(event):
                continue
            row = row_of(event)
            if self._types and row.type not in self._types:
                continue
            if self._arguments.since is not None and not self._is_recent(row, now):
                continue
            yield row

    def _is_recent(self, row: EventRow, now: datetime) -> bool:
        if row.last_seen is None:
            return False
        return (now - row.last_seen).total_seconds() <= float(self._arguments.since)

    def _cells(self, row: EventRow, now: datetime) -> list[str]:
        cells = [row.age(now), row.type, row.reason, row.about, oneline(row.message)]
        return cells if self._namespace else [row.namespace, *cells]

    def show(self) -> int:
        """Show the events that there are, and return the exit code."""
        from k8s_toolbox.background import alone
        from k8s_toolbox.happenings import order
        from k8s_toolbox.names import check_namespace

        events, _ = alone(lambda: self._lists.all(self.query, self._parameters()))
        now = datetime.now(UTC)
        rows = sorted(self._rows(events, now), key=order)
        if not events:
            alone(lambda: check_namespace(self._cluster, self._namespace))
        if not rows:
            say(self._none("no such events"))
        if self._arguments.json:
            write(json_document([row.document() for row in rows]))
        else:
            self._table.write(self._cells(row, now) for row in rows)
        return Exit.OK

    def _none(self, what: str) -> str:
        """Return the message for nothing, with a hint where that is to be expected."""
        text = f"{what} in {self._namespace or 'any namespace'}"
        if self._subject and self._subject.is_clusterwide and self._namespace not in {None, HOME}:
            text += f"; those about what is in no namespace are in {HOME}: -n {HOME}, or -A"
        return text

    def watch(self, interruptions: Interruptions) -> int:
        """Show the events and then those that come, until a signal ends it."""
        from k8s_toolbox.background import alone, heard
        from k8s_toolbox.lists import Changed, Lost
        from k8s_toolbox.names import check_namespace

        shown: dict[str, EventRow] = {}
        begun = False
        for item in heard(self._lists.watched(self.query, self._parameters())):
            now = datetime.now(UTC)
            if isinstance(item, Lost):
                interruptions.tell(item)
                continue
            interruptions.over()
            if isinstance(item, Changed):
                self._change(item, shown, now)
                continue
            rows = {row.uid: row for row in self._rows(item.objects, now)}
            self._report([row for uid, row in rows.items() if shown.get(uid) != row], now)
            shown = rows
            if not begun and not item.objects:
                alone(lambda: check_namespace(self._cluster, self._namespace))
            if not begun and not rows:
                say(self._none("no such events yet"))
            begun = True
        return Exit.OK

    def _change(self, item: Changed[Event], shown: dict[str, EventRow], now: datetime) -> None:
        """Show an event that has changed, and remember it; clusters forget events by age."""
        if item.kind == "DELETED":
            shown.pop(item.object.metadata.uid, None)
            return
        for row in self._rows([item.object], now):
            if shown.get(row.uid) != row:
                self._report([row], now)
            shown[row.uid] = row

    def _report(self, rows: list[EventRow], now: datetime) -> None:
        from k8s_toolbox.happenings import order

        rows = sorted(rows, key=order)
        if self._arguments.json:
            for row in rows:
                write(json.dumps(row.document()) + "\n", flush=True)
        else:
            self._table.write((self._cells(row, now) for row in rows), flush=True)
