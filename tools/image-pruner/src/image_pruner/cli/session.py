"""One run: plan, print, and delete if told to."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING

from image_pruner.deleting import carry_out
from image_pruner.planning import make_plan
from image_pruner.plans import Planned, write_plan
from image_pruner.reports import (
    already_gone,
    cautions,
    document,
    plan_table,
    prospect,
    summary,
    surprises,
)
from toolroll_shared.errors import Exit, ToolError, UsageError
from toolroll_shared.output import (
    is_terminal,
    json_document,
    note,
    oneline,
    printable,
    write_result,
    writing,
)

from .arguments import TOOL

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from image_pruner.daemon import Daemon
    from image_pruner.deleting import Outcome
    from image_pruner.models import Image, Plan, Stock
    from image_pruner.planning import Selection
    from toolroll_shared.logs import Log

_CLEAR_LINE = "\r\x1b[K"


class Session:
    """One run: the plan, and what is done with it."""

    def __init__(
        self, arguments: argparse.Namespace, selection: Selection, daemon: Daemon, log: Log
    ) -> None:
        self._arguments = arguments
        self._selection = selection
        self._daemon = daemon
        self._log = log
        self._now = time.time()

    def run(self) -> int:
        """Plan, print, and delete if told to; return the exit code."""
        plan, stock = self._plan()
        if not self._arguments.yes:
            return self._show(plan, stock)
        return self._delete(plan, stock)

    def _plan(self) -> tuple[Plan, Stock]:
        with self._log.action("plan", self._daemon.host) as fields:
            stock = self._daemon.stock()
            self._check_daemon(stock)
            plan = make_plan(stock, self._selection, self._daemon, now=self._now)
            fields |= {"images": len(plan.images), "delete": len(plan.order)}
            fields |= {"predicted_freed_bytes": plan.freed}
        return plan, stock

    def _check_daemon(self, stock: Stock) -> None:
        if isinstance(self._selection, Planned) and self._selection.daemon != stock.daemon:
            raise UsageError(
                f"--plan {self._arguments.plan}: was made for another daemon than that at "
                f"{self._daemon.host}"
            )

    def _show(self, plan: Plan, stock: Stock) -> int:
        if self._arguments.plan:
            write_plan(Path(self._arguments.plan), plan, stock.daemon, now=self._now)
        self._print(plan, None)
        for option in self._selection.idle(stock):
            _say(oneline(f"{option}: names no image here"))
        for caution in cautions(plan, stock):
            _say(caution)
        how = f"--yes --plan {self._arguments.plan}" if self._arguments.plan else "--yes"
        _say(prospect(plan) + (f" ({oneline(how)} does it)" if plan.order else ""))
        return Exit.OK

    def _print(self, plan: Plan, outcome: Outcome | None) -> None:
        """Print the plan; who reads it may leave, and what is to be done is done all the same."""
        if self._arguments.json:
            write_result(json_document(document(plan, outcome, now=self._now)))
        elif outcome is None:
            width = get_terminal_size().columns if is_terminal(sys.stdout) else None
            write_result(plan_table(plan, now=self._now, width=width))

    def _delete(self, plan: Plan, stock: Stock) -> int:
        if not self._arguments.json:
            self._print(plan, None)
        if isinstance(self._selection, Planned) and (gone := self._selection.missing(stock)):
            _say(already_gone(gone))
        for caution in cautions(plan, stock):
            _say(caution)
        outcome = carry_out(plan, self._daemon, log=self._log, progress=_progress(plan))
        self._measure(outcome, stock)
        try:
            self._print(plan, outcome)
        finally:
            for surprise in surprises(plan, outcome):
                _say(surprise)
            _say(summary(plan, outcome))
        if outcome.stopped:
            raise outcome.stopped
        return Exit.FAILED if outcome.failed else Exit.OK

    def _measure(self, outcome: Outcome, stock: Stock) -> None:
        """Ask the daemon what became free, unless it is gone."""
        if not outcome.deleted:
            outcome.freed = 0
        elif not isinstance(outcome.stopped, ToolError):
            try:
                with self._log.action("measure", self._daemon.host) as fields:
                    space = self._daemon.space()
                    outcome.freed, outcome.cached = space.freed_since(stock.space)
                    if outcome.freed is not None:
                        fields["bytes"] = max(outcome.freed, 0)
                made = (one for one in self._daemon.containers() if one.image in outcome.deleted)
                outcome.bereft = [container.name for container in made]
            except (ToolError, KeyboardInterrupt) as error:
                outcome.stopped = outcome.stopped or error


def _progress(plan: Plan) -> Callable[[Image | None], None]:
    """Return what shows on a terminal which image is being deleted."""
    if not is_terminal(sys.stderr):
        return lambda _image: None
    number = 0

    def show(image: Image | None) -> None:
        nonlocal number
        number += 1
        text = f"deleting {number} of {len(plan.order)}: {printable(image.title)}" if image else ""
        text = text[: get_terminal_size().columns - 1]  # only one line can be cleared again
        with writing.to(sys.stderr), suppress(OSError, ValueError):
            sys.stderr.write(_CLEAR_LINE + text)
            sys.stderr.flush()

    return show


def _say(message: str) -> None:
    note(TOOL, message)
