"""`k8s-toolbox pods`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import is_terminal, oneline

from .cluster import add_cluster_arguments, cluster_of, namespace_of, say, some

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from k8s_toolbox.rows import PodRow
    from toolroll_shared.logs import Log

    from .podview import View

USAGE = "[NAME...] [-n NS | -A] [-l SELECTOR] [--problems] [--watch] [--json]"
DESCRIPTION = """\
Show pods as kubectl does, with its words for their status.

With --problems, show only those that are not well, each with one line why; the exit code is 1
if there are any. Pods that have yet to start are not well; those that are done are, and those
that are being stopped, for as long as they may take.
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
        help=f"{', '.join(SORTS)}; the other way round: --sort-by=-KEY",
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
    from .podview import View

    cluster = cluster_of(arguments, log)
    view = View(arguments, cluster, namespace_of(arguments, cluster), order)
    return _watch(view, log) if arguments.watch else _show(view)


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


def _watch(view: View, log: Log) -> int:
    from .interruptions import watching
    from .podwatch import watch

    with watching(log, view.query) as interruptions:
        return watch(view, interruptions)


def _show(view: View) -> int:
    """Show the pods that there are, and return the exit code."""
    from k8s_toolbox.background import alone

    names = view.names
    missing: list[str] = []
    rows = alone(lambda: _named(view, names, missing) if names else _listed(view))
    only_ill = view.arguments.problems
    ill = [row for row in rows if row.problem]
    if only_ill and rows and not ill and is_terminal(sys.stderr):
        say(f"no problems: {len(rows)} pod{'s are' if len(rows) > 1 else ' is'} well")
    view.write(ill if only_ill else rows)
    return Exit.FAILED if missing or (only_ill and ill) else Exit.OK


def _named(view: View, names: list[str], missing: list[str]) -> list[PodRow]:
    """Return pods by their names; what is missing is said, and added to a list."""
    from k8s_toolbox.names import find_pod
    from k8s_toolbox.rows import row_of
    from k8s_toolbox.troubles import Gone

    assert view.namespace is not None  # noqa: S101 - with names there is no -A
    rows = []
    for name in dict.fromkeys(names):
        try:
            pod = find_pod(view.cluster, view.namespace, name)
            rows.append(row_of(pod, now=datetime.now(UTC)))
        except Gone as error:
            if len(names) == 1:
                raise
            say(oneline(str(error)))
            missing.append(name)
    return rows


def _listed(view: View) -> list[PodRow]:
    """Return the pods of a list; pages become rows at once, which are a tenth of their size."""
    from k8s_toolbox.background import heard
    from k8s_toolbox.names import check_namespace
    from k8s_toolbox.rows import row_of

    rows: list[PodRow] = []
    pages = view.lists.pages(view.query, view.parameters)
    for page in heard(pages, ahead=1):  # the server makes the next one meanwhile
        if page is None:
            rows.clear()
        else:
            now = datetime.now(UTC)
            rows += [row_of(pod, now=now) for pod in page.objects]
    if not rows:
        check_namespace(view.cluster, view.namespace)
        say(f"no pods{view.such}")
    return rows
