"""Watches that are cut off: each reason is said once, however often it is tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolroll_shared.output import oneline

from .cluster import say

if TYPE_CHECKING:
    from k8s_toolbox.lists import Lost


class Interruptions:
    """What was said of them."""

    def __init__(self) -> None:
        self._last = ""

    def tell(self, lost: Lost) -> None:
        """Say that a watch was cut off, if that is news."""
        if lost.why != self._last:
            say(f"{oneline(lost.why)}; going on")
        self._last = lost.why

    def over(self) -> None:
        """Forget it: something came."""
        self._last = ""
