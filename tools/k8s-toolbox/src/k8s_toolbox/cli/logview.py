"""What is shown of logs: which containers are meant, and how their lines are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k8s_toolbox.background import alone, heard
from k8s_toolbox.containers import Target, containers_of, has_log
from k8s_toolbox.following import awaited, gathered, merged, told_of
from k8s_toolbox.lists import Lists
from k8s_toolbox.models import Pod
from k8s_toolbox.names import check_namespace, find_pod
from k8s_toolbox.queries import Query
from k8s_toolbox.selecting import Selection
from k8s_toolbox.statuses import TERMINAL
from k8s_toolbox.troubles import Gone
from k8s_toolbox.wanted import Wanted
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.output import oneline

from .cluster import namespace_of, say
from .lines import Output
from .logs import ALL, SELECTED_TAIL

if TYPE_CHECKING:
    import argparse

    from k8s_toolbox.cluster import Cluster
    from toolroll_shared.logs import Log


class View:
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
        self._is_missing_some = False

    def show(self) -> int:
        """Show them, and return the exit code."""
        code = self._show()
        return Exit.FAILED if self._is_missing_some else code

    def _show(self) -> int:
        if self._arguments.selector and self._arguments.follow:
            return self._follow_selection()
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
        return containers_of(
            pod, container=self._arguments.container, every=self._arguments.all_containers
        )

    def _chosen(self) -> list[tuple[Target, Pod]]:
        """Return the containers that are meant, with their pods."""
        return [
            (Target(self._namespace, pod.metadata.name, name), pod)
            for pod in self._pods()
            for name in self._pick(pod)
            if not self._is_passed_over(pod, name)
        ]

    def _is_passed_over(self, pod: Pod, name: str) -> bool:
        """Tell whether a container is one of many, and has no log, nor will we wait for one."""
        if not (self._arguments.selector or self._arguments.all_containers) or has_log(pod, name):
            return False
        return not self._arguments.follow or pod.status.phase in TERMINAL

    def _pods(self) -> list[Pod]:
        names = dict.fromkeys(self._arguments.pods)
        if names:
            return [pod for name in names if (pod := self._named(name, only=len(names) == 1))]
        pods, _ = Lists(self._cluster, Pod).all(
            Query("list", "pods", self._namespace), {"labelSelector": self._arguments.selector}
        )
        if not pods:
            check_namespace(self._cluster, self._namespace)
            say(oneline(f"no pods with {self._arguments.selector} in {self._namespace}"))
        return pods

    def _named(self, name: str, *, only: bool) -> Pod | None:
        """Return a pod; one of several that is missing is said, and the others are shown."""
        try:
            return find_pod(self._cluster, self._namespace, name)
        except Gone as error:
            if only:
                raise
            say(oneline(str(error)))
            self._is_missing_some = True
            return None

    def _check_number(self, number: int) -> None:
        if number > self._arguments.max_log_requests:
            raise UsageError(
                f"{number} containers are more than {self._arguments.max_log_requests} "
                "at the same time: choose fewer, or see --max-log-requests"
            )
