"""The arguments of `observe` and of its commands."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from toolroll_shared.cli import add_common_arguments, address, whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from toolroll_shared.cli import Parser
    from toolroll_shared.logs import Log

TOOL = "observe"
PORT = 9464
"""What OpenTelemetry's exporters for Prometheus listen at."""
TAIL = 10
_NAME = r"(?a:[\w.:-]{1,64})"


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name is empty: is a variable not set?")
    return Path(text)


def _textfile(text: str) -> Path:
    path = _path(text)
    if path.suffix != ".prom":
        raise argparse.ArgumentTypeError(f"{text!r} does not end with .prom: nobody would read it")
    return path


def _name(text: str) -> str:
    if not re.fullmatch(_NAME, text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name: letters, digits and _.:- only")
    return text


def _label(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty: is a variable not set?")
    if text in {".", ".."}:  # servers take them for folders
        raise argparse.ArgumentTypeError(f"{text!r} cannot stand in a URL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not UTF-8") from None
    return text


def add_run_arguments(parser: Parser) -> None:
    """Add those of a command that is run."""
    where = parser.add_argument_group("where the metrics go")
    where.add_argument(
        "--textfile",
        type=_textfile,
        metavar="PATH",
        help="a .prom file in the folder of node_exporter's textfile collector; its counters "
        "grow from run to run",
    )
    where.add_argument(
        "--push",
        metavar="URL",
        help="a Pushgateway; its counters grow from run to run, and it has the time of the last "
        "success",
    )
    where.add_argument(
        "--job", type=_label, metavar="NAME", help="what it is pushed as (default: CMD's name)"
    )
    where.add_argument(
        "--instance",
        type=_label,
        metavar="NAME",
        help="whose it is when it is pushed (default: the host's name)",
    )
    where.add_argument(
        "--listen",
        type=address,
        metavar="HOST:PORT",
        help="serve /metrics while CMD runs; port 0 is any, and is said on stderr",
    )
    parser.add_argument(
        "--name",
        type=_name,
        metavar="NAME",
        help="the tool in the record that is made from the outside (default: CMD's name)",
    )
    add_common_arguments(parser, tool=TOOL)


def add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    """Add those of `serve`."""
    parser.add_argument(
        "--log",
        type=_path,
        action="extend",
        nargs="+",
        required=True,
        metavar="FILE",
        help="a log to follow; it need not be there yet",
    )
    parser.add_argument(
        "--listen",
        type=address,
        default=f"127.0.0.1:{PORT}",
        metavar="HOST:PORT",
        help="where; port 0 is any (default: %(default)s)",
    )
    parser.add_argument(
        "--state",
        type=_path,
        metavar="FILE",
        help="where it is kept what was counted (default: in $XDG_STATE_HOME/toolroll/observe, "
        "one for each --listen address)",
    )
    parser.set_defaults(run=_run_serve)


def add_check_arguments(parser: argparse.ArgumentParser) -> None:
    """Add those of `check`."""
    _add_files(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--schema", action="store_true", help="print the schema itself, and no more"
    )
    parser.set_defaults(run=_run_check)


def add_tail_arguments(parser: argparse.ArgumentParser) -> None:
    """Add those of `tail`."""
    parser.add_argument(
        "file",
        nargs="?",
        default="-",
        metavar="FILE",
        help="a log, or - for standard input (the default)",
    )
    parser.add_argument(
        "-n",
        "--lines",
        type=whole_number,
        default=TAIL,
        metavar="N",
        help="how many records, at most (default: %(default)s)",
    )
    parser.add_argument(
        "-f", "--follow", action="store_true", help="go on with what is written, over rotations"
    )
    parser.add_argument("--failed", action="store_true", help="only what was not ok")
    _add_request_id(parser)
    parser.set_defaults(run=_run_tail)


def add_report_arguments(parser: argparse.ArgumentParser) -> None:
    """Add those of `report`."""
    _add_files(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    _add_request_id(parser)
    parser.set_defaults(run=_run_report)


def _add_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="a log, or - for standard input (the default)"
    )


def _add_request_id(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--request-id", metavar="ID", help="only what one run has written")


def _run_serve(arguments: argparse.Namespace, log: Log) -> int:
    from .serving import serve

    return serve(arguments, log)


def _run_check(arguments: argparse.Namespace, log: Log) -> int:
    from .reading import check

    return check(arguments, log)


def _run_tail(arguments: argparse.Namespace, log: Log) -> int:
    from .tailing import tail

    return tail(arguments, log)


def _run_report(arguments: argparse.Namespace, log: Log) -> int:
    from .reading import report

    return report(arguments, log)
