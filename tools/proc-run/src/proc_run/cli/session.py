"""One run of `proc-run`: what is done before the command, and after it."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import ExitStack, suppress

from proc_run.attempts import Retries, Runner
from proc_run.hearing import Hearing
from proc_run.plumbing import STDERR, STDOUT, Plumbing
from proc_run.results import BY_SIGNAL, OWN_ERROR, Result
from proc_run.starting import Start
from proc_run.tails import valid_text
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.logs import REQUEST_ID_VARIABLE
from toolroll_shared.output import is_terminal, json_document, note, oneline
from toolroll_shared.signals import takes_text

from .arguments import TOOL
from .meanings import is_watched, limits, redaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from proc_run.holding import Held
    from proc_run.sinks import Allowance, Sink
    from toolroll_shared.logs import Log

    from .reports import ReportFile


class Session:
    """A run of the command that the arguments describe.

    Args:
        arguments: the options.
        words: the command and its arguments.
        environment: its environment.
        log: where it is recorded.

    Raises:
        UsageError: the options make no sense together, or name files that cannot be used.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        words: Sequence[str],
        environment: Mapping[str, str],
        log: Log,
    ) -> None:
        self._arguments = arguments
        self._words = words
        self._environment = environment
        self._log = log
        self._redaction = redaction(arguments, environment)
        self._held: Held | None = None
        self._allowance: Allowance | None = None
        self._unsaid: list[str] = []

    def run(self) -> int:
        """Run the command, print what is to be printed, and return the exit code."""
        with ExitStack() as stack:
            file = self._report_file(stack)
            hearing = Hearing()  # from here on, no signal ends this process
            result = self._locked(stack, hearing) or self._attempts(hearing)
            code = self._let_output_go(result, hearing)
            code = self._write_report(result, file, hearing) or code
            self._say_the_rest()
            return code

    # before

    def _report_file(self, stack: ExitStack) -> ReportFile | None:
        if self._arguments.json_file is None:
            return None
        from .reports import ReportFile

        file = ReportFile(self._arguments.json_file)
        stack.callback(file.close)
        return file

    def _locked(self, stack: ExitStack, hearing: Hearing) -> Result | None:
        """Take the lock, if one is asked for; a result if it cannot be had."""
        arguments = self._arguments
        if arguments.lock is None:
            return None
        from proc_run.locking import Lock

        try:
            lock = Lock(arguments.lock, is_inherited=not arguments.keep_descendants)
            stack.callback(lock.close)
            had = lock.get(hearing, within=arguments.lock_wait)
        except OSError as error:
            raise UsageError(f"--lock {arguments.lock}: {error.strerror}") from error
        if had is True:
            return None
        outcome, why = "locked", f"{arguments.lock}: locked by {lock.holder}: not run"
        code = Exit.TRY_LATER if arguments.lock_code is None else arguments.lock_code
        if had is not False:
            outcome, code = "interrupted", BY_SIGNAL + had.number
        if code:
            self._say(why)
        result = Result(outcome, code, error=why, attempts=0)
        self._record(result)
        return result

    # the command

    def _attempts(self, hearing: Hearing) -> Result:
        arguments = self._arguments
        on_terminal = _has_terminal()
        plan = Start(
            self._words,
            environment=self._environment,
            folder=arguments.cwd,
            niceness=arguments.nice,
            own_group=not (arguments.foreground or on_terminal),
            has_terminal=arguments.pty,
            at_our_death=arguments.signal,
            mask=hearing.mask,
        )
        runner = Runner(
            plan,
            self._plumbing(),
            limits(arguments),
            hearing,
            mirrors_stops=on_terminal and not arguments.pty,
            say=self._say,
            note=self._record,
        )
        return runner.run(Retries(arguments.retries, backoff=arguments.backoff))

    def _plumbing(self) -> Plumbing:
        arguments = self._arguments
        return Plumbing(
            self._sinks(),
            tail_bytes=arguments.tail_bytes,
            redaction=self._redaction,
            is_reported=arguments.json,
            makes_terminal=arguments.pty,
        )

    def _sinks(self) -> Mapping[int, Sink]:
        """Return where the command's streams go; none where it simply has ours."""
        arguments = self._arguments
        if not is_watched(arguments):
            return {}
        from proc_run.outlets import Outlet
        from proc_run.sinks import Allowance, Capped, Nowhere

        messages = Nowhere() if sys.stderr is None else Outlet(STDERR)
        sinks: dict[int, Sink] = {
            STDOUT: messages if arguments.json else Outlet(STDOUT),
            STDERR: messages,
        }
        if arguments.quiet_on_success:
            from proc_run.holding import Held

            self._held = held = Held(sinks, self._say)
            sinks = {number: held.sink(number) for number in sinks}
        if arguments.max_output is not None:
            self._allowance = allowance = Allowance(arguments.max_output)
            sinks = {number: Capped(sink, allowance) for number, sink in sinks.items()}
        return sinks

    def _record(self, result: Result) -> None:
        if self._arguments.log_json == "-" and not takes_text(sys.stderr):
            return  # nobody reads it, and no signal would end the waiting
        ending = result.ending
        self._log.record(
            "command",
            self._redaction.of(valid_text(self._words[0])),
            duration_s=ending.duration_s if ending else 0.0,
            ok=result.returncode == 0,
            returncode=result.returncode,
            outcome=result.outcome,
            attempts=result.attempts,
            pid=ending and ending.pid,
            bytes=sum(stream.tail.seen for stream in result.streams),
            error=None if result.error is None else self._redaction.of(valid_text(result.error)),
        )

    # after

    def _let_output_go(self, result: Result, hearing: Hearing) -> int:
        """Print what was held back, if the command failed; return the exit code."""
        if self._allowance and self._allowance.dropped:
            self._say(f"--max-output: {self._allowance.dropped} bytes of output were dropped")
        held, self._held = self._held, None
        if held is not None:
            try:
                if result.returncode:
                    held.let_go(hearing)
            except OSError as error:
                self._say(f"the command's output could not be printed: {error.strerror}")
            held.forget()
        return result.returncode

    def _write_report(self, result: Result, file: ReportFile | None, hearing: Hearing) -> int:
        """Write the report where it is wanted; return an exit code if it cannot be."""
        if not self._arguments.json and file is None:
            return 0
        identity = self._environment[REQUEST_ID_VARIABLE]
        report = result.report(self._words, self._redaction, request_id=identity)
        document = json_document(report).encode()
        try:
            if file is not None:
                file.write(document, hearing)
            if self._arguments.json:
                _print(document, hearing)
        except OSError as error:
            self._say(f"the report could not be written: {error.strerror}")
            return result.returncode or OWN_ERROR
        return 0

    def _say(self, text: str) -> None:
        """Say something, in its place among the output; a reader who is slow gets it later."""
        text = oneline(self._redaction.of(valid_text(text)))
        line = f"{TOOL}: {text}\n".encode(errors="backslashreplace")
        if self._held is not None and self._held.hold(STDERR, memoryview(line)):
            return
        if self._arguments.pty and is_terminal(sys.stderr):
            text += "\r"  # our terminal is raw
        if takes_text(sys.stderr):
            note(TOOL, text)
        else:
            self._unsaid.append(text)

    def _say_the_rest(self) -> None:
        for text in self._unsaid:
            if takes_text(sys.stderr):
                note(TOOL, text)


def _print(document: bytes, hearing: Hearing) -> None:
    """Write to standard output, unless its reader has gone, or a signal wants an end."""
    if sys.stdout is None:
        raise OSError(errno.EBADF, "stdout is closed")
    from proc_run.outlets import Outlet, pour

    with suppress(BrokenPipeError):
        pour(memoryview(document), Outlet(STDOUT), hearing)


def _has_terminal() -> bool:
    """Tell whether there is a terminal that controls us."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
