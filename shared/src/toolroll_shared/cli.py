"""The edge of every command: parsing arguments, and turning what happens into an exit code.

`run` is the only place that turns exceptions into messages. It decides nothing about the
work itself. Exit codes and errors stand in `toolroll_shared.errors`.
"""

from __future__ import annotations

import argparse
import errno
import io
import os
import re
import sys
from contextlib import suppress

from .errors import Exit, ToolError, UsageError
from .logs import LOG_VARIABLE, Journal
from .output import forget, note, oneline, write
from .signals import Stop, hearing, takes_text

TYPE_CHECKING = False  # every command starts with this module: typing itself is not loaded
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from typing import IO, Any, NoReturn

argparse._ = str  # type: ignore[attr-defined] # English, as all else; looking for more takes 2 ms

TRACEBACK_VARIABLE = "TOOLROLL_TRACEBACK"
"""Set it to anything but the empty string, and a bug shows its traceback."""

LAST_RECORD_S = 1.0
"""How long an interrupted run waits for whoever reads its log."""

MAX_DIGITS = 100
"""Of a number among the arguments: int() itself refuses 5,000, float() 400."""

MAX_PORT = 65535

_DURATION = r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w|)"
_UNIT_SECONDS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZE = r"([0-9]+(?:\.[0-9]+)?)(?: ?([kKMGT])(i?)B?| ?B)?"
_SIZE_PREFIXES = " KMGT"


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, and whose options are never guessed."""

    def __init__(self, prog: str, **settings: Any) -> None:
        settings.setdefault("formatter_class", _HelpFormatter)
        super().__init__(prog=prog, allow_abbrev=False, **settings)

    def print_help(self, file: Any = None) -> None:
        """Print the help; argparse's own would pass over a full disk in silence."""
        del file
        write(self.format_help())

    def parse(self, argv: Sequence[str] | None) -> argparse.Namespace:
        """Parse arguments; options may stand between operands, unless a `--` tells where they end.

        argparse's own way to mix them is slow, loses the `--`, and takes what is behind it for
        options; so it is used only where there is need for it.
        """
        arguments = list(sys.argv[1:] if argv is None else argv)
        if "--" in arguments:
            return self.parse_args(arguments)
        try:
            found, rest = self.parse_known_args(arguments)
        except UsageError:
            with suppress(UsageError):
                return self.parse_intermixed_args(arguments)
            raise
        return self.parse_intermixed_args(arguments) if rest else found

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` with argparse's message and where to find help."""
        raise UsageError(f"{message} (see '{self.prog} --help')")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Finds the width by itself: argparse loads shutil for it, for every single option."""

    def __init__(self, prog: str, **settings: Any) -> None:
        settings["width"] = settings.get("width") or _columns() - 2  # as argparse has it
        super().__init__(prog, **settings)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Show `-n, --lines N`, which argparse does from Python 3.13 on."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


def _columns() -> int:
    """Return the terminal's width as `shutil.get_terminal_size` does."""
    with suppress(ValueError):
        columns = int(os.environ.get("COLUMNS", ""))
        if columns > 0:
            return columns
    with suppress(AttributeError, ValueError, OSError):
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr] # None is suppressed
    return 80


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        command = parser.prog.partition(" ")[0]  # without its subcommand
        write(f"{command} {version(f'toolroll-{self.const}')}\n")
        parser.exit()


def add_common_arguments(parser: argparse.ArgumentParser, *, tool: str) -> None:
    """Add the options that every command has: `--log-json` and `--version`."""
    parser.add_argument(
        "--log-json",
        metavar="FILE",
        default=os.environ.get(LOG_VARIABLE),
        help=f"append one JSON record per action to FILE, - for stderr (or ${LOG_VARIABLE})",
    )
    add_version_argument(parser, tool=tool)


def add_version_argument(parser: argparse.ArgumentParser, *, tool: str) -> None:
    """Add `--version`, for a command whose subcommands have the other common options."""
    parser.add_argument(
        "--version", action=_Version, nargs=0, const=tool, help="show the version and exit"
    )


def run(tool: str, body: Callable[[Journal], int], *, failure: int | None = None) -> int:
    """Run a command's `body` and return its exit code, whatever happens in it.

    - a `ToolError` becomes one line on stderr and its own code;
    - Ctrl+C ends with 130, SIGTERM with 143, after every `finally` has run;
    - a reader of stdout that went away ends the command quietly with 0;
    - a stdout that cannot be written (a full disk) is an error, never silence;
    - anything else is a bug: one line, code 70, the traceback on request;
    - all of them are recorded at the end of the log.

    Args:
        tool: the command's name, the start of every message.
        body: does the work and returns the exit code; it may open the journal's log.
        failure: the code of all errors, for a command whose codes are those of another.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name beyond a locale's letters is no bug
        sys.stdout.reconfigure(errors="backslashreplace", newline="\n")  # the same bytes everywhere
    journal = Journal(tool)
    with hearing(tool) as stop:
        stop.last = lambda code: _end_at_once(journal, code)
        code, said = _carried_out(body, journal, stop)
        if said is not None:
            note(tool, said)
            code = code if failure is None else failure
        _settle(sys.stdout)
        _settle(sys.stderr)
        if failure is not None:
            journal.outcome = "failed" if code else "ok"
        journal.end(code, error=said)
        journal.close()
        return code


def _carried_out(
    body: Callable[[Journal], int], journal: Journal, stop: Stop
) -> tuple[int, str | None]:
    """Return the exit code, and what is to be said of an error."""
    try:
        code = _exit_code_of(lambda: body(journal))
        _flush_stdout()
    except BrokenPipeError:
        forget(sys.stdout)
        return Exit.OK, None
    except KeyboardInterrupt:
        _forget_interrupt()
        journal.hurry(LAST_RECORD_S)
        forget(sys.stdout)
        if not takes_text(sys.stderr):
            forget(sys.stderr)
        return stop.say(), None
    except ToolError as error:
        return error.exit_code, oneline(str(error))
    except OSError as error:
        return Exit.FAILED, _os_error_text(error)
    except Exception as error:  # noqa: BLE001 - the last resort, and the message says so
        return Exit.BUG, _bug_text(error)
    return code, None


def _forget_interrupt() -> None:
    """Have `python -m` end with our exit code, also if the interrupt passed through an exec().

    CPython remembers such a one as unhandled, and dies by SIGINT in the end. The next one that
    it evaluates makes it forget; namedtuple() has one, so imports do.
    """
    eval("0")  # noqa: S307 - a constant


def _end_at_once(journal: Journal, code: int) -> None:
    journal.hurry(0.0)
    journal.end(code)


def need_posix() -> None:
    """Complain where the system is none of those that a command was made for.

    Raises:
        UsageError: this is Windows.
    """
    if sys.platform == "win32":
        raise UsageError("needs Linux or another POSIX system, which Windows is not")


def need_linux(why: str) -> None:
    """Complain where the system is not Linux.

    Raises:
        UsageError: it is another one.
    """
    if not sys.platform.startswith("linux"):
        raise UsageError(f"needs Linux: {why}")


def _exit_code_of(body: Callable[[], int]) -> int:
    try:
        return body()
    except SystemExit as stop:  # argparse, after --help and --version
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or Exit.OK
        raise ToolError(str(stop.code)) from stop


def _flush_stdout() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _settle(stream: IO[str] | None) -> None:
    """Leave nothing in a stream that the interpreter's last flush could complain about."""
    try:
        if stream is not None:
            stream.flush()
    except (OSError, ValueError):
        forget(stream)


def _os_error_text(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    if isinstance(error.filename, str | bytes):
        return oneline(f"{os.fsdecode(error.filename)}: {reason}")
    if error.filename is not None:  # a descriptor
        return f"{error.filename}: {reason}"
    if error.errno in {errno.ENOSPC, errno.EBADF, errno.EIO, errno.EFBIG, errno.EDQUOT}:
        return f"stdout: {reason}"
    return oneline(reason)


def _bug_text(error: Exception) -> str:
    if os.environ.get(TRACEBACK_VARIABLE):
        import traceback

        from .secrets import secrets_of

        text = "".join(traceback.format_exception(error))
        if sys.stderr is not None:
            sys.stderr.write(secrets_of(os.environ).hidden(text))
    return (
        f"internal error: {type(error).__name__}: {oneline(str(error))} "
        f"(a bug; {TRACEBACK_VARIABLE}=1 shows the traceback)"
    )


def positive_int(text: str) -> int:
    """Argument type: a whole number of at least 1."""
    if not _is_number(text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)


def whole_number(text: str) -> int:
    """Argument type: a whole number of at least 0."""
    if not _is_number(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS


def duration(text: str) -> float:
    """Argument type: a duration such as `90`, `1.5s`, `15m`, `7d`; in seconds."""
    match = re.fullmatch(_DURATION, text)
    if match is None or len(match[1]) > MAX_DIGITS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a duration: a number with ms, s, m, h, d or w, such as 90s or 15m"
        )
    return float(match[1]) * _UNIT_SECONDS[match[2]]


def address(text: str) -> tuple[str, int]:
    """Argument type: where to listen, such as `127.0.0.1:8080` or `[::1]:8080`; port 0 is any."""
    host, _, port = text.rpartition(":")
    if ":" in host:  # an IPv6 address stands in brackets
        host = host[1:-1] if host.startswith("[") and host.endswith("]") else ""
    if not host or not (port.isascii() and port.isdecimal()) or int(port[:6]) > MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT, such as 127.0.0.1:8080")
    return host, int(port)


def byte_size(text: str) -> int:
    """Argument type: a number of bytes such as `500K`, `1.5M`, `10MB`; `Ki`, `Mi`, ... are binary.

    Without an `i` a unit is decimal, as `output.human_size` shows it.
    """
    match = re.fullmatch(_SIZE, text)
    if match is None or len(match[1]) > MAX_DIGITS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size: a number with K, M, G or T, such as 500K, 10M or 1.5Gi"
        )
    factor = 1024 if match[3] else 1000
    unit: int = factor ** _SIZE_PREFIXES.index((match[2] or " ").upper())
    whole, _, rest = match[1].partition(".")
    size: int = int(whole + rest) * unit // 10 ** len(rest)  # a float would lose some
    return size


def instant(text: str) -> datetime:
    """Argument type: an ISO 8601 date or instant; UTC where it names no zone."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an ISO 8601 date or instant, such as 2024-05-01 or "
            "2024-05-01T12:00:00Z"
        ) from None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is out of range") from None
