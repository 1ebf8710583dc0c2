"""The `release-mirror` command: arguments in, a mirror brought up to date, a summary out."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gh_releases import add_client_arguments, add_release_arguments, client_options
from toolroll_shared.cli import Parser, add_common_arguments, positive_int, run
from toolroll_shared.errors import Exit
from toolroll_shared.logs import Log, open_log
from toolroll_shared.output import is_terminal, note, oneline, write_result
from toolroll_shared.signals import run_async

if TYPE_CHECKING:
    from .mirror import Options
    from .progress import Bar, Quiet

TOOL = "release-mirror"

DEFAULT_CONCURRENCY = 8
"""Downloads at once: enough to fill a line, far below GitHub's limit of 100 requests."""

MAX_CONCURRENCY = 100
"""GitHub refuses more requests at once."""

_DESCRIPTION = """\
Mirror the release assets of a GitHub repository into DEST/OWNER/REPO/TAG/ASSET.

Each file is checked against GitHub's digest and appears whole or not at all. What is there
already is not downloaded again; DEST/manifest.sqlite keeps the account. A token is taken
from GH_TOKEN or GITHUB_TOKEN, the API from --api-url or GITHUB_API_URL.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda: _main(argv))


def build_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(TOOL, description=_DESCRIPTION)
    add_release_arguments(parser)
    parser.add_argument(
        "--dest",
        type=_folder,
        required=True,
        metavar="DIR",
        help="the mirror's folder; made if needed",
    )
    parser.add_argument(
        "--concurrency",
        type=_concurrency,
        default=DEFAULT_CONCURRENCY,
        metavar="N",
        help=f"downloads at once (default: {DEFAULT_CONCURRENCY})",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be done, and write nothing"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the summary (or plan) as one JSON object"
    )
    add_client_arguments(parser)
    add_common_arguments(parser, tool=TOOL)
    return parser


def _folder(text: str) -> Path:
    if not text:  # an unset variable, most likely; Path("") would be the current folder
        raise argparse.ArgumentTypeError("an empty name is no folder")
    return Path(text)


def _concurrency(text: str) -> int:
    number = positive_int(text)
    if number > MAX_CONCURRENCY:
        raise argparse.ArgumentTypeError(f"{number} exceeds {MAX_CONCURRENCY}")
    return number


def _main(argv: Sequence[str] | None) -> int:
    arguments = build_parser().parse_args(argv)
    from .mirror import Options

    options = Options(
        repository=arguments.repository.name,
        dest=arguments.dest,
        since=arguments.since,
        concurrency=arguments.concurrency,
        client=client_options(arguments, arguments.repository.host),
    )
    with open_log(TOOL, arguments.log_json) as log:
        if arguments.dry_run:
            return _show_plan(options, log, json=arguments.json)
        return _mirror(options, log, json=arguments.json)


def _show_plan(options: "Options", log: Log, *, json: bool) -> int:
    from .mirror import dry_run
    from .report import plan_json, plan_text

    actions = run_async(dry_run(options, notify=_say, log=log))
    write_result(plan_json(actions) if json else plan_text(actions))
    return Exit.OK


def _mirror(options: "Options", log: Log, *, json: bool) -> int:
    from .mirror import mirror_repository
    from .report import Report, report_json, report_text

    started = time.monotonic()
    report = Report(repository=options.repository)
    try:
        with _watcher() as progress:
            run_async(mirror_repository(options, report, notify=_say, progress=progress, log=log))
    except KeyboardInterrupt:
        _say(f"{report.downloaded} downloaded so far, and in place; run it again to go on")
        raise
    show = report_json if json else report_text
    write_result(show(report, duration_s=time.monotonic() - started))
    return Exit.FAILED if report.failures else Exit.OK


def _watcher() -> "Bar | Quiet":
    from .progress import Bar, Quiet

    return Bar() if is_terminal(sys.stderr) else Quiet()


def _say(message: str) -> None:
    note(TOOL, oneline(message))
