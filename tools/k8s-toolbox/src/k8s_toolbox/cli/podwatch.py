"""Pods as they change: a row for each change that can be seen in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from k8s_toolbox.background import alone, heard
from k8s_toolbox.lists import Changed, Lost
from k8s_toolbox.names import check_namespace
from k8s_toolbox.rows import row_of
from toolroll_shared.errors import Exit

from .cluster import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from k8s_toolbox.models import Pod
    from k8s_toolbox.rows import PodRow

    from .interruptions import Interruptions
    from .podview import View


def watch(view: View, interruptions: Interruptions) -> int:
    """Show the pods and then each change, until a signal ends it."""
    parameters, names = dict(view.parameters), view.names
    if len(names) == 1:
        parameters["fieldSelector"] = f"metadata.name={names[0]}"
    shown, begun = _Shown(view), False
    for item in heard(view.lists.watched(view.query, parameters)):
        if isinstance(item, Lost):
            interruptions.tell(item)
            continue
        interruptions.over()
        if isinstance(item, Changed):
            shown.take([item.object], gone=item.kind == "DELETED")
            continue
        shown.replace(item.objects)
        if not begun and shown.is_empty:
            alone(lambda: check_namespace(view.cluster, view.namespace))
            say(f"no such pods yet{view.such}")
        begun = True
    return Exit.OK


class _Shown:
    """The pods as they were shown last."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._pods: dict[str, Pod] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is none."""
        return not self._pods

    def replace(self, pods: list[Pod]) -> None:
        """Show what has changed in a list: what is not in it is no more."""
        there = {pod.metadata.uid for pod in pods}
        self.take([pod for uid, pod in self._pods.items() if uid not in there], gone=True)
        self.take(pods, gone=False)

    def take(self, pods: Iterable[Pod], *, gone: bool) -> None:
        """Show those that have changed, and remember them."""
        names = self._view.names
        now = datetime.now(UTC)
        rows = [self._changed(pod, now, gone=gone) for pod in pods]
        if changed := [row for row in rows if row and (not names or row.name in names)]:
            self._view.write_more(changed, gone=gone)

    def _changed(self, pod: Pod, now: datetime, *, gone: bool) -> PodRow | None:
        """Return a pod's row if it is to be shown.

        What it was before is told for the same instant: that time goes by is no change.
        """
        old = self._pods.pop(pod.metadata.uid, None)
        before = row_of(old, now=now) if old else None
        row = row_of(pod, now=now)
        if not gone:
            self._pods[pod.metadata.uid] = pod
        if row == before and not gone:
            return None
        ill = row.problem or (before and before.problem)
        return row if ill or not self._view.arguments.problems else None
