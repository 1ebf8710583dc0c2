"""The arguments of `proc-run`."""

from __future__ import annotations

import argparse
import re
import signal

from proc_run.limits import GRACE_S, KILL_AFTER_S
from proc_run.tails import TAIL_BYTES
from toolroll_shared.cli import MAX_DIGITS, add_common_arguments, byte_size, whole_number

from .words import CommandParser

TOOL = "proc-run"

_DESCRIPTION = """\
Run CMD as a careful operator would: within limits, with its output passed on as it comes and
its exit code returned, and with nothing of it left behind.

Exit codes are those of timeout(1): CMD's own; 128 and its number if a signal ended it; 124 after
a timeout (137 if it took KILL); 125 if proc-run failed, 126 if CMD cannot be run, 127 if it was
not found. A DURATION is a number with s, m, h or d, such as 1.5 or 2m; 0 is none.
"""

_SECONDS = {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_IN_NUMBERS = {*"0123456789.eE+-"}
_TICK_S = 1e-9


def build_parser() -> CommandParser:
    """Return the command's parser."""
    usage = "proc-run [OPTIONS] [--] CMD [ARG...]"
    parser = CommandParser(TOOL, usage=usage, description=_DESCRIPTION)
    _add_limits(parser)
    _add_processes(parser)
    _add_report(parser)
    _add_unattended(parser)
    _add_surroundings(parser)
    add_common_arguments(parser, tool=TOOL)
    return parser


def _add_limits(parser: CommandParser) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument(
        "-t", "--timeout", metavar="DURATION", type=seconds, help="end CMD after that time"
    )
    group.add_argument(
        "--idle-timeout",
        metavar="DURATION",
        type=seconds,
        help="end CMD when it has written nothing for that time",
    )
    group.add_argument(
        "-s",
        "--signal",
        metavar="SIGNAL",
        type=signal_number,
        default=signal.SIGTERM,
        help="what it is sent then, by name or number (default: TERM)",
    )
    group.add_argument(
        "-k",
        "--kill-after",
        metavar="DURATION",
        type=seconds,
        help=f"send KILL if it goes on for so long (default: {KILL_AFTER_S:g}); if given, also "
        "after signals that proc-run passes on",
    )
    group.add_argument(
        "-p",
        "--preserve-status",
        action="store_true",
        help="return CMD's own code after a timeout, too",
    )
    group.add_argument(
        "--max-output",
        metavar="SIZE",
        type=byte_size,
        help="pass on so much output in all; read the rest and drop it",
    )


def _add_processes(parser: CommandParser) -> None:
    group = parser.add_argument_group("processes")
    place = group.add_mutually_exclusive_group()
    place.add_argument(
        "-f",
        "--foreground",
        action="store_true",
        help="leave CMD in proc-run's process group; on a terminal it always is",
    )
    place.add_argument(
        "--pty",
        action="store_true",
        help="give CMD a terminal of its own, for all three streams",
    )
    group.add_argument(
        "--grace",
        metavar="DURATION",
        type=seconds,
        default=GRACE_S,
        help=f"how long what outlives CMD may go on, and its output is read (default: {GRACE_S:g})",
    )
    group.add_argument(
        "--keep-descendants",
        action="store_true",
        help="spare and report what outlives CMD or left its process group",
    )


def _add_report(parser: CommandParser) -> None:
    group = parser.add_argument_group("report")
    group.add_argument(
        "--json",
        action="store_true",
        help="print one JSON document; CMD's standard output goes to standard error",
    )
    group.add_argument("--json-file", metavar="PATH", help="write it to PATH instead")
    group.add_argument(
        "--tail-bytes",
        metavar="SIZE",
        type=byte_size,
        default=TAIL_BYTES,
        help=f"how much of each stream's end it has (default: {TAIL_BYTES})",
    )
    group.add_argument(
        "--redact",
        metavar="REGEX",
        type=_pattern,
        action="append",
        default=[],
        help="hide what fits REGEX in the report and in messages (repeatable)",
    )
    group.add_argument(
        "--secret-env",
        metavar="NAME",
        action="append",
        default=[],
        help="hide the value of CMD's environment variable NAME there (repeatable)",
    )


def _add_unattended(parser: CommandParser) -> None:
    group = parser.add_argument_group("for cron and CI")
    group.add_argument(
        "--quiet-on-success",
        action="store_true",
        help="hold all output back, and print it only if CMD fails",
    )
    group.add_argument(
        "--retries",
        metavar="N",
        type=whole_number,
        default=0,
        help="run CMD again if it fails, N times at most",
    )
    group.add_argument(
        "--backoff",
        metavar="DURATION",
        type=seconds,
        default=1.0,
        help="the longest wait before the first retry, doubled for each further one up to "
        "5 minutes; a random part of it is waited (default: 1)",
    )
    group.add_argument(
        "--lock", metavar="FILE", help="do not run CMD while another run has locked FILE"
    )
    group.add_argument(
        "--lock-wait",
        metavar="DURATION",
        type=seconds,
        default=0.0,
        help="how long to wait for that, inf for ever (default: 0)",
    )
    group.add_argument(
        "--lock-code",
        metavar="CODE",
        type=_exit_code,
        default=None,
        help="the exit code if another run has it (default: 75); with 0 nothing is said",
    )


def _add_surroundings(parser: CommandParser) -> None:
    group = parser.add_argument_group("surroundings")
    group.add_argument(
        "--env-file",
        metavar="FILE",
        action="append",
        default=[],
        help="set the variables of FILE for CMD: NAME=value lines (repeatable)",
    )
    group.add_argument("--cwd", metavar="DIR", help="run CMD in DIR")
    group.add_argument(
        "--nice", metavar="N", type=_niceness, default=0, help="add N to its niceness"
    )


def seconds(text: str) -> float:
    """Argument type: a duration as timeout(1) takes it; in seconds, inf for more than there is.

    What is too small for a float is not 0, which would mean none.
    """
    number = text.rstrip("msdhw")
    unit = _SECONDS.get(text[len(number) :])
    if unit is None or not _is_number(number):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a duration: a number with s, m, h or d, such as 1.5 or 2m"
        )
    has_digits = number.lower().partition("e")[0].strip("0.")
    return max(float(number) * unit, _TICK_S) if has_digits else 0.0


def _is_number(text: str) -> bool:
    """Tell whether a text is what C's strtod takes, but for signs, names and bases."""
    if text == "inf":
        return True
    if text[:1] not in {*"0123456789."} or len(text) > MAX_DIGITS or set(text) - _IN_NUMBERS:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def signal_number(text: str) -> int:
    """Argument type: a signal by its number or name: `TERM`, `sigterm`, `15`, `RTMIN+3`."""
    is_number = re.fullmatch("[0-9]{1,2}", text)
    number = int(text) if is_number else _signals().get(text.upper().removeprefix("SIG"), 0)
    if number not in signal.valid_signals():
        raise argparse.ArgumentTypeError(f"{text!r} is not a signal, such as TERM, INT or 9")
    return number


def _signals() -> dict[str, int]:
    """Return the signals that have names, by their names without `SIG`."""
    members = signal.Signals.__members__.items()
    found: dict[str, int] = {name.removeprefix("SIG"): number for name, number in members}
    for number in range(signal.SIGRTMIN, signal.SIGRTMAX + 1):
        found[f"RTMIN+{number - signal.SIGRTMIN}"] = number
        found[f"RTMAX-{signal.SIGRTMAX - number}"] = number
    return found


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a regular expression: {error}") from None


def _exit_code(text: str) -> int:
    return _between(text, 0, 255, "an exit code")


def _niceness(text: str) -> int:
    return _between(text, -20, 19, "a niceness")


def _between(text: str, least: int, most: int, what: str) -> int:
    if not re.fullmatch("-?[0-9]{1,3}", text) or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what} from {least} to {most}")
    return int(text)
