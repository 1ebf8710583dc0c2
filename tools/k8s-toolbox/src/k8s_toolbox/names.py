"""Pods by name: found, or told which names are like it."""

from __future__ import annotations

from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING

from toolroll_shared.errors import ToolError, UsageError

from .lists import Lists
from .models import Metadata, Object, Pod
from .queries import Query
from .troubles import Gone

if TYPE_CHECKING:
    from .cluster import Cluster

SHOWN = 3


class Named(Object, frozen=True):
    """Any object, of which only the name matters."""

    metadata: Metadata


def find_pod(cluster: Cluster, namespace: str, name: str) -> Pod:
    """Return a pod.

    Args:
        cluster: where it is.
        namespace: its own.
        name: perhaps with `pod/` before it.

    Raises:
        UsageError: it is the name of something else.
        Gone: there is none, and which have similar names.
        ToolError: it cannot be had.
    """
    name = pod_name(name)
    try:
        return Lists(cluster, Pod).get(Query("get", "pods", namespace, name))
    except Gone as error:
        raise Gone(f"no pod {name!r} in {namespace}{_similar(cluster, namespace, name)}") from error


def pod_name(text: str) -> str:
    """Return a pod's name, without the `pod/` that may be before it.

    Raises:
        UsageError: it is the name of something else, such as a deployment.
    """
    kind, _, name = text.rpartition("/")
    if kind.lower() not in {"", "po", "pod", "pods"}:
        raise UsageError(f"{text!r} is no pod: choose its pods with -l SELECTOR")
    return name


def _similar(cluster: Cluster, namespace: str, name: str) -> str:
    """Return a hint at pods that may be meant, as far as we may see them."""
    try:
        pods, _ = Lists(cluster, Pod).all(Query("list", "pods", namespace))
    except ToolError:
        return ""
    names = [pod.metadata.name for pod in pods]
    near = get_close_matches(name, names, n=SHOWN) or [one for one in names if name in one][:SHOWN]
    if near:
        return f"; similar: {', '.join(near)}"
    if not names:
        check_namespace(cluster, namespace)
        return "; it has no pods"
    return ""


def check_namespace(cluster: Cluster, namespace: str | None) -> None:
    """See that a namespace is there, as far as we may know.

    Lists are empty, and no error, for one that is not: a typo would look as if all were well.

    Raises:
        Gone: it is not.
    """
    if namespace is None:
        return
    try:
        cluster.read(Query("get", "namespaces", None, namespace))
    except Gone as error:
        raise Gone(f"there is no namespace {namespace!r}{_like(cluster, namespace)}") from error
    except ToolError:
        return


def _like(cluster: Cluster, namespace: str) -> str:
    names: list[str] = []
    with suppress(ToolError):
        found, _ = Lists(cluster, Named).all(Query("list", "namespaces"))
        names = [one.metadata.name for one in found]
    near = get_close_matches(namespace, names, n=SHOWN)
    return f"; similar: {', '.join(near)}" if near else ""
