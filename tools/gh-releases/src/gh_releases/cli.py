"""The `gh-releases` command: arguments in, a table or JSON out."""

import argparse
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from toolroll_shared.cli import (
    Parser,
    add_common_arguments,
    duration,
    instant,
    run,
    run_async,
    whole_number,
)
from toolroll_shared.errors import UsageError
from toolroll_shared.logs import Log, open_log
from toolroll_shared.output import human_size, is_terminal, json_document, note, table, write

from .models import is_repository_name
from .options import (
    DEFAULT_API_URL,
    DEFAULT_MAX_WAIT_S,
    DEFAULT_RETRIES,
    DEFAULT_TIMEOUT_S,
    ClientOptions,
    is_token,
)

if TYPE_CHECKING:
    from datetime import datetime

    from .models import Release

TOOL = "gh-releases"

_LOOPBACK = re.compile(r"localhost|.*\.localhost|127(\.\d+){3}|::1")

_DESCRIPTION = """\
List the releases of a GitHub repository, in GitHub's order (newest commit first).

A token is taken from GH_TOKEN or GITHUB_TOKEN, the API from --api-url or GITHUB_API_URL.
On a terminal the list is a table; in a pipe its rows are tab-separated, without a header.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    repository: str
    since: "datetime | None"
    json: bool
    client: ClientOptions


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return run(TOOL, lambda: _main(argv))


def build_parser() -> Parser:
    """Return the command's parser."""
    parser = Parser(TOOL, description=_DESCRIPTION)
    add_release_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON array")
    add_client_arguments(parser)
    add_common_arguments(parser, tool=TOOL)
    return parser


def add_release_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments about which releases are meant: `repository` and `since`."""
    parser.add_argument("repository", type=_repository, metavar="OWNER/REPO")
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
        help=f"the API's root (default: $GITHUB_API_URL, else {DEFAULT_API_URL})",
    )
    group.add_argument(
        "--timeout",
        type=duration,
        default=DEFAULT_TIMEOUT_S,
        metavar="DURATION",
        help=f"for each API request, answer included (default: {DEFAULT_TIMEOUT_S:g}s)",
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


def _repository(text: str) -> str:
    if not is_repository_name(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not OWNER/REPO")
    return text


def client_options(
    arguments: argparse.Namespace, environ: Mapping[str, str] = os.environ
) -> ClientOptions:
    """Return how to reach the API, from arguments and environment.

    Raises:
        UsageError: the URL or the token cannot be used.
    """
    api_url = arguments.api_url or environ.get("GITHUB_API_URL") or DEFAULT_API_URL
    token = _token(environ)
    return ClientOptions(
        api_url=_checked_api_url(api_url, with_token=token is not None),
        token=token,
        timeout=arguments.timeout,
        retries=arguments.retries,
        max_wait=arguments.max_wait,
    )


def _token(environ: Mapping[str, str]) -> str | None:
    for variable in ("GH_TOKEN", "GITHUB_TOKEN"):
        if token := environ.get(variable, "").strip():
            if not is_token(token):
                raise UsageError(f"{variable}: holds characters that no token has")
            return token
    return None


def _checked_api_url(url: str, *, with_token: bool) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise UsageError(f"--api-url: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError("--api-url: not an http or https URL")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("--api-url: only scheme, host, port and path; the token is in GH_TOKEN")
    if with_token and parts.scheme == "http" and not _LOOPBACK.fullmatch(parts.hostname):
        raise UsageError(
            "--api-url: a token would travel unencrypted: use https, or unset GH_TOKEN"
        )
    return url.rstrip("/")


def _main(argv: Sequence[str] | None) -> int:
    arguments = build_parser().parse_args(argv)
    options = _Options(
        repository=arguments.repository,
        since=arguments.since,
        json=arguments.json,
        client=client_options(arguments),
    )
    with open_log(TOOL, arguments.log_json) as log:
        releases = _list(options, log)
    write(_json(releases) if options.json else _table(releases))
    if not releases and is_terminal(sys.stderr):
        note(TOOL, f"{options.repository}: no releases" + (" since then" * bool(options.since)))
    return 0


def _list(options: _Options, log: Log) -> "list[Release]":
    from .client import Client
    from .select import published_since

    async def collect() -> "list[Release]":
        client = Client(options.client, notify=_say, log=log)
        async with client:
            return [
                release
                async for release in client.releases(options.repository)
                if published_since(release, options.since)
            ]

    return run_async(collect())


def _say(message: str) -> None:
    note(TOOL, message)


def _json(releases: "Sequence[Release]") -> str:
    return json_document([asdict(release) for release in releases])


def _table(releases: "Sequence[Release]") -> str:
    header = ("TAG", "NAME", "PUBLISHED", "FLAGS", "ASSETS", "SIZE", "DOWNLOADS")
    return table(header, map(_row, releases), stream=sys.stdout)


def _row(release: "Release") -> tuple[str, ...]:
    flags = [name for name, set_ in (("draft", release.draft), ("pre", release.prerelease)) if set_]
    return (
        release.tag_name,
        release.name or "",
        release.published_at or "",
        ",".join(flags),
        str(len(release.assets)),
        human_size(sum(asset.size for asset in release.assets)),
        str(sum(asset.download_count for asset in release.assets)),
    )
