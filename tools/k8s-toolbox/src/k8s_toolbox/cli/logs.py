"""`k8s-toolbox logs`."""

from __future__ import annotations

import argparse
import math
import re
from typing import TYPE_CHECKING

from toolroll_shared.cli import duration, instant, positive_int, whole_number
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import oneline

from .cluster import add_cluster_arguments, cluster_of, namespace_of, say, some
from .lines import Output

if TYPE_CHECKING:
    from k8s_toolbox.cluster import Cluster
    from k8s_toolbox.containers import Target
    from k8s_toolbox.models import Pod
    from k8s_toolbox.wanted import Wanted
    from toolroll_shared.logs import Log

USAGE = "(POD... | -l SELECTOR) [-n NS] [-c CONTAINER | --all-containers] [--follow] ..."
DESCRIPTION = """\
Show what containers write; of several, in the order of time.

With --follow, go on until they end, over lost connections, rotated logs and restarts of the API
server: no line is lost, none comes twice, and what could not be had is said.
"""
SELECTED_TAIL = 10
"""Lines of each container that a selector selects, if --tail does not say: as kubectl has it."""
ALL = -1
"""For --tail, as kubectl has it."""
MAX_REQUESTS = 50
"""Default of --max-log-requests."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("pods", nargs="*", type=some, metavar="POD", help="names of pods")
    _add_choice(parser.add_argument_group("which containers"))
    _add_part(parser.add_argument_group("which lines"))
    _add_form(parser.add_argument_group("how"))
    add_cluster_arguments(parser, every=False)
    parser.set_defaults(run=run)


def _add_choice(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-l",
        "--selector",
        type=some,
        metavar="SELECTOR",
        help="of pods with labels: app=web,tier!=test; with --follow, new ones join",
    )
    which = group.add_mutually_exclusive_group()
    which.add_argument("-c", "--container", type=some, metavar="NAME", help="this one")
    which.add_argument(
        "--all-containers", action="store_true", help="all, init and ephemeral ones too"
    )
    group.add_argument(
        "-p", "--previous", action="store_true", help="as it was before its last restart"
    )
    group.add_argument(
        "--max-log-requests",
        type=positive_int,
        default=MAX_REQUESTS,
        metavar="N",
        help=f"no more than N containers at the same time (default: {MAX_REQUESTS})",
    )


def _add_part(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--tail",
        type=_tail,
        metavar="N",
        help=f"the last N of each (default: all; {SELECTED_TAIL} with -l; -1 for all)",
    )
    since = group.add_mutually_exclusive_group()
    since.add_argument("--since", type=_since, metavar="DURATION", help="of the last 10m, 2h, ...")
    since.add_argument(
        "--since-time", type=instant, metavar="INSTANT", help="since 2026-05-01T12:00:00Z"
    )
    group.add_argument(
        "--grep",
        action="append",
        default=[],
        type=_pattern,
        metavar="REGEX",
        help="in which this is found; may be repeated: any of them",
    )
    group.add_argument("-f", "--follow", action="store_true", help="go on with what comes")


def _add_form(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--timestamps", action="store_true", help="with the time of each line")
    group.add_argument(
        "--no-prefix", action="store_true", help="without [pod/container], where there are several"
    )
    group.add_argument(
        "--json", action="store_true", help="one JSON object per line: ts, pod, container, line"
    )


def _tail(text: str) -> int:
    return ALL if text == str(ALL) else whole_number(text)


def _since(text: str) -> int:
    seconds = math.ceil(duration(text))
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no time at all")
    return seconds


def _pattern(text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode(errors="surrogateescape"))
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from error


def run(arguments: argparse.Namespace, log: Log) -> int:
    """Run the command."""
    if bool(arguments.pods) == bool(arguments.selector):
        raise UsageError(
            "which pods? names of some, or -l SELECTOR (see 'k8s-toolbox logs --help')"
        )
    if arguments.previous and arguments.follow:
        raise UsageError("--previous: what has ended cannot be followed")
    return _View(arguments, cluster_of(arguments, log), log).show()


class _View:
    """What is shown of logs.

    Args:
        arguments: the command's.
        cluster: to ask.
        log: for its records.
    """

    def __init__(self, arguments: argparse.Namespace, cluster: Cluster, log: Log) -> None:
        self._arguments = arguments
        self._cluster = cluster
        self._log = log
        namespace = namespace_of(arguments, cluster)
        assert namespace is not None  # noqa: S101 - there is no -A
        self._namespace = namespace

    def show(self) -> int:
        """Show them, and return the exit code."""
        if self._arguments.selector and self._arguments.follow:
            return self._follow_selection()
        from k8s_toolbox.background import alone, heard
        from k8s_toolbox.following import awaited, gathered, merged, told_of

        chosen = alone(self._chosen)
        if not chosen:
            return Exit.OK
        self._check_number(len(chosen))
        wanted = self._wanted()
        streams = [
            told_of(target, awaited(self._cluster, target, wanted, pod)) for target, pod in chosen
        ]
        output = self._output(len(chosen))
        if not self._arguments.follow:
            one = heard(streams[0]) if len(streams) == 1 else merged(streams)
            return output.write(one)
        gathering = gathered(streams)
        return output.write(gathering, more=gathering.ready)

    def _follow_selection(self) -> int:
        from k8s_toolbox.queries import Query
        from k8s_toolbox.selecting import Selection

        selection = Selection(
            self._cluster,
            Query("list", "pods", self._namespace),
            {"labelSelector": self._arguments.selector},
            self._pick,
            self._wanted(),
            limit=self._arguments.max_log_requests,
        )
        return self._output(0).write(selection, more=selection.ready)

    def _output(self, number: int) -> Output:
        several = self._arguments.selector or self._arguments.all_containers
        prefix = bool(several or len(self._arguments.pods) > 1) and not self._arguments.no_prefix
        return Output(self._arguments, number=number, prefix=prefix, log=self._log)

    def _wanted(self) -> Wanted:
        from k8s_toolbox.wanted import Wanted

        tail, since = self._arguments.tail, self._arguments.since_time
        if tail is None and self._arguments.selector:
            tail = SELECTED_TAIL
        return Wanted(
            tail=None if tail == ALL else tail,
            since_seconds=self._arguments.since,
            since_time=since and since.replace(tzinfo=None).isoformat(timespec="seconds") + "Z",
            previous=self._arguments.previous,
            follow=self._arguments.follow,
        )

    def _pick(self, pod: Pod) -> list[str]:
        from k8s_toolbox.containers import containers_of

        return containers_of(
            pod, container=self._arguments.container, every=self._arguments.all_containers
        )

    def _chosen(self) -> list[tuple[Target, Pod]]:
        """Return the containers that are meant, with their pods."""
        from k8s_toolbox.containers import Target

        return [
            (Target(self._namespace, pod.metadata.name, name), pod)
            for pod in self._pods()
            for name in self._pick(pod)
            if not self._is_passed_over(pod, name)
        ]

    def _is_passed_over(self, pod: Pod, name: str) -> bool:
        """Tell whether a container is one of many, and has no log, nor will we wait for one."""
        from k8s_toolbox.containers import has_log
        from k8s_toolbox.statuses import TERMINAL

        if not (self._arguments.selector or self._arguments.all_containers) or has_log(pod, name):
            return False
        return not self._arguments.follow or pod.status.phase in TERMINAL

    def _pods(self) -> list[Pod]:
        from k8s_toolbox.lists import Lists
        from k8s_toolbox.models import Pod
        from k8s_toolbox.names import check_namespace, find_pod
        from k8s_toolbox.queries import Query

        names = dict.fromkeys(self._arguments.pods)
        if names:
            return [find_pod(self._cluster, self._namespace, name) for name in names]
        pods, _ = Lists(self._cluster, Pod).all(
            Query("list", "pods", self._namespace), {"labelSelector": self._arguments.selector}
        )
        if not pods:
            check_namespace(self._cluster, self._namespace)
            say(oneline(f"no pods with {self._arguments.selector} in {self._namespace}"))
        return pods

    def _check_number(self, number: int) -> None:
        if number > self._arguments.max_log_requests:
            raise UsageError(
                f"{number} containers are more than {self._arguments.max_log_requests} "
                "at the same time: choose fewer, or see --max-log-requests"
            )
