"""Action records: one JSON object per line for each thing that a command does.

The records are an interface: `ts, level, tool, action, target, duration_ms, ok, request_id`
and the action's own fields; the last one is about the run as a whole. Without a log nothing is
written and structlog is not even imported. A log that cannot be written is said once, and stops
no work.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import RLock
from contextlib import contextmanager

from .errors import Exit
from .output import note, oneline
from .signals import takes_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from .loglines import LineFile
    from .structured import Logger

REQUEST_ID_VARIABLE = "TOOLROLL_REQUEST_ID"
"""One id for everything that one run does; a parent tool sets it for its children."""

LOG_VARIABLE = "TOOLROLL_LOG"
"""Where to write action records when `--log-json` does not say."""

ID_LENGTH = 128
"""Characters of a request id; what is longer, or has others than those of a word, is none."""

_ID = rf"(?a:[\w.:/@+-]{{1,{ID_LENGTH}}})"
_TRACEPARENT = r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"


class Log:
    """Where actions are recorded; without a `logger`, the log that is off.

    Attributes:
        request_id: the run's, to be passed on to children.
        actions: how many were recorded.
        failed: how many of them failed.
        bytes: what they came to, where they have bytes.
    """

    def __init__(self, logger: Logger | None = None, *, request_id: str = "") -> None:
        self._logger = logger
        self.request_id = request_id
        self._counting = RLock()  # a signal may come while we count
        self.actions = self.failed = self.bytes = 0

    @property
    def is_on(self) -> bool:
        """Whether anything is recorded."""
        return self._logger is not None

    @contextmanager
    def action(self, action: str, target: str) -> Iterator[dict[str, Any]]:
        """Record the `with` block: how long it took, and ok unless it raises.

        The block gets a dict for fields of its own (`bytes`, `status`, `attempts`); it may
        set `ok` itself. An exception is recorded by its type and passes on; that who read our
        output left is no failure.

        Args:
            action: what is done, in the field's words: `page`, `asset`, `run`.
            target: what it is done to; never a secret, so no signed URL.
        """
        fields: dict[str, Any] = {}
        started = time.monotonic()
        try:
            yield fields
        except BrokenPipeError as error:
            fields |= {"error": type(error).__name__}
            raise
        except BaseException as error:
            fields |= {"ok": False, "error": type(error).__name__}
            raise
        finally:
            self.record(action, target, duration_s=time.monotonic() - started, **fields)

    def record(
        self, action: str, target: str, *, duration_s: float, ok: bool = True, **fields: Any
    ) -> None:
        """Record an action that is over; the arguments are those of `action`."""
        if self._logger is None:
            return
        with self._counting:
            self.actions += 1
            self.failed += not ok
            self.bytes += fields.get("bytes") or 0
        self.write(action, target, duration_s=duration_s, ok=ok, **fields)

    def write(
        self, action: str, target: str, *, duration_s: float, ok: bool, **fields: Any
    ) -> None:
        """Write a record that does not count as an action."""
        if self._logger is not None:
            milliseconds = round(duration_s * 1000, 3)
            named = {"target": target, "duration_ms": milliseconds, "ok": ok, **fields}
            self._logger.write("info" if ok else "error", action, named)


NO_LOG = Log()


class Journal:
    """What is recorded of one run: its log, if one is opened, and its end.

    Args:
        tool: the command's name, in every record.

    Attributes:
        tool: the command's name.
        command: what the run is called in its last record: with its subcommand.
        log: the log, off until it is opened.
        outcome: of the run in a word, for a command whose exit code is another's.
    """

    def __init__(self, tool: str) -> None:
        self.tool = tool
        self.command = tool
        self.outcome: str | None = None
        self.log = Log(request_id=request_id_of(os.environ))
        self._writer: _Writer | None = None
        self._started = time.monotonic()
        self._is_tried = False
        self._ended = False

    def open(self, path: str | None) -> Log:
        """Return the log that `--log-json` asked for.

        Args:
            path: a file to append to, `-` for stderr, or None for the log that is off.
        """
        self._is_tried = True
        if path:
            writer = _Writer(self.tool)
            if writer.open(path):
                from .structured import logger

                self._writer = writer
                identity = self.log.request_id
                self.log = Log(logger(self.tool, writer, identity), request_id=identity)
        return self.log

    def pass_on(self, line: bytes) -> None:
        """Write a line that somebody else has made, with its end, as it is."""
        if self._writer is not None:
            self._writer.write(line)

    def end(self, code: int, *, error: str | None = None) -> None:
        """Record how the run ended, once; where no log was opened, a failure is recorded still.

        Args:
            code: its exit code.
            error: what was said on stderr.
        """
        if self._ended:
            return
        self._ended = True
        if code and not self._is_tried:
            self.open(os.environ.get(LOG_VARIABLE))
        log = self.log
        outcome = self.outcome or outcome_of(code, failed=log.failed > 0 or error is not None)
        fields: dict[str, Any] = {"error": error} if error else {}
        log.write(
            "run",
            self.command,
            duration_s=time.monotonic() - self._started,
            ok=outcome in {"ok", "no"},
            outcome=outcome,
            exit_code=code,
            actions=log.actions,
            failed=log.failed,
            bytes=log.bytes,
            **fields,
        )

    def hurry(self, patience_s: float) -> None:
        """Wait no longer than that for whoever reads the log: the process is about to end."""
        if self._writer is not None:
            self._writer.hurry(patience_s)

    def close(self) -> None:
        """Close the log; what is recorded from now on is lost."""
        if self._writer is not None:
            self._writer.close()


def outcome_of(code: int, *, failed: bool) -> str:
    """Return in a word what an exit code of ours means, as the last record has it."""
    if code == Exit.FAILED and not failed:
        return "no"  # the answer, and all went well
    try:
        return Exit(code).name.lower()
    except ValueError:
        return "failed"


def request_id_of(environment: Mapping[str, str]) -> str:
    """Return the id that our parent gave this run, or its trace's, or else a new one.

    An id is shown wherever we show something: one that tells a secret is none.
    """
    import re

    given = environment.get(REQUEST_ID_VARIABLE)
    if given and re.fullmatch(_ID, given):
        from .secrets import secrets_of

        if secrets_of(environment).hidden(given) == given:
            return given
    trace = re.fullmatch(_TRACEPARENT, environment.get("TRACEPARENT", ""))
    return trace[1] if trace else os.urandom(16).hex()


class _Writer:
    """The bottom of the log: it fails once, which is said, and then it is silent."""

    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._file: LineFile | None = None
        self.info = self.error = self.write

    def open(self, path: str) -> bool:
        """Open the log, or say why that cannot be."""
        from .loglines import LineFile

        try:
            self._file = LineFile(path)
        except (OSError, ValueError) as error:
            self._give_up(error, f"the log {path}")
        return self._file is not None

    def write(self, line: bytes) -> None:
        file = self._file
        if file is None:
            return
        try:
            file.write(line)
        except OSError as error:
            if self._file is not None:
                self._give_up(error, "the log")

    def _give_up(self, error: Exception, what: str) -> None:
        """Write no more; it stays open, for another thread may be about to write."""
        self._file = None
        reason = getattr(error, "strerror", None) or str(error)
        if takes_text(sys.stderr):
            text = f"{what} cannot be written: {reason}; going on without"
            note(self._tool, oneline(text))

    def hurry(self, patience_s: float) -> None:
        if self._file is not None:
            self._file.patience = min(patience_s, self._file.patience)

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
