"""The `multi-fetch` command: a list of URLs in, one record for each out, a summary on stderr."""

import argparse
import gc
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from toolroll_shared.cli import (
    Parser,
    add_common_arguments,
    byte_size,
    duration,
    positive_int,
    run,
    whole_number,
)
from toolroll_shared.errors import Exit, UsageError
from toolroll_shared.logs import Journal, Log
from toolroll_shared.output import is_terminal, note, oneline
from toolroll_shared.signals import run_async

from .open_files import ensure_descriptors

if TYPE_CHECKING:
    from .run import Options
    from .tally import Tally

TOOL = "multi-fetch"

DEFAULT_CONCURRENCY = 50
"""Requests at once, as `curl --parallel` has it."""

DEFAULT_TIMEOUT_S = 300.0
DEFAULT_IDLE_TIMEOUT_S = 30.0
DEFAULT_RETRIES = 2
DEFAULT_GRACE_S = 5.0

MAX_CONCURRENCY = 10_000
"""More sockets than that need another tool, and more than one address of ours."""

MAX_RETRY_WAIT_S = 300.0
"""For one URL, all its waits together; a longer Retry-After is not waited for."""

_DESCRIPTION = """\
Fetch many URLs at once, and report each of them exactly once.

FILE holds one URL a line; blank lines and lines that begin with # are passed over. Each line's
report is printed as soon as it is known; --ndjson prints a JSON record instead. Bodies are
counted and thrown away, unless --output-dir says where to save them. A summary follows on
stderr. Exit code 1: something failed (see --fail-on).
"""

_PROXY = re.compile(r"(?:(?:https?|socks4a?|socks5h?)://)?[^\s/]+/?|")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda journal: _main(argv, journal))


def build_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(TOOL, description=_DESCRIPTION)
    parser.add_argument("file", metavar="FILE", help="the list of URLs; - for stdin")
    _add_limits(parser)
    _add_request_arguments(parser)
    _add_output_arguments(parser)
    add_common_arguments(parser, tool=TOOL)
    return parser


def _add_limits(parser: Parser) -> None:
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--concurrency",
        type=_concurrency,
        default=DEFAULT_CONCURRENCY,
        metavar="N",
        help=f"requests in flight at once (default: {DEFAULT_CONCURRENCY})",
    )
    group.add_argument(
        "--per-host",
        type=positive_int,
        metavar="N",
        help="requests in flight at once to one scheme, host and port (default: no cap)",
    )
    group.add_argument(
        "--timeout",
        type=_positive_duration,
        default=DEFAULT_TIMEOUT_S,
        metavar="S",
        help="for one attempt as a whole, redirects included (default: 5m)",
    )
    group.add_argument(
        "--idle-timeout",
        type=_positive_duration,
        default=DEFAULT_IDLE_TIMEOUT_S,
        metavar="S",
        help="without a byte from the server, and until a connection stands (default: 30s)",
    )
    group.add_argument(
        "--retries",
        type=whole_number,
        default=DEFAULT_RETRIES,
        metavar="N",
        help="of what may pass: no connection, a cut one, silence, 408, 429, 500, 502, 503, 504 "
        f"(default: {DEFAULT_RETRIES})",
    )
    group.add_argument(
        "--max-bytes",
        type=byte_size,
        metavar="SIZE",
        help="of one body, such as 10M (default: no cap)",
    )
    group.add_argument(
        "--limit-rate",
        type=_rate,
        metavar="SIZE",
        help="a second, of all bodies together, such as 500K or 1.5M; Ki, Mi and Gi are binary "
        "(default: no cap)",
    )
    group.add_argument(
        "--grace",
        type=duration,
        default=DEFAULT_GRACE_S,
        metavar="S",
        help="for what is in flight at the first Ctrl+C; the second ends at once (default: 5s)",
    )


def _add_request_arguments(parser: Parser) -> None:
    group = parser.add_argument_group("requests")
    group.add_argument(
        "--method", choices=("GET", "HEAD"), default="GET", help="of all requests (default: GET)"
    )
    group.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="LINE",
        help="'Name: value', or @FILE with one such line for each; repeatable",
    )
    group.add_argument(
        "--proxy",
        type=_proxy,
        metavar="URL",
        help="for all requests; '' for none (default: what http_proxy, HTTPS_PROXY, ALL_PROXY "
        "and NO_PROXY say)",
    )


def _add_output_arguments(parser: Parser) -> None:
    group = parser.add_argument_group("output")
    group.add_argument("--ndjson", action="store_true", help="print one JSON record a line")
    group.add_argument(
        "--output-dir",
        type=_path,
        metavar="DIR",
        help="save bodies there, each whole or not at all, under a name made of its URL",
    )
    group.add_argument(
        "--durable",
        action="store_true",
        help="wait until the disk has each saved body (default: leave that to the system)",
    )
    group.add_argument("--sha256", action="store_true", help="hash the bodies")
    group.add_argument(
        "--resume",
        type=_path,
        metavar="NDJSON",
        help="do not fetch again what these records of an earlier run say is done",
    )
    group.add_argument(
        "--fail-on",
        choices=("http", "transport", "never"),
        default="http",
        help="what makes the exit code 1: any failure, any but HTTP errors, none (default: http)",
    )
    group.add_argument(
        "--json-summary", type=_path, metavar="FILE", help="write the summary there as JSON"
    )


def _concurrency(text: str) -> int:
    number = positive_int(text)
    if number > MAX_CONCURRENCY:
        raise argparse.ArgumentTypeError(f"{number} exceeds {MAX_CONCURRENCY}")
    return number


def _positive_duration(text: str) -> float:
    seconds = duration(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time to do anything in")
    return seconds


def _rate(text: str) -> int:
    size = byte_size(text)
    if not size:
        raise argparse.ArgumentTypeError(f"{text!r} a second is no rate: nothing would ever end")
    return size


def _path(text: str) -> Path:
    if not text:  # an unset variable, most likely; Path("") would be the current folder
        raise argparse.ArgumentTypeError("an empty name is no file or folder")
    return Path(text)


def _proxy(text: str) -> str:
    if _PROXY.fullmatch(text) is None:
        raise argparse.ArgumentTypeError("not a proxy, such as http://host:3128 or socks5h://host")
    return text


def _main(argv: Sequence[str] | None, journal: Journal) -> int:
    arguments = build_parser().parse_args(argv)
    if arguments.output_dir is not None and arguments.method == "HEAD":
        raise UsageError("--output-dir: HEAD has no bodies to save")
    if arguments.sha256 and arguments.method == "HEAD":
        raise UsageError("--sha256: HEAD has no bodies to hash")
    if arguments.durable and arguments.output_dir is None:
        raise UsageError("--durable: nothing is saved without --output-dir")
    if arguments.resume is not None and _is_emptied_output(arguments.resume):
        raise UsageError(
            f"--resume {arguments.resume}: is the output too, now empty: use >> for it"
        )
    ensure_descriptors(arguments.concurrency, saving=arguments.output_dir is not None)
    with _opened(arguments.file) as (descriptor, name):
        return _fetch(arguments, descriptor, name, journal.open(arguments.log_json))


def _is_emptied_output(path: Path) -> bool:
    """Tell whether the shell has emptied a file because our output goes there."""
    if sys.platform == "win32":  # it does not tell how a file was opened
        flags = os.O_APPEND
    else:
        from fcntl import F_GETFL, fcntl

    try:
        descriptor = sys.stdout.fileno()
        if sys.platform != "win32":
            flags = fcntl(descriptor, F_GETFL)
        ours, file = os.fstat(descriptor), path.stat()
    except (OSError, ValueError, AttributeError):
        return False
    is_new = not flags & os.O_APPEND and not file.st_size
    return is_new and path.is_file() and os.path.samestat(ours, file)


def _fetch(arguments: argparse.Namespace, descriptor: int, name: str, log: Log) -> int:
    from .lines import Lines
    from .progress import watched
    from .run import Stopper, fetch_lines
    from .tally import Tally

    gc.freeze()  # what is loaded stays: looking through it now and then takes 3% of a run
    options, tally, started = _options(arguments), Tally(), time.monotonic()
    stopper = Stopper(options.grace)
    lines = Lines(descriptor, name)
    has_summary = True
    seen = is_terminal(sys.stderr) and not os.environ.get("NO_COLOR")
    try:
        with watched(tally, shown=seen) as out:
            run_async(
                fetch_lines(options, lines, out, tally, stopper, log=log), at_first_signal=stopper
            )
    finally:
        took = time.monotonic() - started
        for line in tally.as_text(took) if tally.lines else ():
            note(TOOL, line)
        if arguments.json_summary is not None:
            has_summary = _has_written_summary(arguments.json_summary, tally, took, log)
    if stopper.asked:
        raise KeyboardInterrupt
    return _exit_code(arguments.fail_on, tally, name) or (Exit.OK if has_summary else Exit.FAILED)


def _has_written_summary(path: Path, tally: "Tally", duration_s: float, log: Log) -> bool:
    from .run import write_summary

    try:
        with log.action("summary", str(path)):
            write_summary(path, tally, duration_s)
    except OSError as error:
        note(TOOL, oneline(f"--json-summary {path}: {error.strerror}"))
        return False
    return True


def _exit_code(fail_on: str, tally: "Tally", name: str) -> int:
    if fail_on == "never":
        return Exit.OK
    if not tally.lines:
        raise UsageError(f"{name}: holds no URL")
    failed = tally.failed - (tally.http_errors if fail_on == "transport" else 0)
    return Exit.FAILED if failed else Exit.OK


def _options(arguments: argparse.Namespace) -> "Options":
    from toolroll_shared.files import make_folder
    from toolroll_shared.retry import Backoff

    from .headers import headers_of
    from .jobs import Limits
    from .run import Options

    if arguments.output_dir is not None:
        try:
            make_folder(arguments.output_dir)
        except OSError as error:
            raise UsageError(f"--output-dir {arguments.output_dir}: {error.strerror}") from error
    return Options(
        limits=Limits(
            concurrency=arguments.concurrency,
            per_host=arguments.per_host,
            timeout=arguments.timeout,
            idle_timeout=arguments.idle_timeout,
            max_bytes=arguments.max_bytes,
            rate=arguments.limit_rate,
            backoff=Backoff(tries=arguments.retries + 1, total=MAX_RETRY_WAIT_S),
            proxy=arguments.proxy,
        ),
        ndjson=arguments.ndjson,
        method=arguments.method,
        headers=headers_of(arguments.header),
        output_dir=arguments.output_dir,
        sha256=arguments.sha256,
        durable=arguments.durable,
        resume=arguments.resume,
        grace=arguments.grace,
    )


@contextmanager
def _opened(file: str) -> Iterator[tuple[int, str]]:
    """Yield a descriptor of the list, and what to call it."""
    if file == "-":
        if sys.stdin is None:
            raise UsageError("stdin is closed")
        yield sys.stdin.fileno(), "stdin"
        return
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a name of a file"
        raise UsageError(f"{file}: {reason}") from error
    try:
        yield descriptor, file
    finally:
        os.close(descriptor)
