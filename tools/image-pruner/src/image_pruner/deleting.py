"""Carrying out a plan: one image after the other, each looked at again first.

Only what the plan says is asked for, by tag and by id, and never by force: what the daemon
refuses because something uses the image by now is kept, with its tags.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolroll_shared.logs import NO_LOG
from toolroll_shared.output import oneline

from .holding import held
from .models import Rule, Verdict
from .names import parse
from .rules import keeping, used_by
from .troubles import Answered, Conflict, Gone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from toolroll_shared.logs import Log

    from .daemon import Daemon
    from .models import Image, Plan


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of a plan.

    `verdicts` are those of the plan, brought up to date. `deleted`, `gone` (by somebody else)
    and `failed` are ids, the last with the reason. `freed` is what the daemon says became free,
    in bytes, and `cached` what of the deleted is in the build cache still; None where it does
    not say. `bereft` are the names of containers whose image went while they were made.
    `stopped` is what ended the work early, if something did.
    """

    verdicts: dict[str, Verdict]
    deleted: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    bereft: list[str] = field(default_factory=list)
    freed: int | None = None
    cached: int = 0
    stopped: BaseException | None = None


def carry_out(
    plan: Plan,
    daemon: Daemon,
    *,
    log: Log = NO_LOG,
    progress: Callable[[Image | None], None] = lambda _image: None,
) -> Outcome:
    """Delete what the plan says.

    Ctrl+C and SIGTERM stop it between two images, as does a daemon that is gone: `stopped` of
    the outcome says so.

    Args:
        plan: what is to be done.
        daemon: where.
        log: gets a record for each image.
        progress: called with each image before it is deleted, and with None after the last.
    """
    outcome = Outcome(verdicts=dict(plan.verdicts))
    try:
        for identity in plan.order:
            progress(plan.images[identity])
            with held():
                _Deletion(plan, plan.images[identity], daemon, log, outcome).run()
            if outcome.stopped:
                break
    except KeyboardInterrupt as stop:
        outcome.stopped = stop
    progress(None)
    done = {*outcome.deleted, *outcome.gone}
    for identity in plan.order:
        if identity not in done and outcome.verdicts[identity].delete:
            outcome.verdicts[identity] = keeping(Rule.STOPPED, "stopped before it")
    return outcome


_ENDINGS = {Rule.GONE: "gone", Rule.FAILED: "failed"}


class _Deletion:
    """The deletion of one image."""

    def __init__(
        self, plan: Plan, image: Image, daemon: Daemon, log: Log, outcome: Outcome
    ) -> None:
        self._upon = plan.upon[image.id]
        self._plan = plan
        self._image = image
        self._daemon = daemon
        self._log = log
        self._outcome = outcome
        self._lost: list[str] = []

    def run(self) -> None:
        """Delete the image, or note why it stays."""
        try:
            with self._log.action("delete", self._image.title) as fields:
                fields.update(id=self._image.id, outcome="failed")
                self._attempt()
                fields.update(self._fields())
        except Exception as error:  # noqa: BLE001 - it is raised when it is told what was done
            self._outcome.stopped = error
            self._fail(oneline(str(error)))

    def _fields(self) -> dict[str, Any]:
        """Return what the record tells of it."""
        verdict, error = self._verdict, self._outcome.failed.get(self._image.id)
        ending = _ENDINGS.get(verdict.rule, "deleted" if verdict.delete else "kept")
        return {
            "outcome": ending,
            "reason": verdict.reason,
            "predicted_freed_bytes": verdict.freed if ending == "deleted" else 0,
            "ok": error is None,
            "error": error,
        }

    @property
    def _verdict(self) -> Verdict:
        return self._outcome.verdicts[self._image.id]

    def _attempt(self) -> None:
        try:
            verdict = self._settle()
        except Gone:
            self._outcome.gone.append(self._image.id)
            verdict = Verdict(delete=True, rule=Rule.GONE, reason="gone meanwhile")
        except Answered as error:
            with suppress(Answered):
                self._give_back()
            self._fail(str(error))
            return
        self._outcome.verdicts[self._image.id] = verdict

    def _settle(self) -> Verdict:
        """Delete the image if it still may go, and return what became of it."""
        try:
            if verdict := self._second_look():
                return verdict
            self._remove()
        except Conflict as conflict:
            verdict = self._refused(conflict)
            self._give_back()
            return keeping(verdict.rule, self._with_losses(verdict.reason))
        except Answered:  # dockerd does not say it otherwise when two delete an image at once
            self._daemon.names(self._image.id)
            raise
        self._outcome.deleted.append(self._image.id)
        return self._plan.verdicts[self._image.id]

    def _fail(self, reason: str) -> None:
        reason = self._with_losses(reason)
        self._outcome.failed[self._image.id] = reason
        self._outcome.verdicts[self._image.id] = keeping(Rule.FAILED, reason)

    def _with_losses(self, reason: str) -> str:
        return f"{reason}; it has lost {', '.join(self._lost)}" if self._lost else reason

    def _second_look(self) -> Verdict | None:
        """Look at the image, its names and containers again; None is to go on."""
        for other in self._upon:
            if other not in self._outcome.deleted and other not in self._outcome.gone:
                return keeping(Rule.BASE, f"base of {self._plan.images[other].title}")
        self._tags, self._digests = self._daemon.names(self._image.id)
        new = {*self._tags, *self._digests} - {*self._image.names}
        if new:
            return keeping(Rule.CHANGED, f"also named {min(new)} by now")
        return self._use()

    def _use(self) -> Verdict | None:
        users = [one for one in self._daemon.containers() if one.image == self._image.id]
        return used_by(users) if users else None

    def _remove(self) -> None:
        """Remove names until one repository's are left, and then the image by its id.

        So it is the daemon that makes sure that this very image goes, whatever becomes of its
        last tag meanwhile. Of a name before that, we make sure ourselves, a moment before.
        """
        self._remove_names(self._tags[:-1])
        last = (self._tags or self._digests or [""])[-1]
        repository = parse(last).repository
        elsewhere = [one for one in self._digests if parse(one).repository != repository]
        try:
            self._daemon.remove(self._image.id)
        except Conflict:  # dockerd wants names by digest gone, too; Podman does not
            if not elsewhere or self._use():
                raise
            self._remove_names(elsewhere)
            self._daemon.remove(self._image.id)

    def _remove_names(self, names: Iterable[str]) -> None:
        for name in names:
            with suppress(Gone):  # a digest's name goes with the last tag in its repository
                if self._daemon.holder(name) == self._image.id:
                    self._daemon.remove(name)
                    self._lost.append(name)

    def _refused(self, conflict: Conflict) -> Verdict:
        """Return why the daemon did not take it: mostly a container that came meanwhile."""
        return self._use() or keeping(Rule.REFUSED, f"the daemon refuses: {conflict}")

    def _give_back(self) -> None:
        """Give an image that stays the tags back that it had, unless another has one by now."""
        for name in [one for one in self._lost if "@" not in one]:
            try:
                self._daemon.holder(name)
            except Gone:
                with suppress(Gone):  # the image itself
                    self._daemon.tag(self._image.id, name)
            self._lost.remove(name)
