"""What a command has recorded so far, and what is recorded of it from the outside."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from observe.metrics import RUN, Metrics
from observe.records import record_of
from toolroll_shared.loglines import line_of
from toolroll_shared.secrets import secrets_of

if TYPE_CHECKING:
    from observe.commands import Ending
    from toolroll_shared.logs import Journal


class Observed:
    """What a command has recorded so far.

    Args:
        name: of the command.
        journal: its log gets all records.

    Attributes:
        metrics: what they come to.
        outcome: how the command ended, in its own word if it has told one; before, it is none.
    """

    def __init__(self, name: str, journal: Journal) -> None:
        self.metrics = Metrics(name)
        self._name = name
        self._journal = journal
        self._turn = threading.Lock()
        self.outcome: str | None = None

    def take(self, line: bytes) -> None:
        """Take a line of the command's log."""
        if not line:
            return
        record = record_of(line)
        with self._turn:
            self.metrics.take(record)
        if record is not None:
            if (record.tool, record.action) == (self._name, RUN):
                self.outcome = record.result
            self._journal.pass_on(line + b"\n")

    def text(self) -> str:
        """Return the metrics so far."""
        from observe.samples import exposition

        with self._turn:
            samples = self.metrics.samples()
        return exposition(samples)

    def ended(self, ending: Ending) -> None:
        """Record the command's end from the outside, unless it has done so itself."""
        if self.outcome is not None:
            return
        fields: dict[str, Any] = {"user_s": ending.user_s, "system_s": ending.system_s}
        fields |= {"max_rss_bytes": ending.max_rss_bytes} if ending.max_rss_bytes else {}
        fields |= {"signal": ending.signal} if ending.signal is not None else {}
        fields |= {"error": ending.error} if ending.error is not None else {}
        record = {
            "ts": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "level": "error" if ending.exit_code else "info",
            "tool": self._name,
            "action": RUN,
            "target": self._name,
            "duration_ms": round(ending.duration_s * 1000, 3),
            "ok": not ending.exit_code,
            "request_id": self._journal.log.request_id,
            "outcome": ending.outcome,
            "exit_code": ending.exit_code,
        }
        self.take(line_of({**record, **fields}, secrets_of(os.environ)).rstrip())
