"""The options that say which cluster is asked, and in which namespace."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from toolroll_shared.cli import duration
from toolroll_shared.logs import REQUEST_ID_VARIABLE
from toolroll_shared.output import note

if TYPE_CHECKING:
    from k8s_toolbox.cluster import Cluster
    from toolroll_shared.logs import Log

TOOL = "k8s-toolbox"
TIMEOUT_S = 60.0
"""Default of `--timeout`."""
MAX_TIMEOUT_S = 86_400.0
"""A day: sockets know no time beyond some bound of the system's."""


def add_cluster_arguments(parser: argparse.ArgumentParser, *, every: bool) -> None:
    """Add them.

    Args:
        parser: of a command.
        every: whether the command can do without a namespace (`-A`).
    """
    group = parser.add_argument_group("which cluster")
    where = group.add_mutually_exclusive_group()
    where.add_argument(
        "-n", "--namespace", type=some, metavar="NS", help="(default: the context's)"
    )
    if every:
        where.add_argument("-A", "--all-namespaces", action="store_true", help="in all namespaces")
    group.add_argument(
        "--context", type=some, metavar="NAME", help="a context (default: the current one)"
    )
    group.add_argument(
        "--kubeconfig",
        type=some,
        metavar="FILE",
        help="(default: $KUBECONFIG, else ~/.kube/config, else that of the pod we run in)",
    )
    group.add_argument(
        "--timeout",
        type=_timeout,
        default=TIMEOUT_S,
        metavar="DURATION",
        help=f"for each answer of the API server (default: {TIMEOUT_S / 60:g}m)",
    )


def some(text: str) -> str:
    """Refuse an empty text: `-n "$UNSET"` shall not mean another namespace."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty: perhaps a variable is not set")
    return text


def _timeout(text: str) -> float:
    seconds = duration(text)
    if not 0 < seconds <= MAX_TIMEOUT_S:
        raise argparse.ArgumentTypeError(f"{text!r} is not between nothing and a day")
    return seconds


def cluster_of(arguments: argparse.Namespace, log: Log) -> Cluster:
    """Return the cluster that the options mean.

    Raises:
        ToolError: there is none, or it cannot be spoken to like that.
    """
    from k8s_toolbox.background import alone
    from k8s_toolbox.cluster import Cluster
    from k8s_toolbox.kubeconfigs import choose

    environment = {**os.environ, REQUEST_ID_VARIABLE: log.request_id}
    chosen = choose(environment, kubeconfig=arguments.kubeconfig, context=arguments.context)
    # a signal in the middle of a plugin's start would leave it running, were it heard there
    return alone(lambda: Cluster(chosen, timeout=arguments.timeout, log=log))


def namespace_of(arguments: argparse.Namespace, cluster: Cluster) -> str | None:
    """Return the namespace that the options mean; None for all of them."""
    if getattr(arguments, "all_namespaces", False):
        return None
    namespace: str = arguments.namespace or cluster.chosen.namespace
    return namespace


def say(message: str) -> None:
    """Say something on stderr."""
    note(TOOL, message)
