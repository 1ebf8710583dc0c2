"""The `gh-releases` command: arguments in, a table or JSON out."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from toolroll_shared.cli import (
    Parser,
    add_common_arguments,
    duration,
    instant,
    positive_int,
    run,
    whole_number,
)
from toolroll_shared.errors import UsageError
from toolroll_shared.logs import Journal, Log
from toolroll_shared.output import is_terminal, note, write
from toolroll_shared.signals import run_async

from .environment import cache_folder, find_api
from .options import (
    DEFAULT_API_URL,
    DEFAULT_MAX_WAIT_S,
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT_S,
    ClientOptions,
)
from .target import Target, parse_target

if TYPE_CHECKING:
    from .listing import Form, Query

TOOL = "gh-releases"

_DESCRIPTION = """\
List the releases of a GitHub repository, in GitHub's order (newest commit first).

A token is taken from GH_TOKEN or GITHUB_TOKEN; for a HOST that is not GitHub's own, from
GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN. On a terminal the list is a table; in a
pipe its rows are tab-separated, with exact times and bytes and without a header.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda journal: _main(argv, journal))


def build_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(TOOL, description=_DESCRIPTION)
    add_release_arguments(parser)
    parser.add_argument(
        "--until",
        type=last_instant,
        metavar="ISO8601",
        help="only releases published at this instant, or by the end of this date, or earlier",
    )
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="GLOB",
        help="only releases whose tag fits, as in 'v1.*'; may be repeated: any of them",
    )
    parser.add_argument("--exclude-prereleases", action="store_true", help="leave pre-releases out")
    parser.add_argument("--exclude-drafts", action="store_true", help="leave drafts out")
    parser.add_argument("--limit", type=positive_int, metavar="N", help="no more than N releases")
    _add_output_arguments(parser)
    add_client_arguments(parser)
    add_common_arguments(parser, tool=TOOL)
    return parser


def _add_output_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--assets", action="store_true", help="list assets instead of releases, one a row"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON document at the end")
    form.add_argument(
        "--ndjson", action="store_true", help="print one JSON record a line, as pages arrive"
    )
    parser.add_argument(
        "--meta",
        action="store_true",
        help="with --json: an object that also has the requests made and the quota left",
    )


def add_release_arguments(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add the arguments about which releases are meant: `since`, and a `Target` or several.

    Args:
        parser: takes them.
        several: any number of `repositories`, none among them, instead of one `repository`.
    """
    if several:
        parser.add_argument(
            "repositories",
            nargs="*",
            type=_target,
            metavar="[HOST/]OWNER/REPO",
            help="the repositories; their https URLs will do",
        )
    else:
        parser.add_argument(
            "repository",
            type=_target,
            metavar="[HOST/]OWNER/REPO",
            help="the repository; its https URL will do",
        )
    parser.add_argument(
        "--since",
        type=instant,
        metavar="ISO8601",
        help="only releases published at this date or instant (UTC) or later; drafts never are",
    )


def add_client_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options about reaching the API; `client_options` reads them."""
    group = parser.add_argument_group("reaching the API")
    group.add_argument(
        "--api-url",
        metavar="URL",
        help="the API's root (default: that of HOST, else of $GH_HOST, else $GITHUB_API_URL, "
        f"else {DEFAULT_API_URL})",
    )
    group.add_argument(
        "--timeout",
        type=_timeout,
        default=DEFAULT_TIMEOUT_S,
        metavar="DURATION",
        help="for each API request, with its redirects and answer "
        f"(default: {DEFAULT_TIMEOUT_S:g}s)",
    )
    group.add_argument(
        "--retries",
        type=whole_number,
        default=DEFAULT_RETRIES,
        metavar="N",
        help=f"further tries after a passing failure (default: {DEFAULT_RETRIES})",
    )
    group.add_argument(
        "--max-wait",
        type=duration,
        default=DEFAULT_MAX_WAIT_S,
        metavar="DURATION",
        help="how long all rate-limit waits together may take; beyond it the command "
        f"gives up with exit code 75 (default: {DEFAULT_MAX_WAIT_S / 60:g}m)",
    )
    group.add_argument(
        "--no-cache",
        action="store_true",
        help="neither use nor write the pages kept in $XDG_CACHE_HOME (default: ~/.cache), "
        "which save quota and time where nothing has changed",
    )


def last_instant(text: str) -> datetime:
    """Argument type: as `instant`, but a date means its last moment, so that the day is in."""
    moment = instant(text)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return moment
    return datetime.combine(day, time.max, tzinfo=UTC)


def _timeout(text: str) -> float:
    seconds = duration(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text!r} is no time at all")
    return seconds


def _target(text: str) -> Target:
    try:
        return parse_target(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def client_options(
    arguments: argparse.Namespace, host: str | None, environ: Mapping[str, str] = os.environ
) -> ClientOptions:
    """Return how to reach the API, from arguments and environment.

    Args:
        arguments: those of `add_client_arguments`, parsed.
        host: the one that was named with a repository, if one was.
        environ: the environment.

    Raises:
        UsageError: the URL or the token cannot be used.
    """
    api_url, token = find_api(environ, api_url=arguments.api_url, host=host)
    return ClientOptions(
        api_url=api_url,
        token=token,
        timeout=arguments.timeout,
        retries=arguments.retries,
        max_wait=arguments.max_wait,
        cache=None if arguments.no_cache else cache_folder(environ, TOOL),
    )


def _main(argv: Sequence[str] | None, journal: Journal) -> int:
    arguments = build_parser().parse_args(argv)
    if arguments.meta and not arguments.json:
        raise UsageError("--meta is a part of --json")
    if arguments.since and arguments.until and arguments.since > arguments.until:
        raise UsageError("--since is later than --until: nothing lies between them")
    options = client_options(arguments, arguments.repository.host)
    run_async(_list(options, _query(arguments), journal.open(arguments.log_json)))
    return 0


def _query(arguments: argparse.Namespace) -> "Query":
    from .listing import Query
    from .select import Selection

    selection = Selection(
        since=arguments.since,
        until=arguments.until,
        tags=tuple(arguments.tag),
        prereleases=not arguments.exclude_prereleases,
        drafts=not arguments.exclude_drafts,
    )
    return Query(
        repository=arguments.repository.name,
        selection=selection,
        limit=arguments.limit,
        assets=arguments.assets,
        form=_form(arguments),
        meta=arguments.meta,
    )


def _form(arguments: argparse.Namespace) -> "Form":
    from .listing import Form

    if arguments.json:
        return Form.JSON
    if arguments.ndjson:
        return Form.NDJSON
    return Form.TABLE if is_terminal(sys.stdout) else Form.ROWS


async def _list(options: ClientOptions, query: "Query", log: Log) -> None:
    from contextlib import aclosing

    from .client import Client
    from .listing import Form, listing

    printed = False
    async with (
        Client(options, notify=_say, log=log) as client,
        aclosing(listing(client, query, now=datetime.now(UTC), notify=_say)) as texts,
    ):
        async for text in texts:
            write(text, flush=query.form is Form.NDJSON)
            printed = printed or bool(text)
    if not printed and is_terminal(sys.stderr):
        _say(f"{query.repository}: nothing to list")


def _say(message: str) -> None:
    note(TOOL, message)
